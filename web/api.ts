import type { Problem } from '#contract/problem.ts';

/** The server said no, and why. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly problem: Problem;
  readonly status: number;
  constructor(problem: Problem, status: number) {
    super(problem.message);
    this.problem = problem;
    this.status = status;
  }
}

/** No answer came: the request may or may not have arrived. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

export interface CallOptions {
  /** Raw bytes instead of JSON. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly wallMs?: number;
  /** For the door itself: its refusals are answers to show, not a reason to ask for the PIN. */
  readonly atTheDoor?: boolean;
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

interface Watch {
  /** Resolves once the owner has unlocked; the call is then made again. */
  readonly unlocked: (problem: Problem) => Promise<void>;
  readonly unanswered: () => void;
}

let watch: Watch = {
  unlocked: () => Promise.reject(new Error('nobody watches the door')),
  unanswered: () => undefined,
};

/** Who is told when a call finds the door locked or gets no answer. */
export function watchCalls(next: Watch): void {
  watch = next;
}

/** One request to the server; JSON in, JSON out. Throws Refusal (it said no) or NoAnswer (it said nothing). */
export async function call<T>(method: Method, path: string, body?: unknown, options: CallOptions = {}): Promise<T> {
  // The server builds its answers from the contract and is the same release as this page: they are not parsed twice.
  return JSON.parse(await request(method, path, body, options)) as T;
}

/** One request whose answer is text: a diff or a log. */
export async function callText(path: string): Promise<string> {
  return request('GET', path, undefined, { wallMs: 60_000 });
}

async function request(method: Method, path: string, body: unknown, options: CallOptions): Promise<string> {
  const { status, text } = await send(method, path, body, options);
  if (status < 300) return text;
  const problem = problemIn(text) ?? noReason(status);
  const shut = ['locked', 'device_unknown', 'pin_required'].includes(problem.code);
  if (!shut || options.atTheDoor) throw new Refusal(problem, status);
  await watch.unlocked(problem);
  return request(method, path, body, options);
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function send(method: Method, path: string, body: unknown, options: CallOptions): Promise<Answer> {
  const headers: Record<string, string> = { Accept: 'application/json, text/plain' };
  // A form of another site cannot set this header: it is half of the protection against forged writes.
  if (method !== 'GET') headers['X-Patchgit'] = '1';
  if (method !== 'GET') headers['Content-Type'] = options.bytes ? 'application/octet-stream' : 'application/json';
  const payload = options.bytes ?? (method === 'GET' ? null : JSON.stringify(body ?? {}));
  try {
    const response = await fetch(path, {
      method,
      headers,
      body: payload,
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(options.wallMs ?? 20_000),
    });
    // An answer that breaks off in the middle is no answer either.
    return { status: response.status, text: await response.text() };
  } catch (error) {
    watch.unanswered();
    throw new NoAnswer(`no answer to ${method} ${path.split('?')[0]}`, { cause: error });
  }
}

function noReason(status: number): Problem {
  return { code: 'internal', message: `The server answered ${status} without saying why.` };
}

function problemIn(text: string): Problem | null {
  if (!text.startsWith('{')) return null;
  // Shape is checked by the two members every problem has; the rest is optional.
  const value = JSON.parse(text) as Partial<Problem>;
  return value.code && value.message ? (value as Problem) : null;
}

/** What a person should read about a failed call. */
export function sentenceFor(error: unknown): string {
  if (error instanceof Refusal) return error.problem.message;
  if (error instanceof NoAnswer) return 'Cannot reach the server. Nothing here is lost.';
  throw error;
}
