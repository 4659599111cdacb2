/**
 * The helper: runs in front of every sandbox, near or far. One assignment comes in on standard input, frames go out on
 * standard output. When standard input ends, whoever asked is gone: everything is killed and this process ends.
 * Before the assignment a preparation may come: then everything that does not depend on the assignment is done already.
 * One process serves one assignment, so nothing untrusted is carried from one to the next.
 *
 *   node helper/main.ts [--inspect] [--run-as UID:GID] [--npm FOLDER]
 *   node helper/main.ts --door ...     the way out of a set-up instead (`door-main.ts`)
 */
import { parseArgs } from 'node:util';
import type { Answer } from './answer.ts';
import { carryOut, planWork } from './assignment.ts';
import { closeInheritedDescriptors } from './descriptors.ts';
import { runDoor } from './door-main.ts';
import { frameWriter, parseFrame, readFrames } from './frames.ts';
import type { FrameWriter } from './frames.ts';
import { findHost } from './host.ts';
import type { HostOptions } from './host.ts';
import { Readiness } from './readiness.ts';
import { selfTest, selfTestAssignment } from './self-test.ts';
import { carryOutRemoval } from './set-up.ts';

/** Whoever prepared this ends it much sooner; it is the second rope. */
const waitsMsMax = 5 * 60_000;

async function main(): Promise<void> {
  if (process.argv[2] === '--door') return runDoor(process.argv.slice(2));
  closeInheritedDescriptors();
  const cancel = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => cancel.abort());
  // A reader that went away shows as an error here and as the end of standard input; both mean the same.
  process.stdout.on('error', () => cancel.abort());
  const frames = frameWriter(process.stdout);
  const answer = await work(process.argv.slice(2), frames, cancel).catch(unexpected);
  if (answer.ok) frames.send({ type: 'done' });
  else frames.trouble(answer.why);
  await frames.flush();
  // Standard input is still open: nothing else would end this process.
  process.exit(answer.ok ? 0 : 1);
}

/** The daemon must hear of our own bugs too; the stack goes where it is logged. */
function unexpected(error: unknown): Answer<never> {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return { ok: false, why: `The sandbox helper met something unexpected: ${String(error)}` };
}

async function work(args: string[], frames: FrameWriter, cancel: AbortController): Promise<Answer<unknown>> {
  const options = readOptions(args);
  if (!options.ok) return options;
  const host = findHost(options.value);
  if (!host.ok) return host;
  const input = readFrames(process.stdin, () => cancel.abort());
  const readiness = Readiness.make(host.value);
  if (!readiness.ok) return readiness;
  if (options.value.inspect) return selfTest(readiness.value, frames, cancel.signal);
  const first = await input.first;
  if (!first.ok) return first;
  if (first.value.type === 'removal') return carryOutRemoval(first.value, frames);
  if (first.value.type === 'assignment') {
    return carryOut(first.value, readiness.value, [], frames, cancel.signal);
  }
  if (first.value.inspect) return selfTest(readiness.value, frames, cancel.signal);
  const prepared = readiness.value.standAhead(first.value.limits);
  if (!prepared.ok) return prepared;
  warmUp();
  const late = setTimeout(() => cancel.abort(), waitsMsMax);
  const assignment = await Promise.race([input.assignment, whenAborted(cancel.signal)]);
  clearTimeout(late);
  if (assignment?.ok) return carryOut(assignment.value, readiness.value, [], frames, cancel.signal);
  await readiness.value.takeAhead()?.step.end();
  return assignment ?? { ok: false, why: 'No assignment came.' };
}

/** The first use of code is its slowest one: it is compiled then. */
function warmUp(): void {
  const example = selfTestAssignment('/');
  parseFrame(Buffer.from(JSON.stringify(example)), true);
  planWork(example);
}

function whenAborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener('abort', () => resolve(null), { once: true });
  });
}

function readOptions(args: string[]): Answer<HostOptions & { readonly inspect: boolean }> {
  const { values } = parseArgs({
    args,
    options: { inspect: { type: 'boolean' }, 'run-as': { type: 'string' }, npm: { type: 'string' } },
  });
  const runAs = values['run-as'];
  const [, uid, gid] = /^(\d+):(\d+)$/.exec(runAs ?? '') ?? [];
  if (runAs !== undefined && (uid === undefined || gid === undefined)) {
    return { ok: false, why: '--run-as needs UID:GID.' };
  }
  return {
    ok: true,
    value: {
      inspect: values.inspect === true,
      runAs: runAs === undefined ? null : { uid: Number(uid), gid: Number(gid) },
      npmFolder: values.npm ?? null,
    },
  };
}

void main();
