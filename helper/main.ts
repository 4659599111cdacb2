/**
 * The helper: runs in front of every sandbox, near or far. One assignment comes in on standard input, frames go out on
 * standard output. When standard input ends, whoever asked is gone: everything is killed and this process ends.
 *
 *   node helper/main.ts [--inspect] [--run-as UID:GID] [--npm FOLDER]
 */
import { parseArgs } from 'node:util';
import type { Answer } from './answer.ts';
import { carryOut } from './assignment.ts';
import { closeInheritedDescriptors } from './descriptors.ts';
import { frameWriter, readAssignment } from './frames.ts';
import type { FrameWriter } from './frames.ts';
import { findHost } from './host.ts';
import type { HostOptions } from './host.ts';
import { selfTest } from './self-test.ts';

async function main(): Promise<void> {
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
  const assignment = readAssignment(process.stdin, () => cancel.abort());
  if (options.value.inspect) return selfTest(host.value, frames, cancel.signal);
  const read = await assignment;
  return read.ok ? carryOut(read.value, host.value, [], frames, cancel.signal) : read;
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
