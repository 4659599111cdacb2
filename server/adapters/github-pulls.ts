import { z } from 'zod';
import { problem, type Problem } from '#contract/problem.ts';
import { Pull } from '#contract/repository.ts';
import { no, ok, type Result } from '../lib/result.ts';
import type { Forge, ForgeRepository, NewPull } from '../ports.ts';
import type { GitHubName } from './github-address.ts';
import { PullAnswer } from './github-answers.ts';
import type { Session } from './github-credential.ts';
import { listPages } from './github-pages.ts';

/** A repository of ours with its name on GitHub. */
export interface Place {
  readonly repository: ForgeRepository;
  readonly name: GitHubName;
}

/** A branch has one open pull request to a base; closed ones before it are few. */
const pullsOfBranchMax = 30;
const listRows = 50;
const listPagesMax = 2;

/**
 * Open or closed, the newest. GitHub ignores a filter that it does not understand and answers with every pull request there is, and
 * a fork may have a branch of this name: so each is looked at again here.
 */
export async function findPull(session: Session, place: Place, branch: string): Promise<Result<Pull | null, Problem>> {
  const { owner, name: repo } = place.name;
  const reply = await session.ask(
    {
      doing: 'look for the pull request',
      isWrite: false,
      schema: z.array(PullAnswer),
      send: (octokit, headers) =>
        octokit.rest.pulls.list({
          owner,
          repo,
          head: `${owner}:${branch}`,
          state: 'all',
          sort: 'created',
          direction: 'desc',
          per_page: pullsOfBranchMax,
          headers,
        }),
    },
    place.name,
  );
  if (!reply.ok) return no(reply.why.problem);
  const ours = reply.value.value.filter(({ head }) => head.ref === branch && isHere(place.name, head.repo?.full_name));
  const newest = ours.toSorted((one, other) => other.number - one.number)[0];
  return ok(newest === undefined ? null : pullOf(session, place, newest));
}

/**
 * Exactly one POST. When GitHub says that there is one already, that one is the answer: an earlier try of ours made it, or the owner
 * did, and there can be no second.
 */
export async function openPull(session: Session, place: Place, pull: NewPull): Promise<Result<Pull, Problem>> {
  const { owner, name: repo } = place.name;
  const { title, body, branch: head, base, isDraft = false } = pull;
  const reply = await session.ask(
    {
      doing: 'open the pull request',
      isWrite: true,
      schema: PullAnswer,
      send: (octokit, headers) =>
        octokit.rest.pulls.create({ owner, repo, title, body, head, base, draft: isDraft, headers }),
    },
    place.name,
  );
  if (reply.ok) {
    const made = reply.value.value;
    if (made.head.ref === head) return ok({ ...pullOf(session, place, made), proposalId: pull.proposalId });
    return no(
      problem('forge_unreachable', 'GitHub answered with another pull request than the one that was asked for.'),
    );
  }
  if (reply.why.status !== 422 || !/pull request already exists/i.test(reply.why.words)) return no(reply.why.problem);
  const found = await findPull(session, place, head);
  if (!found.ok) return found;
  if (found.value !== null) return ok({ ...found.value, proposalId: pull.proposalId });
  // Lists lag behind: it is there, and nobody may take its branch away because it is not shown yet.
  const unseen = 'GitHub has a pull request for this branch already, and does not show it yet. patchgit keeps looking.';
  return no(problem('forge_unreachable', unseen));
}

export async function getPull(session: Session, place: Place, number: number): Promise<Result<Pull | null, Problem>> {
  const { owner, name: repo } = place.name;
  const reply = await session.ask(
    {
      doing: 'show the pull request',
      isWrite: false,
      schema: PullAnswer,
      send: (octokit, headers) => octokit.rest.pulls.get({ owner, repo, pull_number: number, headers }),
    },
    place.name,
  );
  if (reply.ok) return ok(pullOf(session, place, reply.value.value));
  return reply.why.status === 404 ? ok(null) : no(reply.why.problem);
}

export async function listPulls(session: Session, place: Place): Promise<Result<Pull[], Problem>> {
  const { owner, name: repo } = place.name;
  const listed = await listPages(session, place.name, {
    doing: 'list the pull requests',
    schema: z.array(PullAnswer),
    rows: (answer) => answer,
    rowsPerPage: listRows,
    pagesMax: listPagesMax,
    send: (octokit, page) =>
      octokit.rest.pulls.list({ owner, repo, state: 'all', sort: 'created', direction: 'desc', ...page }),
  });
  if (!listed.ok) return listed;
  const here = listed.value.rows.filter(({ head }) => isHere(place.name, head.repo?.full_name));
  return ok(here.map((one) => pullOf(session, place, one)).toSorted((one, other) => other.number - one.number));
}

/** Looks first, so that a closed or merged one is left as it is, however often this is called. */
export async function closePull(session: Session, place: Place, number: number): ReturnType<Forge['closePull']> {
  const { owner, name: repo } = place.name;
  const there = await getPull(session, place, number);
  if (!there.ok) return there;
  if (there.value === null)
    return no(problem('not_found', `There is no pull request ${number} in ${place.repository.name}.`));
  if (there.value.state !== 'open') return ok(there.value);
  const reply = await session.ask(
    {
      doing: 'close the pull request',
      isWrite: true,
      schema: PullAnswer,
      send: (octokit, headers) =>
        octokit.rest.pulls.update({ owner, repo, pull_number: number, state: 'closed', headers }),
    },
    place.name,
  );
  return reply.ok ? ok(pullOf(session, place, reply.value.value)) : no(reply.why.problem);
}

/** `url` is made here: what is shown as a link is never a stranger's. */
function pullOf({ gitOrigin }: Session, { repository, name }: Place, answer: PullAnswer): Pull {
  const { number, title, body, head, base, state } = answer;
  return Pull.parse({
    repositoryId: repository.id,
    repository: repository.name,
    number,
    title,
    body: body ?? '',
    branch: head.ref,
    base: base.ref,
    commit: head.sha,
    state: answer.merged_at === null ? state : 'merged',
    url: `${gitOrigin}/${name.owner}/${name.name}/pull/${number}`,
    openedAtMs: Date.parse(answer.created_at),
    closedAtMs: answer.closed_at === null ? null : Date.parse(answer.closed_at),
    proposalId: null,
  });
}

function isHere({ owner, name }: GitHubName, fullName: string | undefined): boolean {
  return fullName?.toLowerCase() === `${owner}/${name}`.toLowerCase();
}
