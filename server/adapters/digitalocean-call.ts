import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { createApiClient } from 'dots-wrapper';
import { assert } from '../lib/assert.ts';
import { redactText, type KnownSecret } from '../lib/redact.ts';
import { no, ok, type Result } from '../lib/result.ts';
import type { Log } from '../ports.ts';
import type { CloudFailure } from '../ports-cloud.ts';
import { CloudErrorBody } from './digitalocean-answers.ts';

export interface DigitalOceanOptions {
  readonly token: string;
  /** With or without `/v2`. Plain http only on this machine: the token goes with every request. */
  readonly apiUrl: string;
  /** For each request, from its first byte to the last byte of its answer. */
  readonly wallMs: number;
  readonly log?: Log;
}

/** What came back from the wire, before anything in it is believed. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type DotsClient = ReturnType<typeof createApiClient>;
/** The value is the parsed JSON of an answer with the expected status; `undefined` where no body was expected. */
export type Call = (
  name: string,
  expectedStatus: number,
  send: (client: DotsClient) => Promise<unknown>,
) => Promise<Result<unknown, CloudFailure>>;

const answerBytesMax = 8 * 1024 * 1024;
/** `user_data` is at most 64 KiB; everything else is small. */
const requestBytesMax = 256 * 1024;
const messageCharactersMax = 300;
const retryAfterMsMax = 3_600_000;

/** The address that every request begins with. Throws a sentence when the token would travel in the clear or elsewhere. */
export function endpointOf(apiUrl: string): string {
  const url = URL.canParse(apiUrl) ? new URL(apiUrl) : null;
  const isHere = url !== null && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isHere);
  if (url === null || !isSafe || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new Error('DIGITALOCEAN_API_URL must be an https address without a user name, a query or a fragment.');
  }
  const path = url.pathname.replace(/\/+$/, '');
  return `${url.origin}${path.endsWith('/v2') ? path : `${path}/v2`}`;
}

/**
 * One request through dots-wrapper, and what its answer means. Never rejects, never tries again, and nothing that axios made
 * leaves it: its errors carry the token (notes/helper-fleet.md 2.1).
 */
export function caller({ token, apiUrl, wallMs, log }: DigitalOceanOptions): Call {
  const endpoint = endpointOf(apiUrl);
  assert(/^[\x21-\x7e]+$/.test(token), 'a token of DigitalOcean is one word of visible characters');
  assert(Number.isSafeInteger(wallMs) && wallMs > 0, 'a request to the cloud has a time limit');
  const known: readonly KnownSecret[] = [{ name: 'DigitalOcean token', value: token }];
  let client: Promise<DotsClient> | null = null;
  return async (name, expectedStatus, send) => {
    client ??= openClient(endpoint, token, wallMs);
    const startedAtMs = Date.now();
    const answer = await attempt(client, send);
    const outcome = answer.ok ? judge(answer.value, expectedStatus, known) : answer;
    const status = answer.ok ? answer.value.status : null;
    const why = outcome.ok ? {} : { kind: outcome.why.kind, code: outcome.why.code };
    log?.debug({ call: name, status, tookMs: Date.now() - startedAtMs, ...why }, 'asked the cloud');
    return outcome;
  };
}

/** An answer that cannot be understood. It may have been done all the same. */
export function unknownFailure(code: string, message: string): CloudFailure {
  return { kind: 'unknown', code, message, retryAfterMs: null };
}

/** dots-wrapper is loaded at the first call: an installation without a cloud need not hold it. Its axios is replaced by a strict one. */
async function openClient(endpoint: string, token: string, wallMs: number): Promise<DotsClient> {
  const { modules } = await import('dots-wrapper');
  const open = modules.common.createApiClient({
    modules,
    createContext: ({ axios }) => {
      const httpClient = axios.create({
        baseURL: endpoint,
        adapter: 'http',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', Accept: 'application/json' },
        // A redirect would take the token elsewhere, or turn a create into a GET that looks like its success.
        maxRedirects: 0,
        // Agents of our own: neither HTTP_PROXY nor a process-wide agent decides who sees the token. No kept connection, because
        // one that just died makes it unknown whether a machine was created.
        proxy: false,
        httpAgent: new HttpAgent({ keepAlive: false }),
        // Said aloud, because NODE_TLS_REJECT_UNAUTHORIZED would otherwise have a say.
        httpsAgent: new HttpsAgent({ keepAlive: false, rejectUnauthorized: true }),
        maxContentLength: answerBytesMax,
        maxBodyLength: requestBytesMax,
        // Every answer is judged by `judge`: axios would hand out JSON that was cut short as a success.
        validateStatus: () => true,
        responseType: 'text',
        transformResponse: [(body: unknown) => body],
      });
      // The time limit of axios counts silence only; this one counts everything.
      httpClient.interceptors.request.use((request) => {
        request.signal = AbortSignal.timeout(wallMs);
        return request;
      });
      return { endpoint, httpClient };
    },
  });
  return open({ endpoint, token });
}

async function attempt(
  client: Promise<DotsClient>,
  send: (client: DotsClient) => Promise<unknown>,
): Promise<Result<Answer, CloudFailure>> {
  let response: unknown;
  try {
    response = await send(await client);
  } catch (error) {
    const code = codeOf(error);
    const why = code === 'ERR_CANCELED' ? 'it did not answer in time' : `the connection failed (${code})`;
    return no(unknownFailure(code.toLowerCase(), `DigitalOcean was asked, but ${why}.`));
  }
  return ok(answerOf(response));
}

/** Only the code of an error leaves here: its message and its fields are axios's, with the token in them. */
function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
  return typeof code === 'string' && /^[A-Z][A-Z_]{2,39}$/.test(code) ? code : 'ERR_UNKNOWN';
}

function answerOf(response: unknown): Answer {
  assert(typeof response === 'object' && response !== null && 'status' in response, 'axios resolves with a response');
  const headers: Record<string, string> = {};
  const given = 'headers' in response && typeof response.headers === 'object' ? response.headers : null;
  for (const [name, value] of Object.entries(given ?? {})) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value;
  }
  const body = 'data' in response && typeof response.data === 'string' ? response.data : '';
  return { status: Number(response.status), headers, body };
}

/** What an answer means. `unknown` unless it is clearly DigitalOcean's own yes or no. */
export function judge(
  answer: Answer,
  expectedStatus: number,
  known: readonly KnownSecret[],
): Result<unknown, CloudFailure> {
  const { status, body } = answer;
  if (status === expectedStatus) {
    if (status === 204) {
      return body === ''
        ? ok(undefined)
        : no(unknownFailure('garbled', 'DigitalOcean answered with what is no answer.'));
    }
    const json = jsonOf(answer);
    return json === undefined
      ? no(unknownFailure('garbled', 'DigitalOcean answered with what is not JSON, or only a part of it.'))
      : ok(json);
  }
  const error = CloudErrorBody.safeParse(jsonOf(answer));
  const said = error.success ? sayOf(error.data, known) : null;
  const failure = (kind: CloudFailure['kind'], otherwise: string): Result<never, CloudFailure> =>
    no({
      kind,
      code: said?.code ?? (kind === 'unknown' ? `status_${status}` : null),
      message: said === null ? otherwise : `DigitalOcean said: ${said.message}`,
      retryAfterMs: kind === 'rate_limited' ? retryAfterMs(answer) : null,
    });
  if (status === 429) return failure('rate_limited', 'DigitalOcean takes no more requests for now.');
  if (status === 401) return failure('unauthorized', 'DigitalOcean does not accept the token.');
  // A page of a proxy in between has these statuses too; only DigitalOcean's own error body is its no.
  if (said !== null && status === 403) return failure('unauthorized', said.message);
  if (said !== null && status === 404) return failure('not_found', said.message);
  if (said !== null && status >= 400 && status < 500 && status !== 408) return failure('refused', said.message);
  return failure('unknown', `DigitalOcean answered with status ${status}, which says nothing about what was done.`);
}

/** Undefined when the answer does not call itself JSON or is none. */
function jsonOf({ headers, body }: Answer): unknown {
  if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) return undefined;
  try {
    return JSON.parse(body) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The cloud's own words, as one line, without anything that is or looks like a credential. */
function sayOf(
  { id, message }: CloudErrorBody,
  known: readonly KnownSecret[],
): { code: string | null; message: string } {
  const clean = redactText(message, known)
    .replaceAll(/[\s\p{C}]+/gu, ' ')
    .trim();
  const isPlain = /^[a-z0-9_.-]{1,64}$/i.test(id) && redactText(id, known) === id;
  return { code: isPlain ? id : null, message: clean.slice(0, messageCharactersMax) };
}

/**
 * `retry-after` comes with the limit per minute. Without it the hour is used up: `ratelimit-reset` is when the oldest request stops
 * counting, in Unix seconds of the cloud's clock, which `date` tells (notes/helper-fleet.md 1.5).
 */
function retryAfterMs({ headers }: Answer): number | null {
  const bounded = (ms: number): number => Math.min(Math.max(Math.ceil(ms), 1000), retryAfterMsMax);
  const cloudNowMs = Date.parse(headers['date'] ?? '');
  const nowMs = Number.isNaN(cloudNowMs) ? Date.now() : cloudNowMs;
  const after = headers['retry-after'] ?? '';
  if (/^\d{1,9}$/.test(after)) return bounded(Number(after) * 1000);
  if (!Number.isNaN(Date.parse(after))) return bounded(Date.parse(after) - nowMs);
  const reset = headers['ratelimit-reset'] ?? '';
  return /^\d{1,12}$/.test(reset) && headers['ratelimit-remaining'] === '0'
    ? bounded(Number(reset) * 1000 - nowMs)
    : null;
}
