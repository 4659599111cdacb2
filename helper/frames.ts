import type { Readable, Writable } from 'node:stream';
import { Assignment, frameBytesMax, Preparation, Removal, reportBytesMax } from '#contract/helper-wire.ts';
import type { HelperFrame } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';

/** An assignment names every removed path, so it may be larger than a frame that goes the other way. */
const assignmentBytesMax = 64 * 1024 * 1024;
/** What is kept of a log so that its outcome, reports included, still fits one frame: base64 adds a third. */
export const keptLogBytesMax = Math.floor(((frameBytesMax - 16 * 1024) * 3) / 4) - reportBytesMax;
/** Live output waiting for a slow reader. Beyond it live chunks are dropped; the outcome carries the log anyway. */
const waitingBytesMax = 512 * 1024;
const messageCharactersMax = 4000;

export interface FrameWriter {
  readonly send: (frame: HelperFrame) => void;
  /** Live output: dropped when the reader does not keep up. */
  readonly sendLive: (step: string, bytes: Buffer) => void;
  readonly trouble: (message: string) => void;
  /** Resolves when everything written so far has left this process. */
  readonly flush: () => Promise<void>;
}

export function frameWriter(output: Writable): FrameWriter {
  const send = (frame: HelperFrame): void => {
    output.write(`${JSON.stringify(frame)}\n`);
  };
  return {
    send,
    sendLive: (step, bytes) => {
      if (output.writableLength < waitingBytesMax) send({ type: 'output', step, base64: bytes.toString('base64') });
    },
    trouble: (message) => send({ type: 'trouble', message: message.slice(0, messageCharactersMax) }),
    flush: () => new Promise((resolve) => output.write('', () => resolve())),
  };
}

type FirstFrame = Preparation | Removal | Assignment;

/** What comes in: at most one preparation, then the one assignment; or a removal, which is all. */
export interface FrameReader {
  /** Resolves with the first line, or with what is wrong with it. */
  readonly first: Promise<Answer<FirstFrame>>;
  /** The assignment, whether it was the first line or the second one. */
  readonly assignment: Promise<Answer<Assignment>>;
}

/**
 * Reads up to the end of the assignment line. The rest of the stream carries nothing: only its end matters, which `onEnd`
 * reports whenever it comes, because it means that whoever asked is gone or has cancelled.
 */
export function readFrames(input: Readable, onEnd: () => void): FrameReader {
  const first = Promise.withResolvers<Answer<FirstFrame>>();
  const assignment = Promise.withResolvers<Answer<Assignment>>();
  let chunks: Buffer[] = [];
  let bytes = 0;
  let isPrepared = false;
  let complete = false;
  const finish = (answer: Answer<Assignment>): void => {
    complete = true;
    chunks = [];
    first.resolve(answer);
    assignment.resolve(answer);
  };
  const takeLine = (): void => {
    const frame = parseFrame(Buffer.concat(chunks), isPrepared);
    chunks = [];
    if (!frame.ok) return finish(frame);
    if (frame.value.type === 'assignment') return finish({ ok: true, value: frame.value });
    isPrepared = true;
    first.resolve({ ok: true, value: frame.value });
    if (frame.value.type === 'removal') finish({ ok: false, why: 'A removal has no assignment.' });
  };
  const gone = (): void => {
    finish({ ok: false, why: 'The assignment ended before its line did.' });
    onEnd();
  };
  const take = (chunk: Buffer): void => {
    if (complete || chunk.length === 0) return;
    const end = chunk.indexOf(0x0a);
    chunks.push(end === -1 ? chunk : chunk.subarray(0, end));
    bytes += chunk.length;
    if (bytes > assignmentBytesMax) {
      finish({ ok: false, why: `The assignment is over ${assignmentBytesMax} bytes.` });
    } else if (end !== -1) {
      takeLine();
      take(chunk.subarray(end + 1));
    }
  };
  input.on('data', take);
  input.once('end', gone);
  input.once('error', gone);
  return { first: first.promise, assignment: assignment.promise };
}

/** `isPrepared`: only an assignment is taken any more. */
export function parseFrame(line: Buffer, isPrepared: boolean): Answer<FirstFrame> {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch (error) {
    return { ok: false, why: `The assignment is not JSON: ${String(error)}` };
  }
  const preparation = isPrepared ? null : Preparation.safeParse(value);
  if (preparation?.success) return { ok: true, value: preparation.data };
  const removal = isPrepared ? null : Removal.safeParse(value);
  if (removal?.success) return { ok: true, value: removal.data };
  const parsed = Assignment.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issue = parsed.error.issues[0];
  return { ok: false, why: `The assignment is malformed at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? ''}` };
}
