import type { Problem } from '#contract/problem.ts';
import { problem } from '#contract/problem.ts';
import { z } from 'zod';
import { assert } from '../lib/assert.ts';
import { no, ok, type Result } from '../lib/result.ts';
import type { Forge, PullMarks } from '../ports.ts';
import type { GitHubName } from './github-address.ts';
import { CheckRuns, CommentAnswer, Labels, Made, type CheckRun } from './github-answers.ts';
import type { Session } from './github-credential.ts';
import { listPages } from './github-pages.ts';
import type { Place } from './github-pulls.ts';

/** Under this name the proof stands on a commit, as a status or as a check run. It is not the repository's own CI. */
export const proofContext = 'patchgit/proof';
/** GitHub's limit for the line of a status. */
const descriptionCharactersMax = 140;
const commentRows = 100;
const commentPagesMax = 20;

/** Labels and the proof. Each is tried, also when the other is refused; the first refusal is the answer. */
export async function mark(session: Session, place: Place, marks: PullMarks): Promise<Result<null, Problem>> {
  const labelled = await addLabels(session, place, marks);
  const proved = await showProof(session, place, marks);
  return labelled.ok ? proved : labelled;
}

/** GitHub makes a label that is not there yet; one that is on already stays. */
async function addLabels(
  session: Session,
  { name }: Place,
  { number, labels }: PullMarks,
): Promise<Result<null, Problem>> {
  if (labels.length === 0) return ok(null);
  const reply = await session.ask(
    {
      doing: 'put labels on the pull request',
      isWrite: true,
      schema: Labels,
      send: (octokit, headers) =>
        octokit.rest.issues.addLabels({
          owner: name.owner,
          repo: name.name,
          issue_number: number,
          labels: [...labels],
          headers,
        }),
    },
    name,
  );
  return reply.ok ? ok(null) : no(reply.why.problem);
}

/** An App that may write checks makes a check run, everybody else a status. */
async function showProof(session: Session, { name }: Place, marks: PullMarks): Promise<Result<null, Problem>> {
  const permissions = await session.credential.permissions(name);
  if (!permissions.ok) return permissions;
  if (permissions.value?.['checks'] === 'write') return await showCheckRun(session, name, marks);
  const { state, description } = marks.status;
  const reply = await session.ask(
    {
      doing: 'show the proof on the commit',
      isWrite: true,
      schema: Made,
      send: (octokit, headers) =>
        octokit.rest.repos.createCommitStatus({
          owner: name.owner,
          repo: name.name,
          sha: marks.commit,
          state,
          context: proofContext,
          description: shortened(description),
          headers,
        }),
    },
    name,
  );
  return reply.ok ? ok(null) : no(reply.why.problem);
}

/** A status of the same name replaces the one before; a check run would stand beside it, so an earlier one of ours is changed. */
async function showCheckRun(
  session: Session,
  { owner, name: repo }: GitHubName,
  { commit, status }: PullMarks,
): Promise<Result<null, Problem>> {
  const earlier = await session.ask(
    {
      doing: 'look for the proof on the commit',
      isWrite: false,
      schema: CheckRuns,
      send: (octokit, headers) =>
        octokit.rest.checks.listForRef({ owner, repo, ref: commit, check_name: proofContext, headers }),
    },
    { owner, name: repo },
  );
  if (!earlier.ok) return no(earlier.why.problem);
  const conclusion = status.state === 'success' ? 'success' : 'failure';
  const output = { title: shortened(status.description), summary: status.description };
  const there = earlier.value.value.check_runs.find((run) => isProof(run) && run.external_id === proofContext);
  if (there?.conclusion === conclusion && there.output?.title === output.title) return ok(null);
  const done = { status: 'completed', conclusion, output } as const;
  const reply = await session.ask(
    {
      doing: 'show the proof on the commit',
      isWrite: true,
      schema: Made,
      send: (octokit, headers) =>
        there === undefined
          ? octokit.rest.checks.create({
              owner,
              repo,
              name: proofContext,
              head_sha: commit,
              external_id: proofContext,
              ...done,
              headers,
            })
          : octokit.rest.checks.update({ owner, repo, check_run_id: there.id, ...done, headers }),
    },
    { owner, name: repo },
  );
  return reply.ok ? ok(null) : no(reply.why.problem);
}

export function isProof({ name }: Pick<CheckRun, 'name'>): boolean {
  return name === proofContext;
}

/** Never ends in half of a pair. */
function shortened(text: string): string {
  if (text.length <= descriptionCharactersMax) return text;
  return `${text.slice(0, descriptionCharactersMax - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/**
 * One comment with this key, ever. Only comments of our own count: a stranger who writes our key into one must not be able to keep
 * ours away. `self` is the login we act as.
 */
export async function comment(
  session: Session,
  { name }: Place,
  wanted: Parameters<Forge['comment']>[1],
  self: string,
): Promise<Result<null, Problem>> {
  assert(/^[\w:./-]{1,200}$/.test(wanted.key) && !wanted.key.includes('--'), 'a key can stand in a comment of HTML');
  const hidden = `<!-- patchgit:${wanted.key} -->`;
  const { owner, name: repo } = name;
  const issue_number = wanted.number;
  const listed = await listPages(session, name, {
    doing: 'read the comments',
    schema: z.array(CommentAnswer),
    rows: (answer) => answer,
    rowsPerPage: commentRows,
    pagesMax: commentPagesMax,
    send: (octokit, page) => octokit.rest.issues.listComments({ owner, repo, issue_number, ...page }),
  });
  if (!listed.ok) return listed;
  const isOurs = (user: CommentAnswer['user']): boolean => user?.login.toLowerCase() === self.toLowerCase();
  if (listed.value.rows.some(({ body, user }) => isOurs(user) && body?.includes(hidden) === true)) return ok(null);
  if (!listed.value.isWhole)
    return no(problem('forge_refused', `Number ${wanted.number} has too many comments to look for ours among them.`));
  const body = `${wanted.text}\n\n${hidden}`;
  const reply = await session.ask(
    {
      doing: 'write a comment',
      isWrite: true,
      schema: Made,
      send: (octokit, headers) => octokit.rest.issues.createComment({ owner, repo, issue_number, body, headers }),
    },
    name,
  );
  return reply.ok ? ok(null) : no(reply.why.problem);
}
