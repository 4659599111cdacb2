import { useState } from 'preact/hooks';
import type { CheckResult, CheckSide } from '#contract/check.ts';
import { bytesText, count, duration } from '../format.ts';
import { lazy } from '../lazy.tsx';
import { never, useResource } from '../resource.ts';
import { Loading, Text } from './bits.tsx';

const Log = lazy(async () => (await import('./log.tsx')).Log, 'Opening the log…');

const shapes = { success: '✓', failure: '×', timed_out: '×', cancelled: '–', skipped: '–' } as const;
const words = {
  success: 'passed',
  failure: 'failed',
  timed_out: 'ran out of time',
  cancelled: 'was stopped',
  skipped: 'not run',
} as const;

/** One check: how it ended on the base and with the change, what is new (never behind a tap), and both logs. */
export function EvidenceRow({ check }: { readonly check: CheckResult }) {
  const { after, newFailures } = check;
  const verdict = newFailures.length > 0 ? 'bad' : after.conclusion === 'success' ? 'good' : 'same';
  return (
    <details class={`evidence ${verdict}`} open={newFailures.length > 0}>
      <summary>
        <span class="shape" aria-hidden="true">
          {shapes[after.conclusion]}
        </span>
        <span class="evidence-name">
          <Text value={check.name} />
        </span>
        <span class="evidence-fact num">{factFor(check)}</span>
        <span class="evidence-time num">{duration(after.durationMs)}</span>
      </summary>
      <div class="evidence-body">
        <p>
          <code>
            <Text value={check.command} />
          </code>{' '}
          <span class="muted">
            {check.source === 'owner' ? 'set by you' : `${check.source.replace('_', ' ')} check`}
          </span>
        </p>
        {newFailures.length > 0 ? (
          <>
            <p class="bad-text">New failures:</p>
            <ul class="failing">
              {newFailures.map((name) => (
                <li key={name}>
                  <Text value={name} />
                </li>
              ))}
            </ul>
          </>
        ) : null}
        {check.flaky.length > 0 ? (
          <>
            <p class="warn-text">Not reliable: failed once, passed when run again. The patch is not to blame.</p>
            <ul class="failing unreliable">
              {check.flaky.map((name) => (
                <li key={name}>
                  <Text value={name} />
                </li>
              ))}
            </ul>
          </>
        ) : null}
        <Side name="With the change" side={check.after} />
        <Side name="Before, on the base" side={check.before} />
      </div>
    </details>
  );
}

function factFor(check: CheckResult): string {
  const { before, after, newFailures, flaky } = check;
  if (newFailures.length > 0) return count(newFailures.length, 'new failure');
  if (flaky.length > 0) return `${count(flaky.length, 'test')} not reliable, 0 new`;
  if (after.conclusion !== 'success') return `${words[after.conclusion]}, as before: 0 new`;
  const passed = after.passed === null ? 'passed' : `${after.passed} passed`;
  return before.conclusion === 'success' ? passed : `${passed}, failed before`;
}

function Side({ name, side }: { readonly name: string; readonly side: CheckSide }) {
  const [open, setOpen] = useState(false);
  return (
    <div class="side">
      <p class="side-line num">
        <strong>{name}:</strong> {words[side.conclusion]}
        {side.exitCode === null ? '' : `, exit ${side.exitCode}`}, {duration(side.durationMs)}
        {side.failing.length > 0 ? `, ${count(side.failing.length, 'failing test')}` : ''}
        {side.limit ? `. Ended by a limit: ${side.limit}` : ''}
      </p>
      {side.log.bytes > 0 ? (
        <button type="button" class="button text" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Hide log' : `Show log, ${bytesText(side.log.bytes)}`}
          <span class="sr"> {name}</span>
        </button>
      ) : (
        <p class="muted">It printed nothing.</p>
      )}
      {open ? <SideLog side={side} label={`Log: ${name}`} /> : null}
    </div>
  );
}

function SideLog({ side, label }: { readonly side: CheckSide; readonly label: string }) {
  const path = `/api/artifacts/${side.log.sha256}`;
  const { value, error } = useResource<string>(path, never);
  if (value === null) return <Loading error={error} what="the log" />;
  return (
    <>
      {side.log.omittedBytes > 0 ? (
        <p class="muted">{bytesText(side.log.omittedBytes)} in the middle were not kept.</p>
      ) : null}
      <Log text={value} label={label} />
      <p>
        <a href={path} target="_blank" rel="noreferrer">
          Open the whole log as text
        </a>
      </p>
    </>
  );
}
