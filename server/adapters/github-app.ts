import { createPrivateKey, sign } from 'node:crypto';
import { z } from 'zod';
import { problem, type Problem } from '#contract/problem.ts';
import type { KnownSecret } from '../lib/redact.ts';
import { no, ok, type Result } from '../lib/result.ts';
import type { GitHubName } from './github-address.ts';
import type { Asker, Question, Refusal, Reply } from './github-ask.ts';
import { secretsOf, type GitHubCredential, type Permissions } from './github-credential.ts';

export interface AppOptions {
  readonly appId: number;
  /** The private key in PEM, read at the moment of use, or the sentence that says why it cannot be. */
  readonly readKey: () => Result<string, string>;
  readonly asker: Asker;
  readonly gitOrigin: string;
  /** Told at each change what is secret now. */
  readonly onSecrets: (secrets: readonly KnownSecret[]) => void;
}

const Level = z.record(z.string(), z.string());
const Installation = z.object({
  id: z.int().positive(),
  account: z.object({ login: z.string() }).nullable(),
  suspended_at: z.string().nullable().optional(),
  permissions: Level,
});
export type Installation = z.infer<typeof Installation>;
/** What auth-app hands on of GitHub's answer. */
const Minted = z.object({
  token: z.string().regex(/^[\x21-\x7e]{8,2000}$/),
  expiresAt: z.iso.datetime({ offset: true }),
  permissions: Level,
});
const AppAnswer = z.object({ slug: z.string().regex(/^[a-z0-9-]{1,100}$/i), name: z.string().max(200) });

/** An App as a credential; beside that, who it is and where it is installed. */
export interface AppCredential extends GitHubCredential {
  readonly self: () => Promise<Result<z.infer<typeof AppAnswer>, Problem>>;
  readonly installations: () => Promise<Result<Installation[], Problem>>;
  /** A token for all repositories of one installation. */
  readonly installationToken: (installation: Installation) => Promise<Result<string, Problem>>;
}

interface Kept {
  readonly token: string;
  readonly expiresAtMs: number;
  readonly permissions: Permissions;
}

/** GitHub takes a JWT of at most ten minutes, and none from its own future. */
const jwtSeconds = 540;
const jwtEarlySeconds = 60;
/** A token is not used in its last minutes: a push may take that long. */
const tokenMarginMs = 5 * 60_000;
const skewWorthwhileMs = 5000;
const pagesMax = 10;
const rowsPerPage = 100;

/**
 * A GitHub App. Its installation tokens are minted when they are needed, for one repository each, kept in memory while they are
 * valid by GitHub's own clock, and never stored.
 */
export function appCredential(options: AppOptions): AppCredential {
  const { asker } = options;
  const kept = new Map<string, Kept>();
  const secrets: KnownSecret[] = [];
  const keep = (key: string, one: Kept | null): void => {
    if (one === null) kept.delete(key);
    else kept.set(key, one);
    secrets.splice(0, secrets.length, ...[...kept.values()].flatMap(({ token }) => secretsOf(token)));
    options.onSecrets(secrets);
  };
  const minting = new Map<string, Promise<Result<Kept, Problem>>>();
  const isValid = ({ expiresAtMs }: Kept): boolean => expiresAtMs - asker.forgeNowMs() > tokenMarginMs;
  /** `find` says the installation, when no token for this key is there any more. */
  const mint = async (
    key: string,
    repository: string | null,
    find: () => Promise<Result<Installation, Problem>>,
  ): Promise<Result<Kept, Problem>> => {
    const there = kept.get(key);
    if (there && isValid(there)) return ok(there);
    keep(key, null);
    const found = await find();
    if (!found.ok) return found;
    const minted = await askAsApp(options, (jwt) => mintQuestion(options.appId, jwt, found.value.id, repository));
    if (!minted.ok) return no(minted.why.problem);
    const { token, expiresAt, permissions } = minted.value.value;
    const fresh = { token, expiresAtMs: Date.parse(expiresAt), permissions };
    keep(key, fresh);
    return ok(fresh);
  };
  /** Whoever asks meanwhile gets the same one. */
  const mintOnce = (...wanted: Parameters<typeof mint>): Promise<Result<Kept, Problem>> => {
    const [key] = wanted;
    const running = minting.get(key) ?? mint(...wanted).finally(() => minting.delete(key));
    minting.set(key, running);
    return running;
  };
  const tokenFor = (name: GitHubName): Promise<Result<Kept, Problem>> =>
    mintOnce(`${name.owner}/${name.name}`.toLowerCase(), name.name, () => installationOf(options, name));
  return {
    kind: 'app',
    token: async (name) => {
      if (name === null) return no(problem('forge_forbidden', 'An App has no account of its own to look at.'));
      const minted = await tokenFor(name);
      return minted.ok ? ok(minted.value.token) : minted;
    },
    drop: (token) => {
      for (const [key, { token: one }] of kept) if (one === token) keep(key, null);
      return true;
    },
    permissions: async (name) => {
      const minted = await tokenFor(name);
      return minted.ok ? ok(minted.value.permissions) : minted;
    },
    secrets: () => secrets,
    self: async () => {
      const asked = await askAsApp(options, (jwt) => ({ question: selfQuestion, authorization: `Bearer ${jwt}` }));
      return asked.ok ? ok(asked.value.value) : no(asked.why.problem);
    },
    installations: () => listInstallations(options),
    installationToken: async (installation) => {
      const minted = await mintOnce(`installation ${installation.id}`, null, async () => ok(installation));
      return minted.ok ? ok(minted.value.token) : minted;
    },
  };
}

const selfQuestion: Question<z.infer<typeof AppAnswer>> = {
  doing: 'say who the App is',
  isWrite: false,
  schema: AppAnswer,
  send: (octokit, headers) => octokit.rest.apps.getAuthenticated({ headers }),
};

interface Prepared<T> {
  readonly question: Question<T>;
  readonly authorization: string | null;
}

/** Asks once more when the machine's clock was the reason: GitHub's refusal has told the right time. */
async function askAsApp<T>(
  { appId, readKey, asker }: AppOptions,
  prepare: (jwt: string) => Prepared<T>,
): Promise<Result<Reply<T>, Refusal>> {
  for (let tries = 1; ; tries += 1) {
    const key = readKey();
    if (!key.ok) return no({ status: null, words: '', problem: problem('forge_unauthorized', key.why) });
    const nowMs = asker.forgeNowMs();
    const { question, authorization } = prepare(appJwt(appId, key.value, nowMs));
    const reply = await asker.ask(question, authorization);
    const wasWrongTime = Math.abs(asker.forgeNowMs() - nowMs) > skewWorthwhileMs;
    if (reply.ok || reply.why.status !== 401 || !wasWrongTime || tries > 1) return reply;
  }
}

/** RS256 over who and when (GitHub's documentation of authenticating as an App). */
function appJwt(appId: number, key: string, nowMs: number): string {
  const nowSeconds = Math.floor(nowMs / 1000);
  const claims = { iat: nowSeconds - jwtEarlySeconds, exp: nowSeconds + jwtSeconds, iss: String(appId) };
  const text = [{ alg: 'RS256', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part), 'utf8').toString('base64url'))
    .join('.');
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), createPrivateKey(key)).toString('base64url')}`;
}

/**
 * auth-app makes the request and reads its answer; the JWT is ours, because it must hold GitHub's time. Its own cache is switched
 * off: it keeps a token by this machine's clock. It is loaded at the first use.
 */
function mintQuestion(
  appId: number,
  jwt: string,
  installationId: number,
  name: string | null,
): Prepared<z.infer<typeof Minted>> {
  const question: Question<z.infer<typeof Minted>> = {
    doing: 'give out a token of the App',
    // A token whose answer was lost is never used by anybody, and ends by itself.
    isWrite: false,
    schema: Minted,
    send: async (octokit) => {
      const { createAppAuth } = await import('@octokit/auth-app');
      const auth = createAppAuth({
        appId,
        createJwt: async () => ({ jwt, expiresAt: '' }),
        request: octokit.request,
        cache: { get: () => '', set: () => undefined },
        log: octokit.log,
      });
      const repositories = name === null ? {} : { repositoryNames: [name] };
      const data = await auth({ type: 'installation', installationId, refresh: true, ...repositories });
      return { status: 201, headers: {}, data };
    },
  };
  return { question, authorization: null };
}

async function listInstallations(options: AppOptions): Promise<Result<Installation[], Problem>> {
  const all: Installation[] = [];
  for (let page = 1; page <= pagesMax; page += 1) {
    const question: Question<Installation[]> = {
      doing: 'list where the App is installed',
      isWrite: false,
      schema: z.array(Installation).max(rowsPerPage),
      send: (octokit, headers) => octokit.rest.apps.listInstallations({ per_page: rowsPerPage, page, headers }),
    };
    const asked = await askAsApp(options, (jwt) => ({ question, authorization: `Bearer ${jwt}` }));
    if (!asked.ok) return no(asked.why.problem);
    all.push(...asked.value.value);
    if (asked.value.value.length < rowsPerPage) break;
  }
  return ok(all);
}

async function installationOf(options: AppOptions, { owner }: GitHubName): Promise<Result<Installation, Problem>> {
  const listed = await listInstallations(options);
  if (!listed.ok) return listed;
  const found = listed.value.find(({ account }) => account?.login.toLowerCase() === owner.toLowerCase());
  if (!found) {
    return no(
      problem(
        'forge_forbidden',
        `The App is not installed at ${owner}. Install it from its page on GitHub, "Install App", and choose the repository.`,
      ),
    );
  }
  if (typeof found.suspended_at === 'string') {
    const where = `${options.gitOrigin}/settings/installations/${found.id}`;
    return no(problem('forge_forbidden', `The App is suspended at ${owner}. Start it again at ${where}.`));
  }
  return ok(found);
}
