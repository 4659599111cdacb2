import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { frameBytesMax, helperProtocol, HelperFrame } from '#contract/helper-wire.ts';
import type { Assignment } from '#contract/helper-wire.ts';
import { sha256 } from '../lib/digest.ts';
import { no, ok } from '../lib/result.ts';
import { PortError } from '../ports.ts';
import type { Log, Sandbox, SandboxEvent, SandboxReport, SandboxRequest } from '../ports.ts';
import { FrameOrder } from './base-sandbox-order.ts';
import { findRunUser } from './base-sandbox-user.ts';

interface BaseSandboxOptions {
  /** The pinned Node: runs the helper, and is the `node` that checks get. */
  readonly nodePath: string;
  /** The helper as one file. */
  readonly helperPath: string;
  /** Folder of the npm package, for machines without an npm under /usr. */
  readonly npmFolder: string | null;
  /** Where Node keeps the helper compiled, which saves a third of its start. Nobody else may be able to write there. */
  readonly compileCacheFolder?: string;
  readonly log: Log;
}

/** What the helper itself may take on top of a step's wall time: mounting, or copying and handing over a large tree. */
const setUpMsMax = 200_000;
/** What a Node timer can hold. */
const timerMsMax = 2 ** 31 - 1;
const inspectMsMax = 60_000;
/** A helper that was asked to stop has this long to clean up before its process group is killed. */
const stopMsMax = 2_000;
const complaintBytesMax = 8 * 1024;
/** Frames of one step: its outcome and its live output in base64, with room to spare. */
const stepBytesMax = 4 * frameBytesMax;
const assignmentBytesMax = 64 * 1024 * 1024;

/**
 * The sandbox on the control plane: starts `helper/` as a child, hands it one assignment, and believes nothing that it
 * says before the contract has parsed it and its order has been checked. Never rejects for a world that fails: `why` is
 * the sentence. When the daemon runs as root, what is exported for a run should belong to `findRunUser()`.
 */
export function baseSandbox(options: BaseSandboxOptions): Sandbox {
  return {
    placement: 'base',
    inspect: () => inspect(options),
    run: async (request, onEvent, signal) => {
      if (request.steps.length === 0) return ok([]);
      const line = assignmentLine(request);
      if (line.length > assignmentBytesMax) return no('Too many files are removed for one run of the sandbox.');
      const order = new FrameOrder(request.steps.map((step) => step.name));
      const deadlineMs = Math.min(request.steps.length * (request.limits.wallMs + setUpMsMax), timerMsMax);
      const bytesMax = (request.steps.length + 1) * stepBytesMax;
      const ended = await converse(options, { flags: [], line, order, onEvent, signal, deadlineMs, bytesMax });
      if (ended !== null) return no(ended);
      return order.outcomes();
    },
  };
}

async function inspect(options: BaseSandboxOptions): Promise<SandboxReport> {
  const order = new FrameOrder(['self-test']);
  const ended = await converse(options, {
    flags: ['--inspect'],
    line: Buffer.alloc(0),
    order,
    onEvent: () => undefined,
    signal: new AbortController().signal,
    deadlineMs: inspectMsMax,
    bytesMax: stepBytesMax,
  });
  const outcomes = ended === null ? order.outcomes() : no(ended);
  const helperSha256 = await digestOf(options.helperPath);
  const { isolation, missing } = order.ready;
  return { usable: outcomes.ok, isolation, missing: outcomes.ok ? missing : [...missing, outcomes.why], helperSha256 };
}

async function digestOf(path: string): Promise<string> {
  try {
    return sha256(await readFile(path));
  } catch (error) {
    throw new PortError('sandbox', 'read the helper', { cause: error });
  }
}

function assignmentLine({ workspace, steps, limits }: SandboxRequest): Buffer {
  const assignment: Assignment = {
    type: 'assignment',
    protocol: helperProtocol,
    workspace,
    steps: steps.map(({ name, command }) => ({ name, command })),
    limits,
  };
  return Buffer.from(`${JSON.stringify(assignment)}\n`);
}

interface Conversation {
  readonly flags: readonly string[];
  readonly line: Buffer;
  readonly order: FrameOrder;
  readonly onEvent: (event: SandboxEvent) => void;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  readonly bytesMax: number;
}

/** Runs one helper to its end, which has really come when this resolves. Null, or the sentence that says what went wrong. */
async function converse(options: BaseSandboxOptions, talk: Conversation): Promise<string | null> {
  if (talk.signal.aborted) return 'The run was cancelled.';
  const user = await findRunUser();
  const flags = [
    ...talk.flags,
    ...(user === null ? [] : ['--run-as', `${user.uid}:${user.gid}`]),
    ...(options.npmFolder === null ? [] : ['--npm', options.npmFolder]),
  ];
  // Nothing the daemon knows is in the environment. Its own group: so that it can be killed whole.
  const { compileCacheFolder } = options;
  const env = compileCacheFolder === undefined ? {} : { NODE_COMPILE_CACHE: compileCacheFolder };
  const child = spawn(options.nodePath, [options.helperPath, ...flags], { cwd: '/', env, detached: true });
  let ended: string | null = null;
  let killTimer: NodeJS.Timeout | null = null;
  const stop = (why: string): void => {
    ended ??= why;
    // The end of its input tells the helper to kill what it started; the group is killed if that takes too long.
    child.stdin.destroy();
    killTimer ??= setTimeout(() => killGroup(child), stopMsMax);
  };
  const cancel = (): void => stop('The run was cancelled.');
  talk.signal.addEventListener('abort', cancel, { once: true });
  if (talk.signal.aborted) cancel();
  const deadline = setTimeout(() => stop('The sandbox helper did not finish in time.'), talk.deadlineMs);
  const complaints: Buffer[] = [];
  // A helper that ended early closes its input; how it ended is what gets reported.
  child.stdin.on('error', () => undefined);
  if (talk.line.length > 0) child.stdin.write(talk.line);
  child.stderr.on('data', (chunk: Buffer) => {
    if (complaints.reduce((sum, part) => sum + part.length, 0) < complaintBytesMax) complaints.push(chunk);
  });
  child.stdout.on('data', frameReader(talk, stop));
  const exit = await whenClosed(child);
  clearTimeout(deadline);
  if (killTimer !== null) clearTimeout(killTimer);
  talk.signal.removeEventListener('abort', cancel);
  const stderr = Buffer.concat(complaints).subarray(0, complaintBytesMax).toString('utf8');
  if (stderr !== '') options.log.warn({ exit, stderr }, 'the sandbox helper complained');
  if (ended !== null || talk.order.isComplete) return ended;
  return `The sandbox helper ended before it was done (${exit}).`;
}

/** Cuts the stream into lines of bounded length, parses each and checks its place; the first wrong one ends it all. */
function frameReader(talk: Conversation, stop: (why: string) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let bytes = 0;
  let listening = true;
  return (chunk) => {
    if (!listening) return;
    bytes += chunk.length;
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let wrong = bytes > talk.bytesMax ? 'The sandbox helper sent more than one run can need.' : null;
    for (let end = rest.indexOf(0x0a); wrong === null && end !== -1; end = rest.indexOf(0x0a)) {
      wrong = takeLine(talk, rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    if (rest.length > frameBytesMax) wrong ??= 'The sandbox helper sent a frame that is too long.';
    if (wrong === null) return;
    listening = false;
    rest = Buffer.alloc(0);
    stop(wrong);
  };
}

/** Null, or why the helper is not to be believed any more. */
function takeLine(talk: Conversation, line: Buffer): string | null {
  const frame = parseFrame(line);
  if (frame === null) return 'The sandbox helper sent a malformed frame.';
  const taken = talk.order.take(frame);
  if (!taken.ok) return taken.why;
  if (frame.type === 'started' || frame.type === 'output') talk.onEvent(frame);
  return null;
}

function parseFrame(line: Buffer): HelperFrame | null {
  if (line.length > frameBytesMax) return null;
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  const parsed = HelperFrame.safeParse(value);
  return parsed.success ? parsed.data : null;
}

/** Resolves with how it ended, once its output has been read to the end. */
function whenClosed(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`it could not be started: ${error.message}`));
    child.once('close', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  // Not yet reaped, so the number still belongs to it.
  process.kill(-child.pid, 'SIGKILL');
}
