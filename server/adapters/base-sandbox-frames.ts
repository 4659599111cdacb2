/** The conversation with a helper, near or far: what is sent to it, and how what it says is read and bounded. */
import { frameBytesMax, HelperFrame, helperProtocol } from '#contract/helper-wire.ts';
import type { Assignment, Layer, Limits, SetUp } from '#contract/helper-wire.ts';
import type { SandboxEvent, SandboxRequest } from '../ports.ts';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import type { FrameOrder } from './base-sandbox-order.ts';

export interface Conversation {
  readonly line: Buffer;
  readonly order: FrameOrder;
  readonly onEvent: (event: SandboxEvent) => void;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  readonly bytesMax: number;
}

/** Frames of one step: its outcome and its live output in base64, with room to spare. */
export const stepBytesMax = 4 * frameBytesMax;
/** What the helper itself may take on top of a step's wall time: mounting, or copying and handing over a large tree. */
const setUpMsMax = 200_000;
/** What a Node timer can hold. */
const timerMsMax = 2 ** 31 - 1;
const assignmentBytesMax = 64 * 1024 * 1024;
/** For a conversation without an assignment, in which the helper tries a sandbox of its own. */
export const inspectMsMax = 60_000;

/** How long a run of so many steps may take, and how much the helper may say. */
export function conversationLimits(steps: number, limits: Limits): Pick<Conversation, 'deadlineMs' | 'bytesMax'> {
  const deadlineMs = Math.min(steps * (limits.wallMs + setUpMsMax), timerMsMax);
  return { deadlineMs, bytesMax: (steps + 1) * stepBytesMax };
}

/** Not ok: the sentence for an assignment that a helper would not take. `layer`: where the one of this request's key lies. */
export function assignmentLine(
  { workspace, steps, limits }: SandboxRequest,
  { layer, setUp }: { readonly layer?: Layer; readonly setUp?: SetUp } = {},
): Result<Buffer, string> {
  const assignment: Assignment = {
    type: 'assignment',
    protocol: helperProtocol,
    workspace: layer === undefined ? workspace : { ...workspace, layer },
    steps: steps.map(({ name, command, reports = [] }) => ({ name, command, reports: [...reports] })),
    limits,
    ...(setUp === undefined ? {} : { setUp }),
  };
  const line = Buffer.from(`${JSON.stringify(assignment)}\n`);
  return line.length > assignmentBytesMax ? no('Too many files are removed for one run of the sandbox.') : ok(line);
}

/** Cuts the stream into lines of bounded length, parses each and checks its place; the first wrong one ends it all. */
export function frameReader(talk: Conversation, stop: (why: string) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let bytes = 0;
  let listening = true;
  return (chunk) => {
    if (!listening || talk.order.isComplete) return;
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
