import type { ForgeCandidate } from '#contract/forge.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { KnownSecret } from '../lib/redact.ts';
import { no, ok, type Result } from '../lib/result.ts';
import type { Clock, Forge, ForgeRepository, Log } from '../ports.ts';
import { gitHubName, gitHubTransferName } from './github-address.ts';
import { appCredential, type AppCredential } from './github-app.ts';
import { gitHubAsker } from './github-ask.ts';
import { candidates } from './github-candidates.ts';
import { basicOf, credentialHeldApart, session, tokenCredential, type GitHubCredential } from './github-credential.ts';
import { inspect } from './github-inspect.ts';
import { comment, mark } from './github-marks.ts';
import { outcome } from './github-outcome.ts';
import { closePull, findPull, getPull, listPulls, openPull, type Place } from './github-pulls.ts';
import { requests } from './github-requests.ts';
import { askSelf, type Self } from './github-self.ts';

export interface GitHubForgeOptions {
  readonly apiUrl: string;
  readonly gitOrigin: string;
  readonly credential:
    | { readonly kind: 'token'; readonly token: string }
    /** A personal token that the user patchgit-push holds, behind this socket. */
    | { readonly kind: 'held_apart'; readonly socketPath: string }
    | { readonly kind: 'app'; readonly appId: number; readonly readKey: () => Result<string, string> };
  /** For each request: after this, nothing of it is on its way any more. */
  readonly wallMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Told at the start and at each change every credential of now, in every form that it travels in. */
  readonly onSecrets: (secrets: readonly KnownSecret[]) => void;
}

/** What GitHub has taken in it answers or gives up within seconds; this is several times what it says. */
const atForgeMsMax = 30_000;

/** GitHub: the port, and what only GitHub has. */
export interface GitHubForge {
  readonly forge: Forge;
  /**
   * For `hardenedGit`: the value of the Authorization header for a transfer with exactly this address; null when it is none of
   * GitHub's over HTTP, so that no other place ever gets it, and where patchgit-push holds it.
   */
  readonly authorize: (url: string) => Promise<Result<string | null, Problem>>;
  /** Whether an address is a repository of this GitHub. */
  readonly owns: (url: string) => boolean;
  readonly candidates: (
    addedAs: (url: string) => string | null,
  ) => Promise<Result<{ readonly candidates: ForgeCandidate[]; readonly isWhole: boolean }, Problem>>;
  /** Who patchgit is there. Asked once; asked again after a failure. */
  readonly self: () => Promise<Result<Self, Problem>>;
}

/** Pull requests on GitHub, through octokit. Nothing is asked before it is needed. */
export function gitHubForge(options: GitHubForgeOptions): GitHubForge {
  const { gitOrigin, wallMs, credential: given, onSecrets } = options;
  const holder: { credential: GitHubCredential | null } = { credential: null };
  const known = (): readonly KnownSecret[] => holder.credential?.secrets() ?? [];
  const through = given.kind === 'held_apart' ? { through: given.socketPath } : {};
  const kind = given.kind === 'app' ? 'app' : 'token';
  const asker = gitHubAsker({ ...options, ...through, credential: kind, known });
  const app: AppCredential | null =
    given.kind === 'app' ? appCredential({ ...given, asker, gitOrigin, onSecrets }) : null;
  const credential = app ?? (given.kind === 'token' ? tokenCredential(given.token) : credentialHeldApart());
  holder.credential = credential;
  onSecrets(credential.secrets());
  const open = session(asker, credential, { gitOrigin, ...through });
  const self = rememberSuccess(() => askSelf(open, app));
  /** Only a repository at GitHub can be asked for there. */
  const at = async <T>(
    repository: ForgeRepository,
    use: (place: Place) => Promise<Result<T, Problem>>,
  ): Promise<Result<T, Problem>> => {
    const name = gitHubName(repository.url, gitOrigin);
    if (name !== null) return await use({ repository, name });
    const host = new URL(gitOrigin).host;
    return no(problem('forge_refused', `${repository.url} is not the address of a repository at ${host}.`));
  };
  return {
    forge: {
      kind: 'github',
      landsWithinMs: () => wallMs + atForgeMsMax,
      findPull: (repository, branch) => at(repository, (place) => findPull(open, place, branch)),
      openPull: (repository, pull) => at(repository, (place) => openPull(open, place, pull)),
      getPull: (repository, number) => at(repository, (place) => getPull(open, place, number)),
      listPulls: (repository) => at(repository, (place) => listPulls(open, place)),
      closePull: (repository, number) => at(repository, (place) => closePull(open, place, number)),
      inspect: (repository, base) =>
        at(repository, async (place) => {
          const who = await self();
          return who.ok ? await inspect(open, place, base, who.value, wallMs) : who;
        }),
      mark: (repository, marks) => at(repository, (place) => mark(open, place, marks)),
      comment: (repository, wanted) =>
        at(repository, async (place) => {
          const who = await self();
          return who.ok ? await comment(open, place, wanted, who.value.login) : who;
        }),
      outcome: (repository, pull, seen) => at(repository, (place) => outcome(open, place, pull, seen)),
      requests: (repository, wanted) => at(repository, (place) => requests(open, place, wanted)),
    },
    authorize: async (url) => {
      const name = gitHubTransferName(url, gitOrigin);
      if (name === null) return ok(null);
      const token = await credential.token(name);
      if (!token.ok) return token;
      return ok(token.value === null ? null : basicOf(token.value));
    },
    owns: (url) => gitHubName(url, gitOrigin) !== null,
    candidates: (addedAs) => candidates(open, asker, app, addedAs),
    self,
  };
}

/** Kept for as long as the process lives: a login does not change, and a token's expiry does not either. */
function rememberSuccess<T>(ask: () => Promise<Result<T, Problem>>): () => Promise<Result<T, Problem>> {
  let remembered: Result<T, Problem> | null = null;
  return async () => {
    if (remembered?.ok) return remembered;
    remembered = await ask();
    return remembered;
  };
}
