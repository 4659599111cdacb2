import type { Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../lib/result.ts';
import { UserAnswer } from './github-answers.ts';
import type { AppCredential } from './github-app.ts';
import type { Session } from './github-credential.ts';
import type { Headers } from './github-gate.ts';

/** Who patchgit is on GitHub. */
export interface Self {
  readonly login: string;
  /** Null: it does not expire, or GitHub did not say. */
  readonly expiresAtMs: number | null;
  /** Scopes of a classic token; null for every other kind. */
  readonly scopes: readonly string[] | null;
}

/** Asks GitHub who the credential belongs to, and what its headers tell about it. */
export async function askSelf(session: Session, app: AppCredential | null): Promise<Result<Self, Problem>> {
  if (app !== null) {
    const self = await app.self();
    return self.ok ? ok({ login: `${self.value.slug}[bot]`, expiresAtMs: null, scopes: null }) : self;
  }
  const reply = await session.ask(
    {
      doing: 'say whose token this is',
      isWrite: false,
      schema: UserAnswer,
      send: (octokit, headers) => octokit.rest.users.getAuthenticated({ headers }),
    },
    null,
  );
  if (!reply.ok) return no(reply.why.problem);
  const { value, headers } = reply.value;
  return ok({ login: value.login, expiresAtMs: expiryOf(headers), scopes: scopesOf(headers) });
}

/** "2026-12-01 10:00:00 UTC", or with an offset in the place of UTC. */
function expiryOf(headers: Headers): number | null {
  const said = headers['github-authentication-token-expiration'] ?? '';
  const [, day, time, zone] = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}) (UTC|[+-]\d{4})$/.exec(said) ?? [];
  if (day === undefined || time === undefined || zone === undefined) return null;
  const offset = zone === 'UTC' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3)}`;
  const atMs = Date.parse(`${day}T${time}${offset}`);
  return Number.isNaN(atMs) ? null : atMs;
}

/** Only classic tokens have the header; it may be empty. */
function scopesOf(headers: Headers): string[] | null {
  const said = headers['x-oauth-scopes'];
  return said === undefined
    ? null
    : said
        .split(',')
        .map((scope) => scope.trim())
        .filter(Boolean);
}
