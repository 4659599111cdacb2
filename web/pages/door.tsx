import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Hello } from '#contract/door.ts';
import { call } from '../api.ts';
import { fieldsOf, typed } from '../form.ts';
import { clock, duration } from '../format.ts';
import { pinLengthMin } from '../limits.ts';
import { Alert, Button, Submit, useAct, useTick } from '../parts/bits.tsx';
import { navigate } from '../router.ts';
import { askDoor, enter, useView } from '../store.ts';

const atTheDoor = { atTheDoor: true, wallMs: 30_000 };

/** Enrol, choose a PIN, or type it: whichever the server says is next. */
export function Door({ token }: { readonly token: string | null }) {
  const { hello } = useView();
  if (!hello) return null;
  if (token !== null) return <Enrol token={token} known={hello.door === 'locked' || hello.door === 'open'} />;
  if (hello.door === 'choose_pin') return <ChoosePin />;
  if (hello.door === 'unknown_device') return <Stranger />;
  return <Unlock hello={hello} />;
}

function Frame({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · patchgit`;
    // A field that focuses itself is where the owner goes on; without one it is the heading.
    if (!document.querySelector('.door [data-first]')) heading.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <main class="door" id="main">
      <div class="door-sheet">
        <p class="brand">
          <img src="/icon.svg" alt="" width="28" height="28" /> patchgit
        </p>
        <h1 tabIndex={-1} ref={heading}>
          {title}
        </h1>
        {children}
      </div>
    </main>
  );
}

function Stranger() {
  return (
    <Frame title="This device is not known here">
      <p>
        Open a one-time link on it. You get one in Settings on a device that is signed in, or on the machine itself:
      </p>
      <pre class="code" tabIndex={0}>
        patchgit device add
      </pre>
      <Button onPress={() => void askDoor()}>Check again</Button>
    </Frame>
  );
}

function Enrol({ token, known }: { readonly token: string; readonly known: boolean }) {
  const { busy, said, act } = useAct();
  const submit = (event: SubmitEvent): void => {
    const deviceName = typed(fieldsOf(event), 'deviceName');
    act(async () => {
      const hello = await call<Hello>('POST', '/api/enrol', { token, deviceName }, atTheDoor);
      // The link is used up: it does not stay in the history of the browser.
      navigate('/unlock', 'replace');
      enter(hello);
    });
  };
  return (
    <Frame title="Enrol this device">
      <p>This link works once. From then on this device is known, and opens with your PIN.</p>
      <form class="stack" onSubmit={submit}>
        <label class="field">
          <span>Device name</span>
          <input data-first name="deviceName" required maxLength={60} defaultValue={deviceGuess()} autocomplete="off" />
        </label>
        <Alert>{said}</Alert>
        <Submit busy={busy}>{busy ? 'Enrolling…' : 'Enrol this device'}</Submit>
      </form>
      {known ? (
        <p class="muted">
          This device is enrolled already.{' '}
          <button type="button" class="button text" onClick={() => navigate('/', 'replace')}>
            Go to patchgit
          </button>
        </p>
      ) : null}
    </Frame>
  );
}

/** "Chrome on Android": a first guess the owner can change. */
function deviceGuess(): string {
  const agent = navigator.userAgent;
  const browser = ['Firefox', 'Edg', 'Chrome', 'Safari'].find((name) => agent.includes(`${name}/`)) ?? 'Browser';
  const system = ['iPhone', 'iPad', 'Android', 'Windows', 'Mac', 'Linux'].find((name) => agent.includes(name));
  return `${browser === 'Edg' ? 'Edge' : browser}${system ? ` on ${system}` : ''}`;
}

function ChoosePin() {
  const { busy, said, act, say } = useAct();
  const submit = (event: SubmitEvent): void => {
    const form = fieldsOf(event);
    const pin = typed(form, 'pin');
    if (pin !== typed(form, 'again')) {
      say('The two are not the same. Type them again.');
      return;
    }
    act(async () => enter(await call<Hello>('POST', '/api/pin', { pin }, atTheDoor)));
  };
  return (
    <Frame title="Choose a PIN">
      <p>
        At least {pinLengthMin} characters; letters are welcome. It opens patchgit on your devices and nothing else.
      </p>
      <form class="stack" onSubmit={submit}>
        <input
          class="sr"
          type="text"
          name="username"
          autocomplete="username"
          value="owner"
          readOnly
          tabIndex={-1}
          aria-hidden="true"
        />
        <label class="field">
          <span>New PIN</span>
          <input data-first type="password" name="pin" required minLength={pinLengthMin} autocomplete="new-password" />
        </label>
        <label class="field">
          <span>New PIN again</span>
          <input type="password" name="again" required minLength={pinLengthMin} autocomplete="new-password" />
        </label>
        <Alert>{said}</Alert>
        <Submit busy={busy}>{busy ? 'Saving…' : 'Save PIN'}</Submit>
      </form>
    </Frame>
  );
}

function Unlock({ hello }: { readonly hello: Hello }) {
  const { busy, said, problem, act } = useAct();
  const field = useRef<HTMLInputElement>(null);
  const [until, setUntil] = useState(() => Date.now() + hello.retryAfterMs);
  const waitMs = until - Date.now();
  useTick(waitMs > 0 ? 1000 : null);
  useEffect(() => {
    if (problem?.retryAfterMs) setUntil(Date.now() + problem.retryAfterMs);
    if (problem) field.current?.select();
  }, [problem]);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: SubmitEvent): void => {
    const pin = typed(fieldsOf(event), 'pin');
    if (waitMs > 0) return;
    act(async () => enter(await call<Hello>('POST', '/api/unlock', { pin }, atTheDoor)));
  };
  return (
    <Frame title="Enter your PIN">
      <form class="stack" onSubmit={submit}>
        <input
          class="sr"
          type="text"
          name="username"
          autocomplete="username"
          value="owner"
          readOnly
          tabIndex={-1}
          aria-hidden="true"
        />
        <label class="field">
          <span>PIN</span>
          <input data-first ref={field} type="password" name="pin" required autocomplete="current-password" />
        </label>
        <Alert>{waitMs > 0 ? `Locked until ${clock(until)}. Wait ${duration(waitMs)}.` : said}</Alert>
        <Submit busy={busy || waitMs > 0}>{busy ? 'Opening…' : 'Unlock'}</Submit>
      </form>
      <p class="muted">
        Forgotten? On the machine: <code>patchgit pin reset</code>
      </p>
    </Frame>
  );
}
