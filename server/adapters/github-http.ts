import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { assert } from '../lib/assert.ts';
import { NotSent, pushHeader, readVerdict, requestThrough } from './push-wire.ts';

export interface HttpLimits {
  /** From the first byte of the request to the last byte of its answer. */
  readonly wallMs: number;
  readonly answerBytesMax: number;
  /** The socket of patchgit-push, which sends it with a credential of its own. Absent: it is sent from here, as it is. */
  readonly through?: string;
}

/** What octokit looks at in the answer of a `fetch`. */
export interface FetchAnswer {
  readonly url: string;
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: () => Promise<string>;
  readonly arrayBuffer: () => Promise<ArrayBuffer>;
}

interface FetchOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** As octokit has written it. */
  readonly body?: string | null;
}

export type StrictFetch = (url: string, options?: FetchOptions) => Promise<FetchAnswer>;

/** The body of a pull request is at most 256 KiB of UTF-8; everything else that we send is small. */
export const requestBytesMax = 1024 * 1024;

/** The request was not answered in full: what became of it is not known. Its message never holds anything that was sent. */
export class LostAnswer extends Error {
  override readonly name = 'LostAnswer';
}

/**
 * A `fetch` that goes to one place only. Node's own would load undici (14 MiB, notes/perf.md), follow redirects with what it was
 * given, and be led by a process-wide agent or proxy. This one sends once, follows nothing, keeps no connection (one that just
 * died makes it unknown whether something was done), and gives up at its clock and at its size. Rejects with `LostAnswer`, or with
 * `NotSent` where patchgit-push sends it and did not.
 */
export function strictFetch(baseUrl: string, limits: HttpLimits): StrictFetch {
  const base = new URL(baseUrl);
  return async (address, options = {}) => {
    const url = new URL(address);
    const isOurs = url.origin === base.origin && url.pathname.startsWith(base.pathname.replace(/\/?$/, '/'));
    assert(isOurs && url.username === '' && url.hash === '', 'a request goes where its credential belongs');
    const body = options.body === undefined || options.body === null ? null : Buffer.from(options.body, 'utf8');
    assert(body === null || body.length <= requestBytesMax, 'what is sent to a forge has a limit');
    const { response, bytes } = await exchange(url, options.method ?? 'GET', { ...options.headers }, body, limits);
    return {
      url: url.href,
      status: response.statusCode ?? 0,
      headers: headersOf(response),
      text: async () => bytes.toString('utf8'),
      arrayBuffer: async () => new Uint8Array(bytes).buffer,
    };
  };
}

/** The status and headers alone: the body is cut off. For questions whose answer is their status. */
export async function statusOf(
  url: URL,
  headers: Readonly<Record<string, string>>,
  limits: HttpLimits,
): Promise<{ readonly status: number; readonly headers: ReadonlyMap<string, string> }> {
  const { response } = await exchange(url, 'GET', { ...headers }, null, { ...limits, answerBytesMax: 0 });
  return { status: response.statusCode ?? 0, headers: headersOf(response) };
}

/**
 * The last bytes of a text at an address that needs no credential; null when it cannot be had. Nothing is sent along.
 */
export async function readTail(
  url: URL,
  { tailBytesMax, ...limits }: HttpLimits & { readonly tailBytesMax: number },
): Promise<string | null> {
  try {
    const { response, bytes } = await exchange(url, 'GET', {}, null, limits);
    return response.statusCode === 200 ? bytes.subarray(-tailBytesMax).toString('utf8') : null;
  } catch (error) {
    // What is only an addition may be missing; that it is missing shows.
    if (error instanceof LostAnswer) return null;
    throw error;
  }
}

/** With `answerBytesMax` 0 it ends at the headers. */
function exchange(
  url: URL,
  method: string,
  headers: Record<string, string>,
  body: Buffer | null,
  { wallMs, answerBytesMax, through }: HttpLimits,
): Promise<{ readonly response: IncomingMessage; readonly bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    if (body !== null) headers['content-length'] = String(body.length);
    const request =
      through === undefined
        ? openRequest(url, method, headers)
        : requestThrough(through, url.href, { method, headers, wallMs });
    const end = (why: string): void => {
      clearTimeout(wall);
      reject(new LostAnswer(why));
      request.destroy();
    };
    const wall = setTimeout(() => end(`it did not answer within ${Math.ceil(wallMs / 1000)} seconds`), wallMs);
    request.on('error', (error) => end(`the connection failed (${codeOf(error)})`));
    request.on('response', (response) => {
      const verdict = through === undefined ? null : readVerdict(response.headers[pushHeader]);
      if (verdict !== null && 'refused' in verdict) {
        clearTimeout(wall);
        reject(new NotSent(verdict.refused));
        request.destroy();
        return;
      }
      if (verdict !== null) {
        end(`the connection failed (${verdict.lost})`);
        return;
      }
      const chunks: Buffer[] = [];
      let received = 0;
      response.on('error', (error) => end(`the connection failed (${codeOf(error)})`));
      response.on('close', () => {
        if (!response.complete) end('the connection ended before the answer did');
      });
      if (answerBytesMax === 0) {
        clearTimeout(wall);
        resolve({ response, bytes: Buffer.alloc(0) });
        request.destroy();
        return;
      }
      response.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received > answerBytesMax) end(`its answer is larger than ${answerBytesMax} bytes`);
        else chunks.push(chunk);
      });
      response.on('end', () => {
        clearTimeout(wall);
        if (response.complete) resolve({ response, bytes: Buffer.concat(chunks) });
      });
    });
    request.end(body ?? undefined);
  });
}

export function openRequest(url: URL, method: string, headers: Record<string, string>): ClientRequest {
  // An agent of our own: the global one may have learnt of a proxy from the environment (NODE_USE_ENV_PROXY).
  return url.protocol === 'https:'
    ? httpsRequest(url, { method, headers, agent: new HttpsAgent({ keepAlive: false }), rejectUnauthorized: true })
    : httpRequest(url, { method, headers, agent: new HttpAgent({ keepAlive: false }) });
}

function headersOf(response: IncomingMessage): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return headers;
}

/** Only the code of an error leaves here: its other fields may hold what was sent. */
export function codeOf(error: Error): string {
  const code = 'code' in error ? error.code : null;
  return typeof code === 'string' && /^[A-Z][A-Z_0-9]{2,59}$/.test(code) ? code : 'no reason given';
}
