import { z } from 'zod';
import { JobQuery } from '#contract/api.ts';
import { RequestId } from '#contract/ids.ts';
import { titleMax, type Job } from '#contract/job.ts';
import { patchBytesMax } from '#contract/patch.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { ResumeJob } from '#contract/spend.ts';
import type { Accepting } from '../../chain/job/accept.ts';
import { approveFor, continueJob } from '../../chain/job/continue.ts';
import type { Runner } from '../../chain/job/runner.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { PinDesk } from '../auth/pin-desk.ts';
import { approverOf } from './approver.ts';
import { rawRoute, route, type Routes } from './route.ts';

export type JobRouteParts = Parameters<typeof continueJob>[0] & {
  readonly accepting: Accepting;
  readonly runner: Runner;
  readonly door: Pick<PinDesk, 'confirmPin'>;
};

const listMax = 200;
const ListQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(listMax).default(50) });

/** What the owner asked for. */
export function jobRoutes(parts: JobRouteParts): Routes {
  const { jobs, runner, accepting } = parts;
  const show = (id: string): Result<Job, Problem> => {
    const job = jobs.show(id, runner.progress(id));
    return job ? ok(job) : no(problem('not_found', 'There is no such job.'));
  };
  return (table) => {
    route(table, 'get', '/api/jobs', { query: ListQuery }, ({ query }) =>
      ok({ jobs: jobs.list(query.limit, runner.progress) }),
    );
    rawRoute(
      table,
      'post',
      '/api/jobs',
      { query: JobQuery, rawBytesMax: patchBytesMax, tooLarge: 'patch_too_large', status: 202 },
      async ({ query, body, owner }) => {
        const id = RequestId.safeParse(query.id);
        if (!id.success) return no(problem('invalid_query', 'The query\'s "id" must be a UUID made by the client.'));
        if ((query.title ?? '').length > titleMax)
          return no(problem('invalid_query', `The title is longer than ${titleMax} characters.`));
        const { approveExtraUsd: usd, ...rest } = query;
        const approver = await approverOf(parts.door, owner, undefined);
        if (!approver.ok) return approver;
        const accepted = await accepting.accept({ ...rest, id: id.data, patch: body, messageId: null }, (jobId) =>
          usd === undefined
            ? null
            : approveFor(
                parts.till,
                { jobId, subject: jobId, purpose: 'this job' },
                { id: id.data, usd },
                approver.value,
              ),
        );
        return accepted.ok ? show(accepted.value) : accepted;
      },
    );
    route(table, 'get', '/api/jobs/:id', {}, ({ params }) => show(params.id));
    route(table, 'post', '/api/jobs/:id/cancel', {}, ({ params }) => {
      const job = jobs.find(params.id);
      if (!job) return no(problem('not_found', 'There is no such job.'));
      const cancelled = runner.cancel(job);
      return cancelled.ok ? show(params.id) : cancelled;
    });
    route(
      table,
      'post',
      '/api/jobs/:id/continue',
      { body: ResumeJob, status: 202 },
      async ({ params, body, owner }) => {
        const job = jobs.find(params.id);
        if (!job) return no(problem('not_found', 'There is no such job.'));
        const approver = await approverOf(parts.door, owner, body.approve?.pin);
        if (!approver.ok) return approver;
        const continued = await continueJob(parts, job, body, approver.value);
        return continued.ok ? show(params.id) : continued;
      },
    );
  };
}
