/** What an operation answers, and the refusals in GitHub's own words (notes/testing.md 1.3). */
import type { Invalid } from './pulls.ts';
import type { Json } from './shapes.ts';

export interface Reply {
  readonly status: number;
  /** Undefined: no body. Text leaves as it is. */
  readonly body?: Json | readonly unknown[] | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const docs = 'https://docs.github.com/rest';

export function refusal(status: number, message: string, documentation: string = docs): Reply {
  return { status, body: { message, documentation_url: documentation, status: String(status) } };
}

export function invalid(errors: readonly Invalid[]): Reply {
  return {
    status: 422,
    body: { message: 'Validation Failed', errors, documentation_url: docs, status: '422' },
  };
}

export function created(body: Json): Reply {
  return { status: 201, body, headers: { location: String(body['url']) } };
}

export const notFound = refusal(404, 'Not Found');
export const needsSignIn = refusal(401, 'Requires authentication');
export const emptyRepository = refusal(409, 'Git Repository is empty.');
export const archived = refusal(403, 'Repository was archived so is read-only.');
export const needsAppForChecks = refusal(403, 'You must authenticate via a GitHub App.');
export const needsJwt = refusal(401, 'A JSON web token could not be decoded');
export const needsInstallation = refusal(
  403,
  'You must authenticate with an installation access token in order to list repositories for an installation.',
);

/** A fine-grained token or an installation that is there and may not. */
export function notAccessible(kind: 'fine_grained' | 'installation' | 'app'): Reply {
  return refusal(
    403,
    `Resource not accessible by ${kind === 'fine_grained' ? 'personal access token' : 'integration'}`,
  );
}

export function primaryLimit(status: 403 | 429, userId: number, requestId: string): Reply {
  const { body } = refusal(
    status,
    `API rate limit exceeded for user ID ${userId}. If you reach out to GitHub Support for help, please include the request ID ${requestId}.`,
    `${docs}/using-the-rest-api/rate-limits-for-the-rest-api`,
  );
  return { status, ...(body === undefined ? {} : { body }) };
}

export function secondaryLimit(status: 403 | 429): Reply {
  return refusal(
    status,
    'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
    `${docs}/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits`,
  );
}
