import { useState } from 'preact/hooks';
import type { Doctor } from '#contract/api.ts';
import type { Device, EnrolLink, Hello } from '#contract/door.ts';
import { call } from '../api.ts';
import { fieldsOf, typed } from '../form.ts';
import { clock } from '../format.ts';
import { keysOn, setKeys } from '../keys.ts';
import { pinLengthMin } from '../limits.ts';
import { Alert, Button, Copy, Loading, Section, Submit, Text, Time, useAct } from '../parts/bits.tsx';
import { Findings } from '../parts/findings.tsx';
import { Page } from '../parts/page.tsx';
import { concernsKinds, put, useResource } from '../resource.ts';
import { lock, useView } from '../store.ts';
import { setTheme, theme } from '../theme.ts';
import type { Theme } from '../theme.ts';

export function SettingsPage() {
  return (
    <Page title="Settings" class="settings">
      <Devices />
      <PinAndLock />
      <Integrations />
      <Health />
      <Look />
      <Version />
    </Page>
  );
}

function Devices() {
  const { value, error } = useResource<{ devices: Device[] }>('/api/devices', concernsKinds('device'));
  const [link, setLink] = useState<EnrolLink | null>(null);
  const { busy, said, act } = useAct();
  const revoke = (device: Device): void =>
    act(async () => put('/api/devices', await call('DELETE', `/api/devices/${device.id}`)));
  return (
    <Section id="devices" title="Devices">
      {value ? null : <Loading error={error} what="the devices" />}
      <ul class="ledger">
        {(value?.devices ?? [])
          .filter((device) => device.revokedAtMs === null)
          .map((device) => (
            <li key={device.id} class="line">
              <span class="line-main">
                <span class="line-title">
                  <Text value={device.name} />
                  {device.current ? <span class="tag">this device</span> : null}
                </span>
                <span class="line-sub num">
                  {device.lastSeenAtMs === null ? 'Never seen' : 'Seen '}
                  {device.lastSeenAtMs === null ? null : <Time atMs={device.lastSeenAtMs} />}, enrolled{' '}
                  <Time atMs={device.enrolledAtMs} />
                </span>
              </span>
              {device.current ? null : (
                <Button kind="text" enabled={!busy} onPress={() => revoke(device)}>
                  Revoke<span class="sr"> {device.name}</span>
                </Button>
              )}
            </li>
          ))}
      </ul>
      <Alert>{said}</Alert>
      {link ? (
        <div class="notice">
          <p>
            Open this link once on the other device, before {clock(link.expiresAtMs)}. Whoever has it can enrol a
            device; the PIN is still asked.
          </p>
          <pre class="code wrap" tabIndex={0} role="group" aria-label="One-time link">
            {link.url}
          </pre>
          <Copy text={link.url} label="Copy link" />
        </div>
      ) : (
        <Button
          enabled={!busy}
          onPress={() => act(async () => setLink(await call<EnrolLink>('POST', '/api/devices/links')))}
        >
          New one-time link
        </Button>
      )}
    </Section>
  );
}

function PinAndLock() {
  const { busy, said, act, say } = useAct();
  const [done, setDone] = useState(false);
  const [open, setOpen] = useState(false);
  const change = (event: SubmitEvent): void => {
    const fields = fieldsOf(event);
    const [current, next] = [typed(fields, 'current'), typed(fields, 'next')];
    if (next !== typed(fields, 'again')) {
      say('The two new ones are not the same.');
      return;
    }
    act(async () => {
      await call<Hello>('POST', '/api/pin/change', { current, next }, { atTheDoor: true, wallMs: 30_000 });
      setDone(true);
      setOpen(false);
    });
  };
  return (
    <Section id="pin" title="PIN">
      <div class="row-buttons">
        <Button onPress={() => void lock()}>Lock now</Button>
        <Button onPress={() => setOpen(!open)}>{open ? 'Close' : 'Change PIN'}</Button>
      </div>
      {done ? <p role="status">The PIN was changed.</p> : null}
      {open ? (
        <form class="stack" onSubmit={change}>
          <label class="field">
            <span>Current PIN</span>
            <input type="password" name="current" required autocomplete="current-password" />
          </label>
          <label class="field">
            <span>New PIN</span>
            <input type="password" name="next" required minLength={pinLengthMin} autocomplete="new-password" />
          </label>
          <label class="field">
            <span>New PIN again</span>
            <input type="password" name="again" required minLength={pinLengthMin} autocomplete="new-password" />
          </label>
          <Alert>{said}</Alert>
          <Submit busy={busy}>Change PIN</Submit>
        </form>
      ) : null}
    </Section>
  );
}

function Integrations() {
  const { state } = useView();
  return (
    <Section id="integrations" title="Integrations">
      <ul class="findings">
        {(state?.integrations ?? []).map((one) => (
          <li key={one.name}>
            <span class="shape" aria-hidden="true">
              {one.connected ? '✓' : '–'}
            </span>
            <span>
              <strong>{one.name}</strong> <Text value={one.sentence} />
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Health() {
  const { value, error, reload } = useResource<Doctor>('/api/doctor', () => false);
  return (
    <Section
      id="doctor"
      title="Doctor"
      aside={
        <Button kind="text" onPress={reload}>
          Look again
        </Button>
      }
    >
      {value ? <Findings findings={value.findings} /> : <Loading error={error} what="the findings" />}
    </Section>
  );
}

const themes: readonly { readonly value: Theme; readonly label: string }[] = [
  { value: 'system', label: 'As the system' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
];

function Look() {
  const [chosen, choose] = useState(theme());
  const [keys, setOn] = useState(keysOn());
  return (
    <Section id="look" title="This device">
      <fieldset class="chips">
        <legend>Theme</legend>
        {themes.map(({ value, label }) => (
          <label key={value}>
            <input
              type="radio"
              name="theme"
              checked={chosen === value}
              onChange={() => {
                setTheme(value);
                choose(value);
              }}
            />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
      <label class="switch">
        <input
          type="checkbox"
          role="switch"
          checked={keys}
          onChange={(event) => {
            setKeys(event.currentTarget.checked);
            setOn(event.currentTarget.checked);
          }}
        />
        <span>Single-letter keys (press ? for the list)</span>
      </label>
    </Section>
  );
}

function Version() {
  const { state } = useView();
  return (
    <p class="muted num">
      patchgit, build <code>{state?.build}</code>
    </p>
  );
}
