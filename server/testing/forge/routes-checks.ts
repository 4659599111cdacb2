/** Commit statuses, which any token with the permission may set, and check runs, which only Apps may. */
import { commitOf } from './checks.ts';
import * as replies from './replies.ts';
import type { Reply } from './replies.ts';
import {
  counted,
  ofRepository,
  reads,
  textOf,
  textOrNull,
  writes,
  type AskedOfRepository,
  type Route,
} from './routes-kit.ts';
import { pageOf, repositoryShape, repositoryUrl, type Json } from './shapes.ts';
import { checkRunShape, statusShape } from './shapes-work.ts';
import type { FakeCheckRun, FakeStatus } from './world.ts';

export const checkRoutes: readonly Route[] = [
  ofRepository('repos/create-commit-status', 'POST', '/statuses/:id', writes('statuses'), createStatus),
  ofRepository('repos/get-combined-status-for-ref', 'GET', '/commits/*id/status', reads('statuses'), combinedStatus),
  ofRepository('checks/create', 'POST', '/check-runs', writes('checks'), createCheckRun),
  ofRepository('checks/update', 'PATCH', '/check-runs/:id', writes('checks'), updateCheckRun),
  ofRepository('checks/list-for-ref', 'GET', '/commits/*id/check-runs', reads('checks'), listCheckRuns),
];

function createStatus({ world, repository, body, by, id }: AskedOfRepository): Reply {
  const sha = /^[0-9a-f]{40}$/.test(id) ? repository.bare.object(id, 'commit') : null;
  if (sha === null) return replies.refusal(422, `No commit found for SHA: ${id}`);
  const description = textOrNull(body, 'description');
  if ((description ?? '').length > 140) {
    const message = 'description is too long (maximum is 140 characters)';
    return replies.invalid([{ resource: 'Status', field: 'description', code: 'custom', message }]);
  }
  const status: FakeStatus = {
    id: world.nextId(),
    sha,
    state: textOf(body, 'state'),
    context: textOrNull(body, 'context') ?? 'default',
    description,
    targetUrl: textOrNull(body, 'target_url'),
    creator: by,
    atMs: world.nowMs(),
  };
  repository.statuses.push(status);
  world.tell(repository, 'status', null, by, { status });
  return replies.created(statusShape(world, repository, status));
}

/** The last one of each context counts. */
function combinedStatus({ world, repository, url, id }: AskedOfRepository): Reply {
  const sha = commitOf(repository, id);
  if (sha === null) return replies.notFound;
  const latest = new Map(repository.statuses.filter((one) => one.sha === sha).map((one) => [one.context, one]));
  const states = [...latest.values()].map(({ state }) => state);
  const isRed = states.some((state) => state === 'failure' || state === 'error');
  const isWaiting = states.length === 0 || states.includes('pending');
  const page = pageOf(url, [...latest.values()]);
  const self = `${repositoryUrl(world, repository)}/commits/${sha}`;
  return {
    status: 200,
    body: {
      state: isRed ? 'failure' : isWaiting ? 'pending' : 'success',
      statuses: page.rows.map((one) => statusShape(world, repository, one)),
      sha,
      total_count: latest.size,
      repository: repositoryShape(world, repository),
      commit_url: self,
      url: `${self}/status`,
    },
    ...(page.link === null ? {} : { headers: { link: page.link } }),
  };
}

function createCheckRun({ world, repository, body, credential, by }: AskedOfRepository): Reply {
  if (credential?.kind !== 'installation') return replies.needsAppForChecks;
  const sha = commitOf(repository, textOf(body, 'head_sha'));
  if (sha === null) return replies.refusal(422, `No commit found for SHA: ${textOf(body, 'head_sha')}`);
  const nowMs = world.nowMs();
  const run: FakeCheckRun = {
    id: world.nextId(),
    sha,
    appId: credential.app.id,
    startedAtMs: nowMs,
    name: textOf(body, 'name'),
    externalId: '',
    detailsUrl: null,
    status: 'queued',
    conclusion: null,
    completedAtMs: null,
    output: { title: null, summary: null, text: null },
    log: null,
  };
  changeRun(run, body, nowMs);
  repository.checkRuns.push(run);
  world.tell(repository, 'check_run', run.status === 'completed' ? 'completed' : 'created', by, { checkRun: run });
  return replies.created(checkRunShape(world, repository, run));
}

function updateCheckRun({ world, repository, body, credential, by, id }: AskedOfRepository): Reply {
  if (credential?.kind !== 'installation') return replies.needsAppForChecks;
  const run = repository.checkRuns.find((one) => String(one.id) === id);
  if (!run) return replies.notFound;
  if (run.appId !== credential.app.id)
    return replies.refusal(403, 'Invalid app_id `check_run` was not created by this app');
  changeRun(run, body, world.nowMs());
  if (run.status === 'completed') world.tell(repository, 'check_run', 'completed', by, { checkRun: run });
  return { status: 200, body: checkRunShape(world, repository, run) };
}

/** A conclusion completes it, whatever the status says. */
function changeRun(run: FakeCheckRun, body: Json, nowMs: number): void {
  const output = body['output'] as Json | undefined;
  run.name = textOrNull(body, 'name') ?? run.name;
  run.externalId = textOrNull(body, 'external_id') ?? run.externalId;
  run.detailsUrl = textOrNull(body, 'details_url') ?? run.detailsUrl;
  run.status = textOrNull(body, 'status') ?? run.status;
  run.conclusion = textOrNull(body, 'conclusion') ?? run.conclusion;
  if (run.conclusion !== null) run.status = 'completed';
  if (run.status === 'completed') run.completedAtMs ??= nowMs;
  if (output) {
    run.output = {
      title: textOrNull(output, 'title'),
      summary: textOrNull(output, 'summary'),
      text: textOrNull(output, 'text'),
    };
  }
}

function listCheckRuns({ world, repository, url, id }: AskedOfRepository): Reply {
  const sha = commitOf(repository, id);
  if (sha === null) return replies.refusal(422, `No commit found for SHA: ${id}`);
  const asked = (name: string): string | null => url.searchParams.get(name);
  const rows = repository.checkRuns.filter(
    (run) =>
      run.sha === sha &&
      (asked('check_name') === null || run.name === asked('check_name')) &&
      (asked('status') === null || run.status === asked('status')) &&
      (asked('app_id') === null || String(run.appId) === asked('app_id')),
  );
  const latest =
    asked('filter') === 'all' ? rows : [...new Map(rows.map((run) => [`${run.appId} ${run.name}`, run])).values()];
  return counted(url, 'check_runs', latest, (run) => checkRunShape(world, repository, run));
}
