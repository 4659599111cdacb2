import { problem, type Problem } from '#contract/problem.ts';
import { assert } from '../lib/assert.ts';
import type { KnownSecret } from '../lib/redact.ts';
import { no, ok, type Result } from '../lib/result.ts';
import type { GitHubName } from './github-address.ts';
import type { Asker, Question, Refusal, Reply } from './github-ask.ts';

/** Permission to level, as GitHub names them: `{ contents: 'write' }`. */
export type Permissions = Readonly<Record<string, string>>;

/** What patchgit acts with. Nothing of it is ever stored, and `secrets` names every value of now. */
export interface GitHubCredential {
  readonly kind: 'token' | 'app';
  /** The bare token for this repository, or for the account where there is none; null: somebody else puts it in. */
  readonly token: (name: GitHubName | null) => Promise<Result<string | null, Problem>>;
  /** GitHub did not accept it: it is not used again where another one can be had. False: there is no other. */
  readonly drop: (token: string) => boolean;
  /** What it may do with this repository; null where GitHub does not say that. */
  readonly permissions: (name: GitHubName) => Promise<Result<Permissions | null, Problem>>;
  readonly secrets: () => readonly KnownSecret[];
}

/** As git sends it: any user name, the token as the password. */
export function basicOf(token: string): string {
  return `Basic ${Buffer.from(`x-access-token:${token}`, 'utf8').toString('base64')}`;
}

/** Both forms that a token travels in. */
export function secretsOf(token: string): KnownSecret[] {
  return [
    { name: 'GitHub token', value: token },
    { name: 'GitHub token', value: basicOf(token).slice('Basic '.length) },
  ];
}

/** A personal token, classic or fine-grained. */
export function tokenCredential(token: string): GitHubCredential {
  assert(/^[\x21-\x7e]+$/.test(token), 'a token of GitHub is one word of visible characters');
  const secrets = secretsOf(token);
  return {
    kind: 'token',
    token: async () => ok(token),
    drop: () => false,
    permissions: async () => ok(null),
    secrets: () => secrets,
  };
}

/** A personal token that patchgit-push holds: nobody here knows it. */
export function credentialHeldApart(): GitHubCredential {
  return {
    kind: 'token',
    token: async () => ok(null),
    drop: () => false,
    permissions: async () => ok(null),
    secrets: () => [],
  };
}

/** Asks with the credential of the repository in question. */
export interface Session {
  readonly credential: GitHubCredential;
  readonly gitOrigin: string;
  /** The socket of patchgit-push, where that holds the credential. */
  readonly through?: string;
  readonly ask: <T>(question: Question<T>, name: GitHubName | null) => Promise<Result<Reply<T>, Refusal>>;
  readonly forgeNowMs: () => number;
}

export function session(
  asker: Asker,
  credential: GitHubCredential,
  { gitOrigin, through }: Pick<Session, 'gitOrigin' | 'through'>,
): Session {
  return {
    credential,
    gitOrigin,
    ...(through === undefined ? {} : { through }),
    forgeNowMs: asker.forgeNowMs,
    ask: async (question, name) => {
      for (let tries = 1; ; tries += 1) {
        const token = await credential.token(name);
        if (!token.ok) return no({ status: null, words: '', problem: mintProblem(question.doing, token.why) });
        const reply = await asker.ask(question, token.value === null ? null : `Bearer ${token.value}`);
        if (reply.ok || reply.why.status !== 401 || token.value === null) return reply;
        // A token of an App can end early. Only a question is asked again; what has an effect is sent once, whatever came back.
        if (!credential.drop(token.value) || question.isWrite || tries > 1) return reply;
      }
    },
  };
}

/** The request itself was never sent, so nothing was done, whatever became of asking for the token. */
function mintProblem(doing: string, why: Problem): Problem {
  if (why.code !== 'forge_unreachable') return why;
  const message = `GitHub did not ${doing}: it gave out no token for it, so nothing was done. ${why.message}`;
  return problem('forge_unreachable', message);
}
