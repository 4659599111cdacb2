import type { IncomingHttpHeaders } from 'node:http';
import { problem, type Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Site } from './site.ts';

/** The origin this request was sent to, or a refusal: a foreign Host is DNS rebinding, or a tunnel on another port. */
export function guardHost(site: Site, headers: IncomingHttpHeaders): Result<string, Problem> {
  const origin = site.originOf(headers.host);
  if (origin !== null) return ok(origin);
  return no(
    problem(
      'foreign_origin',
      `patchgit answers at ${site.linkOrigin} and not under this host name. Through an ssh tunnel, use the same port on both ends; for a public address, configure it.`,
    ),
  );
}

/**
 * A write must come from a page of ours: Origin exactly ours, or, when a browser leaves it out, its own word that the
 * request is same-origin; and a header that no form and no other page can send. `origin`: what guardHost gave.
 */
export function guardWrite(origin: string, headers: IncomingHttpHeaders): Problem | null {
  const site = headers['sec-fetch-site'];
  const sameOrigin = headers.origin === undefined ? site === 'same-origin' : headers.origin === origin;
  if (!sameOrigin || (site !== undefined && site !== 'same-origin')) {
    return problem('foreign_origin', `Only the pages at ${origin} may change anything here. Nothing was changed.`);
  }
  if (headers['x-patchgit'] !== '1') {
    return problem('foreign_origin', 'The header "X-Patchgit: 1" is missing. Nothing was changed.');
  }
  return null;
}

/** A WebSocket has no preflight, so its Origin must be there and be exactly ours. */
export function guardUpgrade(origin: string, headers: IncomingHttpHeaders): Problem | null {
  if (headers.origin === origin) return null;
  return problem('foreign_origin', `Only the pages at ${origin} may follow the live stream.`);
}

export function isWrite(method: string | undefined): boolean {
  return method !== 'GET' && method !== 'HEAD';
}
