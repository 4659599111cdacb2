/**
 * What the user patchgit-push does with the forge's credential, whoever asks: exactly what this program's own client needs. Merging,
 * settings, keys, hooks, secrets and everything else are not on the list, so a daemon that was taken over cannot have them done.
 */
import { z } from 'zod';
import { no, ok, type Result } from '../lib/result.ts';
import { gitHubName } from './github-address.ts';
import type { PushRefusal } from './push-wire.ts';

export interface PushPlace {
  /** As `gitHubAddress` of the configuration makes them. */
  readonly apiUrl: string;
  readonly gitOrigin: string;
}

/** What a request is, once it may be sent as far as its first line goes. */
export type PushOrder =
  | { readonly kind: 'api'; readonly url: URL; readonly body: z.ZodType<object> | null }
  | { readonly kind: 'git'; readonly url: URL; readonly isPush: boolean };

/** As it stands in addresses: `%2F` is the slash of a branch. */
const ref = /^(?:[\w.~!$&'()*+,;=:@-]|%[0-9A-F]{2}){1,400}$/;
const queryNames = new Set('page per_page sort direction state head labels since filter check_name'.split(' '));

/** Below `/repos/OWNER/NAME`; `REF` is one segment. Methods are those of GitHub's official description. */
const reads: readonly RegExp[] = [
  /^$/,
  /^\/branches\/(?<ref>[^/]+)$/,
  /^\/pulls(?:\/\d{1,10})?$/,
  /^\/commits\/(?<ref>[^/]+)\/(?:status|check-runs)$/,
  /^\/actions\/jobs\/\d{1,20}\/logs$/,
  /^\/issues$/,
  /^\/issues\/comments$/,
  /^\/issues\/\d{1,10}\/comments$/,
];

const branch = z.string().regex(/^patchgit\/[a-z0-9-]{1,200}$/);
const writes: readonly { readonly method: string; readonly path: RegExp; readonly body: z.ZodType<object> }[] = [
  {
    method: 'POST',
    path: /^\/pulls$/,
    body: z.strictObject({ title: z.string(), body: z.string(), head: branch, base: z.string(), draft: z.boolean() }),
  },
  // Only to be closed: not opened again, not for another base.
  { method: 'PATCH', path: /^\/pulls\/\d{1,10}$/, body: z.strictObject({ state: z.literal('closed') }) },
  { method: 'POST', path: /^\/issues\/\d{1,10}\/labels$/, body: z.strictObject({ labels: z.array(z.string()) }) },
  { method: 'POST', path: /^\/issues\/\d{1,10}\/comments$/, body: z.strictObject({ body: z.string() }) },
  // Under our own name alone: a status of the repository's own CI could let a change in.
  {
    method: 'POST',
    path: /^\/statuses\/(?:[0-9a-f]{40}|[0-9a-f]{64})$/,
    body: z.strictObject({
      state: z.enum(['success', 'failure', 'error']),
      context: z.literal('patchgit/proof'),
      description: z.string(),
    }),
  },
];

/** Looks at the first line of a request: the whole address, as the daemon wrote it. */
export function judgeOrder(method: string, address: string, place: PushPlace): Result<PushOrder, PushRefusal> {
  const url = URL.canParse(address) ? new URL(address) : null;
  // Written in the one way there is, so that nobody on the way can read it differently.
  if (url === null || url.href !== address || url.hash !== '' || url.username !== '' || url.password !== '')
    return no('elsewhere');
  // Where one origin answers for both, as on GitHub Enterprise, the path of the API decides.
  const api = new URL(place.apiUrl);
  const path = url.pathname;
  const base = api.pathname.replace(/\/$/, '');
  const git = url.origin === place.gitOrigin ? judgeGit(method, url, place) : null;
  if (git !== null) return ok(git);
  if (url.origin === api.origin && path.startsWith(`${base}/`))
    return judgeApi(method, url, path.slice(base.length), place);
  return no(url.origin === place.gitOrigin ? 'not_allowed' : 'elsewhere');
}

/** The body as it may be sent, written anew: nobody reads a second meaning out of it. */
export function judgeBody(schema: z.ZodType<object>, body: Buffer): Result<Buffer, PushRefusal> {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return no('body');
    throw error;
  }
  const read = schema.safeParse(json);
  return read.success ? ok(Buffer.from(JSON.stringify(read.data), 'utf8')) : no('body');
}

function judgeApi(method: string, url: URL, path: string, { gitOrigin }: PushPlace): Result<PushOrder, PushRefusal> {
  const refused = no<PushRefusal>('not_allowed');
  const isRead = method === 'GET';
  if (isRead && ![...url.searchParams.keys()].every((name) => queryNames.has(name))) return refused;
  if (!isRead && url.search !== '') return refused;
  if (isRead && (path === '/user' || path === '/user/repos')) return ok({ kind: 'api', url, body: null });
  const [, repository, rest] = /^\/repos\/([^/]+\/[^/]+)(|\/.*)$/.exec(path) ?? [];
  if (repository === undefined || rest === undefined || gitHubName(`${gitOrigin}/${repository}`, gitOrigin) === null)
    return refused;
  if (isRead) {
    const found = reads.map((pattern) => pattern.exec(rest)).find((match) => match !== null);
    return found && isRef(found.groups?.['ref'] ?? 'main') ? ok({ kind: 'api', url, body: null }) : refused;
  }
  const write = writes.find((one) => one.method === method && one.path.test(rest));
  return write === undefined ? refused : ok({ kind: 'api', url, body: write.body });
}

function isRef(text: string): boolean {
  return ref.test(text) && !/(?:\.|%2E){2}/.test(text);
}

/** The doors of git's own protocol over HTTP (gitprotocol-http(5)), of one repository; null for everything else. */
function judgeGit(method: string, url: URL, { gitOrigin }: PushPlace): PushOrder | null {
  const [, repository = '', door = ''] = /^\/([^/]+\/[^/]+)\/(.+)$/.exec(url.pathname) ?? [];
  if (gitHubName(`${gitOrigin}/${repository}`, gitOrigin) === null) return null;
  const isPush = door === 'git-receive-pack';
  const isRefs = door === 'info/refs' && /^\?service=git-(?:upload|receive)-pack$/.test(url.search);
  if (method === 'GET' && isRefs) return { kind: 'git', url, isPush: false };
  const isExchange = (isPush || door === 'git-upload-pack') && url.search === '';
  return method === 'POST' && isExchange ? { kind: 'git', url, isPush } : null;
}
