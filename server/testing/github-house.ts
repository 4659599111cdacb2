/** A daemon that works on a fake GitHub, both with the same time, which runs faster than a wall's. */
import type { Proposal } from '#contract/proposal.ts';
import type { Repository } from '#contract/repository.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { closeHouses, newHouse, type Environment, type House } from './daemon.ts';
import { fastClock } from './fast-clock.ts';
import { openContract } from './forge/contract.ts';
import type { Permissions } from './forge/credentials.ts';
import { startFakeGitHub, type FakeGitHub } from './forge/forge.ts';
import { addRepository, getProposal, propose } from './owner.ts';
import { makeRepository, removeRepositories, type Files } from './repository.ts';
import { until } from './wait.ts';

export interface GitHubHouse {
  readonly forge: FakeGitHub;
  readonly house: House;
  /** What the daemon was given. */
  readonly token: string;
  /** The secret of every webhook that `listen` makes. */
  readonly hookSecret: string;
  /** A repository of ada's on GitHub, added to patchgit under the same name. */
  readonly add: (
    name: string,
    checks?: readonly { readonly name: string; readonly command: string }[],
  ) => Promise<Repository>;
  readonly propose: (repository: string, title?: string, change?: Record<string, string>) => Promise<Proposal>;
  /** Looks at the proposal until it is so. */
  readonly sees: (id: string, what: string, is: (now: Proposal) => boolean) => Promise<Proposal>;
  /** GitHub tells the running daemon what happens in the repository. */
  readonly listen: (name: string, events?: readonly string[]) => void;
  /** Where the token stands although it must not: what was said, the database, files of the home that git reads. */
  readonly leaks: () => string[];
}

export const files: Files = { 'a.txt': 'one\ntwo\nthree\n', '.github/workflows/test.yml': 'on: push\n' };
export const loud = { 'a.txt': 'one\nTWO\nthree\n' };

/** What a fine-grained token needs for everything that patchgit does. */
export const allowed: Permissions = {
  contents: 'write',
  pull_requests: 'write',
  issues: 'write',
  statuses: 'write',
  checks: 'read',
  actions: 'read',
};

const speed = 30;
const hookSecret = 'a secret of the webhook';
const wallMs = 60_000;

interface Options {
  readonly permissions?: Permissions;
  readonly environment?: Environment;
}

let open: FakeGitHub[] = [];

export async function openGitHubHouse({ permissions = allowed, environment = {} }: Options = {}): Promise<GitHubHouse> {
  const sinceMs = Date.now();
  const forge = await startFakeGitHub({
    contract: openContract(),
    clock: fastClock(systemClock(), { speed, sinceMs }),
    // Many cases share one forge; what a limit does is a case of its own.
    conditions: { contentPerMinuteMax: 10_000, requestsPerHourMax: 1_000_000 },
  });
  open.push(forge);
  const token = forge.addToken({ kind: 'fine_grained', login: 'ada', permissions });
  const house = newHouse({
    GITHUB_TOKEN: token,
    GITHUB_API_URL: forge.url,
    GITHUB_GIT_URL: forge.gitUrl,
    GITHUB_WEBHOOK_SECRET: hookSecret,
    PATCHGIT_TEST_MAIN: 'server/testing/main-with-fast-clock.ts',
    PATCHGIT_TEST_CLOCK_SPEED: String(speed),
    PATCHGIT_TEST_CLOCK_SINCE_MS: String(sinceMs),
    ...environment,
  });
  await house.start();
  return { forge, house, token, hookSecret, ...deedsAt(forge, house, token) };
}

function deedsAt(
  forge: FakeGitHub,
  house: House,
  token: string,
): Omit<GitHubHouse, 'forge' | 'house' | 'token' | 'hookSecret'> {
  return {
    add: async (name, checks = [{ name: 'true', command: 'true' }]) => {
      const url = forge.addRepository({ owner: 'ada', name, files });
      return await addRepository(house.client, { name, url, checks: [...checks] });
    },
    propose: (repository, title = 'Say two loudly', change = loud) =>
      propose(house.client, { repository, title, patch: makeRepository(files).diff(change) }),
    sees: (id, what, is) =>
      until(
        what,
        async () => {
          const now = await getProposal(house.client, id);
          return is(now) && now;
        },
        wallMs,
      ),
    listen: (name, events = ['*']) => {
      const [row] = house.rows(
        `select json_extract(body, '$.port') as port from ledger where kind = 'daemon.started' order by seq desc limit 1`,
      );
      const url = `http://127.0.0.1:${Number(row?.['port'])}/api/hooks/github`;
      forge.addWebhook(`ada/${name}`, { url, secret: hookSecret, events });
    },
    leaks: () => leaksOf(house, token),
  };
}

/** In each form that the token travels in. */
function leaksOf(house: House, token: string): string[] {
  const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
  const tables = house.rows(`select name from sqlite_master where type = 'table'`).map(({ name }) => String(name));
  const places = [
    ['standard error', house.said()] as const,
    ...tables.map((name) => [name, JSON.stringify(house.rows(`select * from "${name}"`))] as const),
  ];
  return places.filter(([, text]) => text.includes(token) || text.includes(basic)).map(([name]) => name);
}

/** For `afterEach` or `afterAll`: closes everything, and fails on an answer that left the official description. */
export async function closeGitHubHouses(): Promise<void> {
  const forges = open;
  open = [];
  await closeHouses();
  removeRepositories();
  for (const forge of forges) await forge.close();
}
