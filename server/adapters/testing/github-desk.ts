/** A fake GitHub with one repository, and the adapter that talks to it. */
import { execFileSync } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ObjectId } from '#contract/ids.ts';
import type { Problem } from '#contract/problem.ts';
import type { KnownSecret } from '../../lib/redact.ts';
import type { ForgeRepository, Log } from '../../ports.ts';
import { fakeClock, type FakeClock } from '../../testing/fake-clock.ts';
import { openContract } from '../../testing/forge/contract.ts';
import { startFakeGitHub, type FakeGitHub, type NewToken } from '../../testing/forge/forge.ts';
import { gitHubForge, type GitHubForge, type GitHubForgeOptions } from '../github.ts';

export interface GitHubDesk {
  readonly fake: FakeGitHub;
  readonly clock: FakeClock;
  readonly github: GitHubForge;
  readonly repository: ForgeRepository;
  /** The tip of `main`, and of `patchgit/one`, one commit ahead of it. */
  readonly main: ObjectId;
  readonly commit: ObjectId;
  readonly token: string;
  readonly logged: object[];
  readonly secrets: () => readonly KnownSecret[];
}

export const branch = 'patchgit/one';

/** Everything that patchgit needs, as a fine-grained token. */
export const allPermissions = {
  contents: 'write',
  pull_requests: 'write',
  issues: 'write',
  statuses: 'write',
  checks: 'read',
} as const;

export const owned: NewToken = { kind: 'fine_grained', login: 'octo', permissions: allPermissions };

/** `credential` makes another one than a token that may do everything. */
export async function openGitHubDesk(
  options: {
    readonly token?: NewToken;
    readonly credential?: (fake: FakeGitHub) => GitHubForgeOptions['credential'];
    readonly wallMs?: number;
  } = {},
): Promise<GitHubDesk> {
  const clock = fakeClock();
  const fake = await startFakeGitHub({ clock, contract: openContract() });
  const url = fake.addRepository({ owner: 'octo', name: 'shop', files: { 'a.txt': 'one\n' } });
  const commit = ObjectId.parse(fake.pushBy({ repository: 'octo/shop', branch, files: { 'a.txt': 'two\n' } }));
  const token = fake.addToken(options.token ?? owned);
  const { logged, log } = keptLog();
  let secrets: readonly KnownSecret[] = [];
  const github = gitHubForge({
    apiUrl: fake.url,
    gitOrigin: fake.gitUrl,
    credential: options.credential?.(fake) ?? { kind: 'token', token },
    wallMs: options.wallMs ?? 10_000,
    clock,
    log,
    onSecrets: (now) => {
      secrets = [...now];
    },
  });
  const main = ObjectId.parse(fake.branches('octo/shop').get('main'));
  const repository = { id: 'repo_0123456789ab', name: 'shop', url };
  return { fake, clock, github, repository, main, commit, token, logged, secrets: () => secrets };
}

export function newPull(commit: ObjectId) {
  return { title: 'Two', body: 'Why\n', branch, base: 'main', commit, proposalId: 'prop_0123456789ab' };
}

export function keptLog(): { readonly logged: object[]; readonly log: Log } {
  const logged: object[] = [];
  const keep = (fields: object, sentence: string): void => void logged.push({ ...fields, sentence });
  return { logged, log: { debug: keep, info: keep, warn: keep, error: keep } };
}

export function refused(outcome: { ok: true } | { ok: false; why: Problem }): Problem {
  if (outcome.ok) throw new Error('it was said to be done');
  return outcome.why;
}

export function done<T>(outcome: { ok: true; value: T } | { ok: false; why: Problem }): T {
  if (!outcome.ok) throw new Error(outcome.why.message);
  return outcome.value;
}

/** One request as a far end saw it. */
export interface Heard {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

export interface FarEnd {
  readonly url: string;
  readonly heard: Heard[];
  readonly close: () => Promise<void>;
}

/** A far end made by hand, for what no GitHub would answer. */
export async function farEnd(
  answer: (heard: Heard, response: ServerResponse, request: IncomingMessage) => void,
): Promise<FarEnd> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '' } = request;
      const body = Buffer.concat(chunks).toString('utf8');
      const one = { method, path: url, authorization: request.headers.authorization, body };
      heard.push(one);
      answer(one, response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}

/** GitHub at a far end made by hand. */
export function forgeAt(url: string, more: Partial<GitHubForgeOptions> = {}) {
  const clock = fakeClock();
  const { logged, log } = keptLog();
  const credential = { kind: 'token', token: farToken } as const;
  const basis = { apiUrl: url, gitOrigin: url, credential, wallMs: 2000, clock, log, onSecrets: () => undefined };
  const github = gitHubForge({ ...basis, ...more });
  return { github, clock, logged, repository: { id: 'repo_0123456789ab', name: 'shop', url: `${url}/octo/shop.git` } };
}

/** In the form of a classic token, made up. */
export const farToken = `ghp_${'Zz9'.repeat(12)}`;

export function sh(command: string, cwd: string): string {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' };
  return execFileSync('sh', ['-ec', command], { cwd, encoding: 'utf8', env, stdio: 'pipe' }).trim();
}
