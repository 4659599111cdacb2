import type { JobId, RequestId } from '#contract/ids.ts';
import { titleMax } from '#contract/job.ts';
import type { OptionKey } from '#contract/option.ts';
import { patchBytesMax } from '#contract/patch.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { RefName, type Repository } from '#contract/repository.ts';
import { sha256 } from '../../lib/digest.ts';
import { redactText } from '../../lib/redact.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import type { Database } from '../../record/db/open.ts';
import type { Mirrors } from '../../resources/repo/mirror.ts';
import type { Repositories } from '../../resources/repo/store.ts';
import type { Runner } from './runner.ts';
import type { Jobs, NewJobRow } from './store.ts';

/** Jobs that may wait for the lock; more is a mistake or a loop. */
export const openJobsMax = 50;

export interface PatchRequest {
  readonly id: RequestId;
  readonly repository: string;
  readonly base?: string | undefined;
  readonly title?: string | undefined;
  readonly patch: Buffer;
  readonly messageId: RequestId | null;
  /** The way the owner chose for it; the plan's own choice otherwise. */
  readonly wantedOption?: OptionKey;
}

export interface Accepting {
  /**
   * Accepts a patch as a job. The same request id with the same content gives the first job; with other content it is
   * `id_conflict`. `together` runs in the transaction that accepts it (a message that carries the patch); when it answers
   * with a problem, nothing is accepted.
   */
  readonly accept: (request: PatchRequest, together?: (id: JobId) => Problem | null) => Promise<Result<JobId, Problem>>;
}

/** Takes the transaction back; never leaves this file. */
class Declined extends Error {
  readonly problem: Problem;
  constructor(why: Problem) {
    super(why.message);
    this.problem = why;
  }
}

interface Parts {
  readonly db: Database;
  readonly artifacts: Artifacts;
  readonly repositories: Repositories;
  readonly mirrors: Mirrors;
  readonly jobs: Jobs;
  readonly runner: Pick<Runner, 'enqueue'>;
}

export function accepting(parts: Parts): Accepting {
  return {
    accept: async (request, together) => {
      const repository = parts.repositories.find(request.repository);
      if (!repository)
        return no(
          problem(
            'not_found',
            `There is no repository named "${request.repository}". Add it first, or choose one of the list.`,
          ),
        );
      const bad = inspect(request);
      if (bad) return no(bad);
      const requestDigest = sha256(
        Buffer.concat([
          Buffer.from(`${repository.id}\n${request.base ?? ''}\n${request.title ?? ''}\n`),
          request.patch,
        ]),
      );
      const already = parts.jobs.findByRequest(request.id);
      if (already) {
        return already.requestDigest === requestDigest
          ? ok(already.id)
          : no(problem('id_conflict', 'This request id was used for something else. Send it again with a new id.'));
      }
      if (parts.jobs.open().length >= openJobsMax) {
        return no(
          problem('queue_full', `${openJobsMax} jobs are waiting already. Wait for some to end, or stop some.`),
        );
      }
      // Start bringing the mirror up to date while the patch is written down. The plan stage waits for the same fetch and is
      // the one that says what went wrong with it.
      parts.mirrors.fetch(repository).catch(() => undefined);
      const kept = await parts.artifacts.keep(request.patch, 'text/x-patch');
      const job = {
        requestId: request.id,
        requestDigest,
        repositoryId: repository.id,
        title: titleOf(request, repository),
        baseRef: request.base ?? repository.defaultBranch,
        receivedSha256: kept.sha256,
        messageId: request.messageId,
        ...(request.wantedOption === undefined ? {} : { wantedOption: request.wantedOption }),
      };
      const added = addOnce(parts, job, together);
      if (added.ok) parts.runner.enqueue(added.value);
      return added;
    },
  };
}

/** Accepts in one transaction. The same request may have been accepted while its bytes were written: then that one counts. */
function addOnce(
  parts: Parts,
  job: NewJobRow,
  together: ((id: JobId) => Problem | null) | undefined,
): Result<JobId, Problem> {
  try {
    return parts.db.transaction(() => {
      const first = parts.jobs.findByRequest(job.requestId);
      if (first) return ok(first.id);
      const added = parts.jobs.add(job);
      const declined = together?.(added) ?? null;
      if (declined !== null) throw new Declined(declined);
      return ok(added);
    });
  } catch (error) {
    if (error instanceof Declined) return no(error.problem);
    throw error;
  }
}

function inspect(request: PatchRequest): Problem | null {
  if (request.patch.length === 0)
    return problem('patch_empty', 'The patch is empty. Paste a diff, or choose a file that holds one.');
  if (request.patch.length > patchBytesMax) {
    return problem(
      'patch_too_large',
      `The patch is ${Math.ceil(request.patch.length / 1e6)} MB; at most ${patchBytesMax / 1024 / 1024} MiB is read. Split it.`,
    );
  }
  if (request.base !== undefined && !RefName.safeParse(request.base).success) {
    return problem('base_not_found', `"${request.base}" is not a name git accepts for a branch.`);
  }
  return null;
}

/** What the owner wrote, or a plain description from the patch's own text. */
function titleOf(request: PatchRequest, repository: Repository): string {
  const given = request.title?.trim();
  if (given) return redactText(given).slice(0, titleMax);
  const head = request.patch.subarray(0, 64 * 1024).toString('utf8');
  const subject = /^Subject: (?:\[PATCH[^\]]*\] )?(.+)$/m.exec(head)?.[1]?.trim();
  if (subject) return redactText(subject).slice(0, titleMax);
  const paths = [
    ...head.matchAll(/^(?:\+\+\+ (?:b\/)?|\*\*\* (?:Update|Add|Delete) File: )(?!\/dev\/null)([^\t\r\n]+)/gm),
  ].map((found) => found[1] ?? '');
  const unique = [...new Set(paths)];
  const [first] = unique;
  if (first === undefined) return `Patch for ${repository.name}`;
  return redactText(`Change ${first}${unique.length > 1 ? ` and ${unique.length - 1} more` : ''}`).slice(0, titleMax);
}
