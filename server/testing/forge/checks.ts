/** What continuous integration says about a commit. */
import type { FakeCheckRun, FakeRepository, World } from './world.ts';

/** Full ids, and names of branches with or without `heads/`. */
export function commitOf(repository: FakeRepository, ref: string): string | null {
  const { bare } = repository;
  return (
    bare.object(`refs/heads/${ref.replace(/^heads\//, '')}`, 'commit') ??
    (/^[0-9a-f]{40}$/.test(ref) ? bare.object(ref, 'commit') : null)
  );
}

/** CI says how it went: GitHub Actions, not an App of ours. */
export function setCheck(
  world: World,
  repository: FakeRepository,
  check: {
    readonly ref: string;
    readonly name: string;
    readonly conclusion: string | null;
    readonly summary?: string;
    readonly log?: string;
  },
): FakeCheckRun {
  const sha = commitOf(repository, check.ref);
  if (sha === null) throw new Error(`The fake forge has no commit ${check.ref}.`);
  const there = repository.checkRuns.find((one) => one.sha === sha && one.name === check.name && one.appId === null);
  const run: FakeCheckRun = there ?? {
    id: world.nextId(),
    sha,
    appId: null,
    startedAtMs: world.nowMs(),
    name: check.name,
    externalId: '',
    detailsUrl: `${world.webUrl}/${repository.owner}/${repository.name}/actions/runs/1/job/1`,
    status: 'queued',
    conclusion: null,
    completedAtMs: null,
    output: { title: null, summary: null, text: null },
    log: null,
  };
  if (!there) repository.checkRuns.push(run);
  run.status = check.conclusion === null ? 'in_progress' : 'completed';
  run.conclusion = check.conclusion;
  run.completedAtMs = check.conclusion === null ? null : world.nowMs();
  run.output = { title: check.name, summary: check.summary ?? null, text: null };
  run.log = check.log ?? null;
  const action = check.conclusion === null ? 'created' : 'completed';
  world.tell(repository, 'check_run', action, 'github-actions[bot]', { checkRun: run });
  return run;
}

/** For a repository that has CI: it starts on each new head of a pull request, and ends so much later. */
export function startContinuousIntegration(world: World, repository: FakeRepository, sha: string): void {
  const { ci } = repository;
  if (ci === null) return;
  setCheck(world, repository, { ref: sha, name: ci.name, conclusion: null });
  world.clock.after(ci.afterMs, () => {
    if (!world.isRemoved) setCheck(world, repository, { ...ci, ref: sha });
  });
}
