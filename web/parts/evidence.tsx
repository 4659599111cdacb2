import type { ComponentChildren } from 'preact';
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
  const isStuck = check.phase === 'set_up' && check.before.conclusion !== 'success';
  const verdict = isStuck || newFailures.length > 0 ? 'bad' : after.conclusion === 'success' ? 'good' : 'same';
  return (
    <details class={`evidence ${verdict}`} open={isStuck || newFailures.length > 0}>
      <summary>
        <span class="shape" aria-hidden="true">
          {shapes[after.conclusion]}
        </span>
        <span class="evidence-name">
          <Text value={check.name} />
        </span>
        <span class="evidence-fact num">{factFor(check)}</span>
        <span class="evidence-time num">{timeFor(check)}</span>
      </summary>
      <div class="evidence-body">
        <p>
          <code>
            <Text value={check.command} />
          </code>{' '}
          <span class="muted">
            {check.source === 'owner'
              ? 'set by you'
              : `${check.source.replace('_', ' ')} ${check.phase === 'set_up' ? 'set-up' : 'check'}`}
          </span>
        </p>
        <p class="num">{changeText(check)}</p>
        <Names of={newFailures} class="failing">
          <p class="bad-text">New failures:</p>
        </Names>
        <Names of={check.flaky} class="failing unreliable">
          <p class="warn-text">Not reliable: failed once, passed when run again. The patch is not to blame.</p>
        </Names>
        <Names of={check.vanished?.names ?? []} total={check.vanished?.count} class="failing unreliable">
          <p class="warn-text">Passed before, and not run with the change: deleted, renamed or not reached.</p>
        </Names>
        <Names of={check.leftOut?.names ?? []} total={check.leftOut?.count} class="failing unreliable">
          <p class="warn-text">Passed before, and skipped with the change:</p>
        </Names>
        <Side name="With the change" side={check.after} />
        <Side name="Before, on the base" side={check.before} />
      </div>
    </details>
  );
}

/** What the closed row says of a check: the worst of what is to be said. */
export function factFor(check: CheckResult): string {
  const { before, after, newFailures, flaky, vanished, leftOut } = check;
  if (check.phase === 'set_up') return setUpFact(check);
  if (newFailures.length > 0) return count(newFailures.length, 'new failure');
  if (flaky.length > 0) return `${count(flaky.length, 'test')} not reliable, 0 new`;
  const fewer = (vanished?.count ?? 0) + (leftOut?.count ?? 0);
  if (fewer > 0) return `${count(fewer, 'test')} not run any more, 0 new`;
  // Behind a set-up that failed: not a word of how it would have ended.
  if (after.conclusion === 'skipped') return words.skipped;
  if (after.conclusion !== 'success') return `${words[after.conclusion]}, as before: 0 new`;
  const passed = after.passed === null ? 'passed' : `${after.passed} passed`;
  return before.conclusion === 'success' ? passed : `${passed}, failed before`;
}

/** How long it took with the change. A set-up is often done once for both sides, or not at all: then there is no time to say. */
export function timeFor({ phase, before, after }: CheckResult): string {
  if (phase !== 'set_up') return duration(after.durationMs);
  const tookMs = before.durationMs + after.durationMs;
  return tookMs === 0 ? '' : duration(tookMs);
}

/** A set-up shows nothing about the change: whether it is there, and where from. */
function setUpFact({ before, after, newFailures, flaky }: CheckResult): string {
  if (before.conclusion !== 'success') return 'failed on the base: nothing ran';
  if (newFailures.length > 0) return 'new failure';
  if (flaky.length > 0) return 'failed once, then passed';
  if (after.conclusion !== 'success') return words[after.conclusion];
  return before.durationMs === 0 && after.durationMs === 0 ? 'taken from an earlier job' : 'installed';
}

/** How many tests passed, failed and were skipped, before and after: "12 passed, 1 failed → 13 passed". */
export function changeText(check: CheckResult): string {
  const { before, after } = check;
  return `${countsText(before, check.name)} → ${countsText(after, check.name)}`;
}

function countsText(side: CheckSide, check: string): string {
  // A check whose output names no test has its own name in the list, which is no number of tests.
  const failed = side.failing.filter((name) => name !== check).length;
  const parts = [
    ...(side.passed === null ? [] : [`${side.passed} passed`]),
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(side.skipped ? [`${side.skipped} skipped`] : []),
  ];
  const isSaid = side.conclusion === 'success' ? parts.length > 0 : failed > 0;
  return (isSaid ? parts : [words[side.conclusion], ...parts]).join(', ');
}

const namesShownMax = 50;

/** A list of tests under its heading, when there are any; long lists end with the number of what is left. */
function Names(props: {
  readonly of: readonly string[];
  readonly total?: number | undefined;
  readonly class: string;
  readonly children: ComponentChildren;
}) {
  const shown = props.of.slice(0, namesShownMax);
  const left = (props.total ?? props.of.length) - shown.length;
  if (shown.length === 0) return null;
  return (
    <>
      {props.children}
      <ul class={props.class}>
        {shown.map((name) => (
          <li key={name}>
            <Text value={name} />
          </li>
        ))}
      </ul>
      {left > 0 ? <p class="muted">and {left} more</p> : null}
    </>
  );
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
      {(side.notes ?? []).map((note) => (
        <p class="muted" key={note}>
          <Text value={note} />
        </p>
      ))}
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
