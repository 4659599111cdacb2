import { assert } from '../lib/assert.ts';
import { PortError, type GitObject, type GitObjects, type ObjectHead, type ObjectsRequest } from '../ports.ts';
import { collect, endGroup, gitWallMs, startGit, stderrBytesMax } from './git-process.ts';

/** `<name> <type> <bytes>`: longer than this is no answer of git's. */
const headBytesMax = 200;
const headPattern = /^([0-9a-f]{40,64}) (?:(blob|tree|commit|tag) (\d{1,15})|missing)$/;
const namePattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

type Answer = { readonly head: ObjectHead; readonly content: Buffer } | null;

interface Question {
  readonly oids: readonly string[];
  readonly answers: Answer[];
  readonly withContent: boolean;
  /** What may still come. */
  bytesLeft: number;
  readonly settle: (failure: PortError | null) => void;
}

/** `git cat-file --batch-command` (its manual: "BATCH OUTPUT"), read as strictly as its format allows. */
export function openObjects(path: string, request: ObjectsRequest): GitObjects {
  const { gitDir, objectsDir, memoryBytesMax, signal } = request;
  const child = startGit(path, {
    gitDir,
    args: ['cat-file', '--batch-command', '--buffer'],
    ...(objectsDir === undefined ? {} : { objectsDir }),
    ...(memoryBytesMax === undefined ? {} : { memoryBytesMax }),
  });
  const questions: Question[] = [];
  const errors = collect(child.stderr, stderrBytesMax, () => undefined);
  let failure: PortError | null = null;
  let isGone = false;

  const end = (): void => {
    // Its number may be somebody else's by now.
    if (!isGone) endGroup(child.pid);
  };
  const fail = (cause: unknown): void => {
    failure ??= new PortError('git', 'read objects', { cause });
    end();
    for (const question of questions.splice(0)) question.settle(failure);
  };
  const onAbort = (): void => fail('aborted');
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  const gone = new Promise<void>((resolve) => {
    child.on('error', (cause) => {
      fail(cause);
      // Never started, so there is nothing that could still close.
      if (child.pid === undefined) resolve();
    });
    child.on('close', () => {
      isGone = true;
      signal?.removeEventListener('abort', onAbort);
      fail(errors().toString('utf8').trim() || 'git has ended');
      resolve();
    });
  });
  // Its end tells the story, not EPIPE.
  child.stdin.on('error', () => undefined);
  child.stdout.on('data', answerReader(questions, fail));
  child.stdout.on('end', () => {
    if (questions.length > 0) fail(errors().toString('utf8').trim() || 'its answers ended');
  });

  const ask = (oids: readonly string[], withContent: boolean, bytesMax: number): Promise<Answer[]> =>
    new Promise((resolve, reject) => {
      for (const oid of oids) assert(namePattern.test(oid), `an object is asked for by its full name, not "${oid}"`);
      if (failure !== null) return reject(failure);
      if (oids.length === 0) return resolve([]);
      const wall = setTimeout(() => fail('no answer in time'), request.wallMs ?? gitWallMs);
      const answers: Answer[] = [];
      const settle = (why: PortError | null): void => {
        clearTimeout(wall);
        if (why === null) resolve(answers);
        else reject(why);
      };
      questions.push({ oids, answers, withContent, bytesLeft: bytesMax, settle });
      const command = withContent ? 'contents' : 'info';
      child.stdin.write(`${oids.map((oid) => `${command} ${oid}\n`).join('')}flush\n`);
    });

  return {
    heads: async (oids) => (await ask(oids, false, 0)).map((answer) => answer && answer.head),
    contents: async (oids, bytesMax) =>
      (await ask(oids, true, bytesMax)).map((answer): GitObject | null => answer && objectOf(answer)),
    close: async () => {
      if (questions.length > 0) fail('closed before it had answered');
      child.stdin.end();
      const wall = setTimeout(end, request.wallMs ?? gitWallMs);
      await gone;
      clearTimeout(wall);
    },
  };
}

function objectOf({ head, content }: Exclude<Answer, null>): GitObject {
  return { type: head.type, content };
}

/** Cuts the stream into answers and gives each to the first question that still waits. */
function answerReader(questions: Question[], fail: (cause: unknown) => void): (chunk: Buffer) => void {
  let held: Buffer[] = [];
  let heldBytes = 0;
  /** Less than this is certainly no whole answer: a large object is not put together anew with each of its pieces. */
  let neededBytes = 1;
  return (chunk) => {
    held.push(chunk);
    heldBytes += chunk.length;
    if (heldBytes < neededBytes) return;
    const bytes = held.length === 1 ? chunk : Buffer.concat(held);
    let at = 0;
    for (neededBytes = 1; at < bytes.length;) {
      const question = questions[0];
      if (!question) return fail('it said more than it was asked');
      const taken = takeAnswer(question, bytes, at);
      if (typeof taken === 'string') return fail(taken);
      if (taken.missingBytes > 0) {
        neededBytes = bytes.length - at + taken.missingBytes;
        break;
      }
      at = taken.nextAt;
      if (question.answers.length === question.oids.length) questions.shift()?.settle(null);
    }
    held = at < bytes.length ? [bytes.subarray(at)] : [];
    heldBytes = bytes.length - at;
  };
}

/** One answer at `at`, or how many bytes are missing at least, or what is wrong with it. */
function takeAnswer(
  question: Question,
  bytes: Buffer,
  at: number,
): { readonly nextAt: number; readonly missingBytes: number } | string {
  const headEnd = bytes.indexOf(10, at);
  if (headEnd < 0)
    return bytes.length - at > headBytesMax ? 'an answer without a head' : { nextAt: at, missingBytes: 1 };
  const head = headPattern.exec(bytes.toString('latin1', at, Math.min(headEnd, at + headBytesMax)));
  if (!head) return 'an answer that it should not give';
  const [, oid, type, size] = head;
  if (oid !== question.oids[question.answers.length]) return `the answer for another object, ${oid}`;
  if (type !== 'blob' && type !== 'tree' && type !== 'commit' && type !== 'tag') {
    question.answers.push(null);
    return { nextAt: headEnd + 1, missingBytes: 0 };
  }
  const found = { type, bytes: Number(size) } as const;
  if (!question.withContent) {
    question.answers.push({ head: found, content: Buffer.alloc(0) });
    return { nextAt: headEnd + 1, missingBytes: 0 };
  }
  if (found.bytes > question.bytesLeft) return `more than ${question.bytesLeft} bytes in ${oid}`;
  const end = headEnd + 1 + found.bytes;
  if (bytes.length <= end) return { nextAt: at, missingBytes: end + 1 - bytes.length };
  if (bytes[end] !== 10) return `an answer that is longer than it says, for ${oid}`;
  question.bytesLeft -= found.bytes;
  question.answers.push({ head: found, content: bytes.subarray(headEnd + 1, end) });
  return { nextAt: end + 1, missingBytes: 0 };
}
