/** What GitHub's no means, in a sentence for the owner with what to do. */
import { z } from 'zod';
import { problem, type Problem, type ProblemCode } from '#contract/problem.ts';
import { redactText, type KnownSecret } from '../lib/redact.ts';
import type { Headers } from './github-gate.ts';
import type { NotSent } from './push-wire.ts';

/** An answer from 400 on, before anything in it is believed. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** What the sentences name. */
export interface RefusalContext {
  /** "open the pull request". */
  readonly doing: string;
  readonly isWrite: boolean;
  readonly credential: 'token' | 'app';
  /** Another user of this machine holds it (patchgit-push). */
  readonly isHeldApart?: boolean;
  /** Where the pages of the forge are, for example "https://github.com". */
  readonly webOrigin: string;
  readonly known: readonly KnownSecret[];
}

const ErrorBody = z.object({
  message: z.string(),
  errors: z
    .array(z.union([z.string(), z.looseObject({})]))
    .optional()
    .catch(undefined),
});

const wordsMax = 300;
const lateRetryMs = 5000;

/** GitHub's own words in one line, its errors behind its message; null when the body is not one of GitHub's. */
export function wordsOf(body: unknown): string | null {
  const read = ErrorBody.safeParse(body);
  if (!read.success) return null;
  const errors = (read.data.errors ?? []).slice(0, 5).map((error) => {
    if (typeof error === 'string') return error;
    if (typeof error['message'] === 'string') return error['message'];
    return [error['resource'], error['field'], error['code']].filter((part) => typeof part === 'string').join(' ');
  });
  return [read.data.message, ...errors].join(': ');
}

/** Null: this is no answer of GitHub's own, so it says nothing about what was done. */
export function refusalOf(answer: ErrorAnswer, context: RefusalContext): Problem | null {
  const said = wordsOf(answer.body);
  const { status } = answer;
  if (said === null || status >= 500 || status === 408) return null;
  const words = shown(said, context.known);
  const known = sentences.find((one) => (one.status === null || one.status === status) && one.words.test(said));
  if (known) return problem(known.code, known.say(context, answer.headers, words));
  if (status === 401) return problem('forge_unauthorized', unauthorized(context));
  if (status === 403 || status === 404 || status === 451) {
    return problem('forge_forbidden', `${could(context)} GitHub said: ${words}`);
  }
  return problem('forge_refused', `${could(context)} GitHub said: ${words}`);
}

/** What may have been done: it was sent, and the answer is missing or is none. */
export function unknownProblem(context: Pick<RefusalContext, 'doing' | 'isWrite'>, why: string): Problem {
  const rest = context.isWrite ? ' Whether it was done all the same is not known yet.' : '';
  return problem('forge_unreachable', `GitHub was asked to ${context.doing}, but ${why}.${rest}`);
}

/** Nothing went out. What came too late may be asked again; what is not allowed is never. */
export function notSentProblem({ doing }: Pick<RefusalContext, 'doing'>, why: NotSent): Problem {
  const message = `GitHub was not asked to ${doing}: ${why.message}`;
  return why.code === 'too_late'
    ? problem('forge_rate_limited', message, { retryAfterMs: lateRetryMs })
    : problem('forge_refused', message);
}

/** 301, 302, 307 and 308: nothing is followed, because the next address would get the credential and the order. */
export function movedProblem(context: RefusalContext): Problem {
  return problem(
    'forge_refused',
    `${could(context)} The repository answers at another address now: it was renamed or moved. Add it to patchgit again under its new name.`,
  );
}

interface Sentence {
  /** Null: any. */
  readonly status: number | null;
  readonly words: RegExp;
  readonly code: ProblemCode;
  readonly say: (context: RefusalContext, headers: Headers, words: string) => string;
}

/** The first that matches. The words are GitHub's (its REST descriptions and public issues, notes/testing.md 1.3). */
const sentences: readonly Sentence[] = [
  {
    status: 401,
    words: /'(?:Expiration time|Issued at)' claim/i,
    code: 'forge_unauthorized',
    say: () =>
      'GitHub does not take the time of this machine: its clock is wrong. Set it, for example with systemd-timesyncd.',
  },
  {
    status: 403,
    words: /SAML|single sign-on|SSO/i,
    code: 'forge_forbidden',
    say: (context, headers) =>
      `${could(context)} The organization wants the token to be authorized for its single sign-on first: ${ssoPage(context, headers)}`,
  },
  {
    status: 403,
    words: /IP allow list/i,
    code: 'forge_forbidden',
    say: (context) =>
      `${could(context)} The organization lets only some addresses in, and this machine's is none of them.`,
  },
  {
    status: 403,
    words: /archived/i,
    code: 'forge_refused',
    say: (context) =>
      `${could(context)} The repository is archived, so it can only be read. Unarchive it in its settings.`,
  },
  {
    status: 403,
    words: /suspended/i,
    code: 'forge_forbidden',
    say: (context) =>
      `${could(context)} The App's installation is suspended. Its settings on GitHub can start it again.`,
  },
  {
    status: null,
    words: /Repository access blocked|DMCA|disabled by GitHub/i,
    code: 'forge_refused',
    say: (context) => `${could(context)} GitHub has blocked this repository. Its page says why.`,
  },
  {
    status: 403,
    words: /not accessible|must have|Must be|needs|permission|forbidden/i,
    code: 'forge_forbidden',
    say: (context, headers) => `${could(context)} ${permissionSentence(context, headers)}`,
  },
  {
    status: 404,
    words: /^Not Found/i,
    code: 'forge_forbidden',
    say: (context, headers) =>
      `${could(context)} There is no such thing on GitHub, or the ${nameOf(context)} may not see it. ${permissionSentence(context, headers)}`,
  },
  {
    status: 404,
    words: /Integration not found/i,
    code: 'forge_unauthorized',
    say: () => 'GitHub knows no App with this number. Compare GITHUB_APP_ID with the page of the App.',
  },
  {
    status: 410,
    words: /./s,
    code: 'forge_refused',
    say: (context) => `${could(context)} Issues are switched off in this repository. Its settings can switch them on.`,
  },
  {
    status: 409,
    words: /empty/i,
    code: 'forge_refused',
    say: (context) => `${could(context)} The repository has no commit yet. Make a first commit there.`,
  },
  {
    status: 422,
    words: /not accessible to the parent installation/i,
    code: 'forge_forbidden',
    say: (context) =>
      `The App may not see this repository. Add it at ${context.webOrigin}/settings/installations, "Repository access".`,
  },
  {
    status: 422,
    words: /No commits between/i,
    code: 'forge_refused',
    say: (context) => `${could(context)} The base branch holds this change already, so there is nothing to ask for.`,
  },
  {
    status: 422,
    words: /Draft pull requests are not supported/i,
    code: 'forge_refused',
    say: (context) =>
      `${could(context)} This repository takes no drafts. Switch drafts off for it, then press GO again.`,
  },
  {
    status: 422,
    words: /\bbase\b.*\b(?:invalid|missing)/i,
    code: 'forge_refused',
    say: (context) => `${could(context)} The base branch is gone from GitHub. Choose another base and prove again.`,
  },
  {
    status: 422,
    words: /\bhead\b.*\b(?:invalid|missing)/i,
    code: 'forge_refused',
    say: (context) => `${could(context)} The branch of this change is not on GitHub any more.`,
  },
  {
    status: 422,
    words: /too (?:long|large)|is too big/i,
    code: 'forge_refused',
    say: (context, _headers, words) =>
      `${could(context)} What was to be sent is too long for GitHub. It said: ${words}`,
  },
  {
    status: 422,
    words: /spammed|temporarily blocked/i,
    code: 'forge_refused',
    say: (context) => `${could(context)} GitHub takes it for spam. Wait some hours, or ask GitHub's support.`,
  },
];

function could({ doing }: RefusalContext): string {
  return `GitHub did not ${doing}.`;
}

function nameOf({ credential }: RefusalContext): string {
  return credential === 'app' ? 'App' : 'token';
}

function unauthorized(context: RefusalContext): string {
  return context.credential === 'app'
    ? 'GitHub does not accept the key of the App. Make a new one on the page of the App and put it where GITHUB_APP_KEY_FILE points.'
    : `GitHub does not accept the token: it has expired, or it was revoked. ${newToken(context)}`;
}

function newToken({ webOrigin, isHeldApart = false }: RefusalContext): string {
  const place = isHeldApart
    ? 'give it to patchgit-push with scripts/provision.sh --token github=FILE'
    : 'put it into GITHUB_TOKEN and start patchgit again';
  return `Make a new one at ${webOrigin}/settings/personal-access-tokens, ${place}.`;
}

/** `x-accepted-github-permissions`, like "pull_requests=write; contents=read", says what the call wants. */
function permissionSentence(context: RefusalContext, headers: Headers): string {
  const accepted = headers['x-accepted-github-permissions'] ?? '';
  const wanted = /^[a-z_]+=[a-z]+(?:[;,] ?[a-z_]+=[a-z]+){0,9}$/.test(accepted)
    ? accepted
        .replaceAll(/[;,] ?/g, ', ')
        .replaceAll('=', ': ')
        .replaceAll('_', ' ')
    : null;
  const what = wanted === null ? 'the permission for this repository' : `the permission "${wanted}"`;
  return context.credential === 'app'
    ? `Give the App ${what} on its page, and accept the change at ${context.webOrigin}/settings/installations.`
    : `Give the token ${what} (classic: the scope "repo") at ${context.webOrigin}/settings/personal-access-tokens.`;
}

function ssoPage({ webOrigin }: RefusalContext, headers: Headers): string {
  const address = /url=([^;,\s]+)/.exec(headers['x-github-sso'] ?? '')?.[1];
  const isTheirs = address !== undefined && URL.canParse(address) && new URL(address).origin === webOrigin;
  return isTheirs ? address : `${webOrigin}/settings/tokens, "Configure SSO".`;
}

/** A stranger's words: one line, bounded, nothing in it that is or looks like a credential. */
export function shown(words: string, known: readonly KnownSecret[]): string {
  const line = redactText(words, known)
    .replaceAll(/[\s\p{C}]+/gu, ' ')
    .trim();
  return line.length > wordsMax ? `${line.slice(0, wordsMax)}…` : line;
}
