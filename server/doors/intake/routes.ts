import { z } from 'zod';
import type { RepositoryId } from '#contract/ids.ts';
import { problem } from '#contract/problem.ts';
import type { Repository } from '#contract/repository.ts';
import { no, ok } from '../../lib/result.ts';
import type { Log } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import { hookRoute, type Routes } from '../http/route.ts';
import type { Intakes } from './store.ts';

export const hookPath = '/api/hooks/github';
/** GitHub sends up to 25 MiB. What it says in a larger one is found out by the next look, so nobody can fill the memory with one. */
const bytesMax = 1024 * 1024;

export interface HookParts {
  readonly db: Database;
  readonly log: Log;
  readonly intakes: Intakes;
  /** Null: no secret is set, so nobody can be believed. */
  readonly verify: ((body: Buffer, signature: string) => Promise<boolean>) | null;
  /** The repository that a forge's "owner/name" is here, or null. */
  readonly findRepository: (fullName: string) => Repository | null;
  /** Something happened to pull requests there (to this one, when it is known). */
  readonly onPulls: (repositoryId: RepositoryId, number: number | null) => void;
  /** Something was pushed there. */
  readonly onPush: (repositoryId: RepositoryId) => void;
  /** Somebody may have asked for something. */
  readonly onRequests: () => void;
}

/** Of a delivery only what says where to look is read. */
const Delivery = z.object({
  repository: z.object({ full_name: z.string().max(300) }).nullish(),
  pull_request: z.object({ number: z.int().positive() }).nullish(),
});

const pullEvents = ['pull_request', 'pull_request_review', 'check_run', 'check_suite', 'status', 'workflow_run'];
const requestEvents = ['issues', 'issue_comment'];

/**
 * A signed webhook. It is believed only about where to look: what happened is then read from the forge itself, so a delivery that
 * is repeated, late, out of order or made up can cause a question and nothing else.
 */
export function intakeRoutes(parts: HookParts): Routes {
  return (table) => {
    hookRoute(table, hookPath, { bytesMax }, async ({ body, headers }) => {
      const { verify, db, intakes, log } = parts;
      if (verify === null)
        return no(problem('not_configured', 'No webhook is expected here: set GITHUB_WEBHOOK_SECRET, on both ends.'));
      const one = (name: string): string => [headers[name] ?? ''].flat()[0] ?? '';
      const [event, id, signature] = [one('x-github-event'), one('x-github-delivery'), one('x-hub-signature-256')];
      // Only this exact form: nothing else is compared with a secret.
      const isSigned = /^sha256=[0-9a-f]{64}$/.test(signature) && (await verify(body, signature));
      if (!isSigned) {
        log.warn({ event: event.slice(0, 40) }, 'a webhook with a wrong signature was refused');
        return no(
          problem(
            'hook_refused',
            'The signature of this delivery is not right: the secret must be the same on both ends.',
          ),
        );
      }
      if (!/^[a-z0-9_]{1,60}$/.test(event) || !/^[0-9a-f-]{8,64}$/i.test(id))
        return no(problem('invalid_body', 'This delivery has no event or no id.'));
      const parsed = Delivery.safeParse(jsonOf(body));
      if (!parsed.success) return no(problem('invalid_body', 'This delivery is not one that GitHub sends.'));
      const isNew = db.transaction(() => intakes.takeDelivery(id.toLowerCase(), event));
      if (!isNew) return ok({ taken: false });
      return ok({ taken: tell(parts, event, parsed.data) });
    });
  };
}

function tell(parts: HookParts, event: string, { repository: named, pull_request }: z.infer<typeof Delivery>): boolean {
  const repository = named ? parts.findRepository(named.full_name) : null;
  if (repository === null) return false;
  if (pullEvents.includes(event)) parts.onPulls(repository.id, pull_request?.number ?? null);
  else if (requestEvents.includes(event)) {
    parts.onPulls(repository.id, null);
    parts.onRequests();
  } else if (event === 'push') {
    parts.onPush(repository.id);
    parts.onPulls(repository.id, null);
  } else return false;
  return true;
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
