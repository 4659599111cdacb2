/** Builds the way to GitHub: REST, and the credential for git; or nothing but the local forge, where none is connected. */
import type { Doctor } from '#contract/api.ts';
import type { ForgeCandidate } from '#contract/forge.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { eitherForge } from './adapters/forge-route.ts';
import type { GitOptions } from './adapters/git.ts';
import { gitHubForge, type GitHubForge } from './adapters/github.ts';
import type { Config } from './config.ts';
import { readAppKey } from './config-github.ts';
import type { KnownSecret } from './lib/redact.ts';
import { no, ok, type Result } from './lib/result.ts';
import type { Clock, Forge, Log } from './ports.ts';

export interface GitHubParts {
  readonly config: Config;
  /** GITHUB_TOKEN; null: an App, or nothing. */
  readonly token: string | null;
  readonly clock: Clock;
  readonly log: Log;
  /** What the log and whatever else is written leaves out: minted tokens come into this list and go from it. */
  readonly known: KnownSecret[];
}

/** GitHub for the chain, for git, for the doors. Everything in it works, and says nothing, where GitHub is not connected. */
export interface GitHub {
  /** The embedded forge, with GitHub in front of it for addresses that are GitHub's. */
  readonly forgeWith: (local: Forge) => Forge;
  /** For `hardenedGit`. */
  readonly git: Omit<GitOptions, 'path'>;
  readonly owns: (url: string) => boolean;
  readonly candidates: (
    addedAs: (url: string) => string | null,
  ) => Promise<Result<{ readonly candidates: ForgeCandidate[]; readonly isWhole: boolean }, Problem>>;
  /** Login whose issues and comments count as the owner's; null where nobody's do. */
  readonly owner: () => Promise<Result<string | null, Problem>>;
  /** For `doctor`. */
  readonly inspect: () => Promise<Doctor['findings']>;
}

const requestMsMax = 30_000;
const dayMs = 24 * 60 * 60_000;
const expiresSoonMs = 14 * dayMs;

export function realGitHub({ config, token, clock, log, known }: GitHubParts): GitHub {
  const { github: settings } = config;
  const credential = credentialOf(config, token);
  if (credential === null) return noGitHub();
  const { apiUrl, gitOrigin } = settings;
  let ours: readonly KnownSecret[] = [];
  const onSecrets = (now: readonly KnownSecret[]): void => {
    const others = known.filter((one) => !ours.includes(one));
    ours = [...now];
    known.splice(0, known.length, ...others, ...ours);
  };
  const github = gitHubForge({ apiUrl, gitOrigin, credential, wallMs: requestMsMax, clock, log, onSecrets });
  const isPlain = gitOrigin.startsWith('http://');
  return {
    forgeWith: (local) => eitherForge(local, github.forge, github.owns),
    git: {
      authorize: github.authorize,
      ...(isPlain ? { plainHttpAt: gitOrigin } : {}),
      ...(settings.pushSocket === undefined ? {} : { pushWay: { socketPath: settings.pushSocket, gitOrigin } }),
    },
    owns: github.owns,
    candidates: github.candidates,
    owner: async () => {
      if (settings.owner !== null) return ok(settings.owner);
      if (credential.kind === 'app') return ok(null);
      const self = await github.self();
      return self.ok ? ok(self.value.login) : self;
    },
    inspect: () => inspectGitHub(config, github, clock),
  };
}

function credentialOf(
  { github: { credential, appId, appKeyFile, pushSocket } }: Config,
  token: string | null,
): Parameters<typeof gitHubForge>[0]['credential'] | null {
  if (pushSocket !== undefined) return { kind: 'held_apart', socketPath: pushSocket };
  if (credential === 'token' && token !== null) return { kind: 'token', token };
  if (credential === 'app' && appId !== null && appKeyFile !== null)
    return { kind: 'app', appId, readKey: () => readAppKey(appKeyFile) };
  return null;
}

function noGitHub(): GitHub {
  const why = problem('not_configured', 'GitHub is not connected: add GITHUB_TOKEN, or the number and key of an App.');
  return {
    forgeWith: (local) => local,
    git: {},
    owns: () => false,
    candidates: async () => no(why),
    owner: async () => ok(null),
    inspect: async () => [],
  };
}

/** Who could act at GitHub if the daemon were taken over (DESIGN section 9). */
function holderSentence({ credential, pushSocket }: Config['github']): string {
  if (pushSocket !== undefined)
    return 'patchgit-push holds the token: this daemon cannot read it, and has nothing done with it but reading, branches of its own, pull requests, marks and comments.';
  return credential === 'app'
    ? 'This daemon holds the key of the App itself: patchgit-push holds personal tokens only.'
    : 'This daemon holds the token itself, which is right for a laptop. On a droplet scripts/provision.sh gives it to patchgit-push.';
}

/** One question to GitHub: who patchgit is there, and for how long. */
async function inspectGitHub(
  { github: settings }: Config,
  github: GitHubForge,
  clock: Clock,
): Promise<Doctor['findings']> {
  const findings: Doctor['findings'] = [];
  const add = (verdict: 'good' | 'warned' | 'bad', sentence: string): void => {
    findings.push({ name: 'GitHub', verdict, sentence });
  };
  add('good', holderSentence(settings));
  const self = await github.self();
  if (!self.ok) {
    // Without an answer nothing is known about the credential, and everything that is not at GitHub works.
    add(self.why.code === 'forge_unreachable' ? 'warned' : 'bad', self.why.message);
    return findings;
  }
  const { login, expiresAtMs, scopes } = self.value;
  add('good', `GitHub knows the ${settings.credential === 'app' ? 'App' : 'token'}: patchgit acts there as ${login}.`);
  if (expiresAtMs !== null) {
    const leftMs = Math.max(0, expiresAtMs - clock.nowMs());
    const days = Math.floor(leftMs / dayMs);
    const isSoon = leftMs < expiresSoonMs;
    add(
      isSoon ? 'warned' : 'good',
      `The token of GitHub ends in ${days} days.${isSoon ? ' Make a new one before that.' : ''}`,
    );
  }
  if (scopes !== null && !scopes.includes('repo')) {
    add(
      'warned',
      `The token has not the scope "repo", so it reaches public repositories at most. Give it at ${settings.gitOrigin}/settings/tokens.`,
    );
  }
  if (scopes !== null && !scopes.includes('workflow'))
    add('warned', 'Without the scope "workflow" no change to .github/workflows can be pushed.');
  if (settings.owner === null && settings.credential === 'app')
    add('warned', 'Nobody can ask for work on GitHub: add GITHUB_OWNER, the login whose issues and comments count.');
  return findings;
}
