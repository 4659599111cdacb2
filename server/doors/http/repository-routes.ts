import type { PullPage } from '#contract/api.ts';
import { ObjectId } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { NewRepository, RepositoryChange, type Repository } from '#contract/repository.ts';
import type { Jobs } from '../../chain/job/store.ts';
import { changesBetween, renderDiff } from '../../chain/patch/diff-view.ts';
import { reportOn } from '../../chain/plan/report.ts';
import type { Proposals } from '../../chain/proposal/store.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { redactText } from '../../lib/redact.ts';
import type { Clock, Forge, Git } from '../../ports.ts';
import type { Mirrors } from '../../resources/repo/mirror.ts';
import type { Repositories } from '../../resources/repo/store.ts';
import { route, type Routes } from './route.ts';

interface Parts {
  readonly clock: Clock;
  readonly git: Git;
  readonly forge: Forge;
  readonly mirrors: Mirrors;
  readonly repositories: Repositories;
  readonly jobs: Jobs;
  readonly proposals: Proposals;
}

/** Repositories and, on the local forge, their pull requests. */
export function repositoryRoutes(parts: Parts): Routes {
  const { mirrors, repositories, forge } = parts;
  const named = async (
    name: string,
    use: (repository: Repository) => Promise<Result<unknown, Problem>>,
  ): Promise<Result<unknown, Problem>> => {
    const repository = repositories.find(name);
    return repository ? await use(repository) : no(problem('not_found', `There is no repository named "${name}".`));
  };
  return (table) => {
    route(table, 'get', '/api/repositories', {}, () => ok({ repositories: repositories.list() }));
    route(table, 'post', '/api/repositories', { body: NewRepository }, ({ body }) => mirrors.add(body));
    route(table, 'get', '/api/repositories/:name', {}, ({ params }) =>
      named(params.name, async (repository) => ok(repository)),
    );
    route(table, 'patch', '/api/repositories/:name', { body: RepositoryChange }, ({ params, body }) =>
      named(params.name, async (repository) => ok(repositories.change(repository.id, body))),
    );
    route(table, 'post', '/api/repositories/:name/fetch', {}, ({ params }) =>
      named(params.name, (repository) => mirrors.fetch(repository)),
    );
    route(table, 'get', '/api/repositories/:name/check', {}, ({ params }) =>
      named(params.name, async (repository) => ok(await reportOn(parts, repository))),
    );
    route(table, 'get', '/api/repositories/:name/branches', {}, ({ params }) =>
      named(params.name, async (repository) => ok({ branches: await mirrors.branches(repository.id) })),
    );
    route(table, 'delete', '/api/repositories/:name', {}, ({ params }) =>
      named(params.name, (repository) => remove(parts, repository)),
    );
    route(table, 'get', '/api/repositories/:name/pulls', {}, ({ params }) =>
      named(params.name, async (repository) => {
        const pulls = await forge.listPulls(repository);
        return pulls.ok ? ok({ pulls: pulls.value }) : pulls;
      }),
    );
    route(table, 'get', '/api/repositories/:name/pulls/:number', {}, ({ params }) =>
      named(params.name, (repository) => pullPage(parts, repository, Number(params.number))),
    );
  };
}

async function remove(
  { jobs, proposals, mirrors, repositories }: Parts,
  repository: Repository,
): Promise<Result<unknown, Problem>> {
  const busy = jobs.open().some((job) => job.repositoryId === repository.id);
  const publishing = proposals.underWay().some((proposal) => proposal.document.repo.id === repository.id);
  if (busy || publishing) {
    return no(
      problem(
        'repository_in_use',
        `A job or a publication for ${repository.name} is under way. Stop it or wait, then remove the repository.`,
      ),
    );
  }
  repositories.remove(repository.id);
  await mirrors.forget(repository.id);
  return ok({ repositories: repositories.list() });
}

async function pullPage(
  { git, forge, mirrors }: Parts,
  repository: Repository,
  number: number,
): Promise<Result<PullPage, Problem>> {
  const missing = no(problem('not_found', `There is no pull request ${number} in ${repository.name}.`));
  if (!Number.isSafeInteger(number) || number < 1) return missing;
  const found = await forge.getPull(repository, number);
  if (!found.ok) return found;
  const pull = found.value;
  if (!pull) return missing;
  const gitDir = mirrors.gitDir(repository.id);
  const has = async (): Promise<boolean> =>
    (await git.run({ gitDir, args: ['cat-file', '-e', `${pull.commit}^{commit}`] })).code === 0;
  if (!(await has())) await mirrors.fetch(repository);
  if (!(await has())) return ok({ pull, files: [], diff: '', diffTruncated: false, head: pull.commit });
  const parent = await git.run({ gitDir, args: ['rev-parse', '--verify', `${pull.commit}^1`] });
  const base = ObjectId.parse(parent.stdout.toString('utf8').trim());
  const place = { git, gitDir };
  const [files, diff] = await Promise.all([
    changesBetween(place, base, pull.commit),
    renderDiff(place, base, pull.commit),
  ]);
  // Not what the patch stage has looked at: somebody else may have pushed to the branch.
  const shown = redactText(diff.text.toString('utf8'));
  return ok({ pull, files, diff: shown, diffTruncated: diff.truncated, head: pull.commit });
}
