/**
 * The few calls that a sweep makes, straight over HTTP. Not the daemon's adapter: that one gives a complete list or none, and one row
 * that it cannot read would then keep every forgotten machine alive. A sweep takes what it can read, and says what it could not.
 */
import { endpointOf } from '../../server/adapters/digitalocean-call.ts';
import type { Seen, SeenMachine, SweepStep } from './decide.ts';

export interface SweepCloud {
  /** Everything that could be read, each thing once; `trouble` is a sentence when that may not be everything. */
  readonly list: (what: keyof Seen) => Promise<{ readonly rows: SeenMachine[]; readonly trouble: string | null }>;
  /** `asked`: the cloud will do it, which is not done yet; the next sweep sees. `gone`: it is not there any more. */
  readonly remove: (step: SweepStep) => Promise<{ readonly result: 'asked' | 'gone' } | { readonly trouble: string }>;
}

interface Way {
  readonly path: string;
  readonly rows: string;
  readonly query: string;
  /** Scopes of the token without which it is refused. */
  readonly scope: string;
}
const ways: Readonly<Record<keyof Seen, Way>> = {
  machines: { path: 'droplets', rows: 'droplets', query: '', scope: 'droplet:read' },
  snapshots: { path: 'snapshots', rows: 'snapshots', query: 'resource_type=droplet&', scope: 'snapshot:read' },
  keys: { path: 'account/keys', rows: 'ssh_keys', query: '', scope: 'ssh_key:read' },
};
const removal: Readonly<Record<SweepStep['kind'], Pick<Way, 'path' | 'scope'>>> = {
  machine: { path: 'droplets', scope: 'droplet:delete' },
  snapshot: { path: 'snapshots', scope: 'snapshot:delete and image:delete' },
  key: { path: 'account/keys', scope: 'ssh_key:delete' },
};
const rowsPerPage = 200;
const pagesMax = 50;
const answerBytesMax = 8 * 1024 * 1024;

interface SweepCloudOptions {
  readonly token: string;
  readonly apiUrl: string;
  /** For each request, in milliseconds. */
  readonly wallMs: number;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** Never rejects for what the cloud or the network does. Nothing is asked twice: the next sweep is the second try. */
export function sweepCloud(options: SweepCloudOptions): SweepCloud {
  const endpoint = endpointOf(options.apiUrl);
  const call = (method: string, path: string): Promise<Answered> => request(options, method, `${endpoint}/${path}`);
  return {
    list: (what) => list(call, ways[what]),
    remove: async ({ kind, id }) => {
      const { path, scope } = removal[kind];
      const answer = await call('DELETE', `${path}/${id}`);
      if (answer.status === 204) return { result: 'asked' };
      if (answer.status === 404) return { result: 'gone' };
      return { trouble: sentence(answer, scope) };
    },
  };
}

interface Answered {
  /** 0 when there was no answer. */
  readonly status: number;
  /** The parsed JSON; undefined when it is none. */
  readonly body: unknown;
  /** Why there was none. */
  readonly why: string;
}

async function list(
  call: (method: string, path: string) => Promise<Answered>,
  { path, rows: name, query, scope }: Way,
): Promise<{ rows: SeenMachine[]; trouble: string | null }> {
  const found = new Map<number, SeenMachine>();
  const ended = (trouble: string | null) => ({ rows: [...found.values()], trouble });
  const incomplete = (why: string) => ended(`The list of ${name} is not complete: ${why}.`);
  let unread = 0;
  for (let page = 1; page <= pagesMax; page += 1) {
    // By number: a `next` link is a hint that there is more, and is never followed with the token.
    const answer = await call('GET', `${path}?${query}page=${page}&per_page=${rowsPerPage}`);
    const given = field(answer.body, name);
    if (answer.status !== 200 || !Array.isArray(given)) return incomplete(sentence(answer, scope));
    for (const row of given) {
      const seen = readRow(row);
      if (seen === null) unread += 1;
      else found.set(seen.id, seen);
    }
    if (field(field(field(answer.body, 'links'), 'pages'), 'next') === undefined) {
      const total = field(field(answer.body, 'meta'), 'total');
      if (unread > 0) return incomplete(`${unread} of its rows could not be read`);
      return found.size === total ? ended(null) : incomplete(`it has ${found.size} rows, and says ${String(total)}`);
    }
  }
  return incomplete(`it has more than ${pagesMax} pages`);
}

/** Only an id and a name are needed to know what is ours. Ids of snapshots are text. */
function readRow(row: unknown): SeenMachine | null {
  const name = field(row, 'name');
  const given = field(row, 'id');
  const id = typeof given === 'string' && /^[1-9]\d{0,14}$/.test(given) ? Number(given) : given;
  // It becomes a part of an address, where anything but a number could name something else.
  if (typeof name !== 'string' || typeof id !== 'number' || !Number.isSafeInteger(id) || id <= 0) return null;
  const created = field(row, 'created_at');
  const createdAtMs = typeof created === 'string' ? Date.parse(created) : Number.NaN;
  return { id, name, createdAtMs: Number.isNaN(createdAtMs) ? null : createdAtMs };
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function sentence({ status, why }: Answered, scope: string): string {
  if (status === 0) return why;
  if (status === 401) return 'the token is not valid (401)';
  if (status === 403) return `the token lacks the scope ${scope} (403)`;
  if (status === 404) return 'the cloud knows nothing there, which it also says to a token it does not know (404)';
  if (status === 429) return 'the token has asked too often (429)';
  return status < 300 ? `the answer is none (${status})` : `the cloud answered ${status}`;
}

async function request(options: SweepCloudOptions, method: string, url: string): Promise<Answered> {
  const { token, wallMs, signal } = options;
  try {
    const response = await fetch(url, {
      method,
      headers: { Authorization: `Bearer ${token}`, Accept: 'application/json' },
      // A redirect would take the token elsewhere.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(wallMs)]),
    });
    return { status: response.status, body: parsed(await readText(response)), why: '' };
  } catch (error) {
    if (signal.aborted) return { status: 0, body: undefined, why: 'the time of this sweep is over' };
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { status: 0, body: undefined, why: `no answer came (${cause instanceof Error ? cause.name : 'error'})` };
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new Error('an answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
