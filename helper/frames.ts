import type { Readable, Writable } from 'node:stream';
import { Assignment, frameBytesMax } from '#contract/helper-wire.ts';
import type { HelperFrame } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';

/** An assignment names every removed path, so it may be larger than a frame that goes the other way. */
const assignmentBytesMax = 64 * 1024 * 1024;
/** What is kept of a log so that its outcome still fits one frame: base64 adds a third. */
export const keptLogBytesMax = Math.floor(((frameBytesMax - 16 * 1024) * 3) / 4);
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

/**
 * Reads the one assignment line. The rest of the stream carries nothing: only its end matters, which `onEnd` reports
 * whenever it comes, because it means that whoever asked is gone or has cancelled.
 */
export function readAssignment(input: Readable, onEnd: () => void): Promise<Answer<Assignment>> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let complete = false;
    const finish = (answer: Answer<Assignment>): void => {
      complete = true;
      chunks.length = 0;
      resolve(answer);
    };
    const gone = (): void => {
      finish({ ok: false, why: 'The assignment ended before its line did.' });
      onEnd();
    };
    input.on('data', (chunk: Buffer) => {
      if (complete) return;
      const end = chunk.indexOf(0x0a);
      chunks.push(end === -1 ? chunk : chunk.subarray(0, end));
      bytes += chunk.length;
      if (bytes > assignmentBytesMax) finish({ ok: false, why: `The assignment is over ${assignmentBytesMax} bytes.` });
      else if (end !== -1) finish(parseAssignment(Buffer.concat(chunks)));
    });
    input.once('end', gone);
    input.once('error', gone);
  });
}

function parseAssignment(line: Buffer): Answer<Assignment> {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch (error) {
    return { ok: false, why: `The assignment is not JSON: ${String(error)}` };
  }
  const parsed = Assignment.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issue = parsed.error.issues[0];
  return { ok: false, why: `The assignment is malformed at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? ''}` };
}
