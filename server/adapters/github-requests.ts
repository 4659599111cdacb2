import { z } from 'zod';
import type { ForgeRequest } from '#contract/forge.ts';
import type { Problem } from '#contract/problem.ts';
import { ok, type Result } from '../lib/result.ts';
import type { Forge } from '../ports.ts';
import { CommentAnswer, IssueAnswer } from './github-answers.ts';
import type { Session } from './github-credential.ts';
import { listPages } from './github-pages.ts';
import type { Place } from './github-pulls.ts';

/** Bodies are up to 256 KiB each, and an answer of ours at most 8 MiB. */
const rowsPerPage = 30;
const pagesMax = 10;
const titleCharactersMax = 500;
const textCharactersMax = 65_536;

/**
 * Open issues with the label, and comments that begin with the word. GitHub's `since` means "changed since", so what was there
 * before comes again when it was touched: its key is the same. Both lists are taken from their newest change back, so that a
 * look that is bounded never stands still, and what changes meanwhile is not skipped but comes twice.
 */
export async function requests(
  session: Session,
  place: Place,
  wanted: Parameters<Forge['requests']>[1],
): Promise<Result<ForgeRequest[], Problem>> {
  const { owner, name: repo } = place.name;
  const since = new Date(wanted.sinceMs).toISOString();
  const order = { sort: 'updated', direction: 'desc' } as const;
  const paging = { rowsPerPage, pagesMax };
  const issues = await listPages(session, place.name, {
    ...paging,
    doing: 'list the issues with our label',
    schema: z.array(IssueAnswer),
    rows: (answer) => answer,
    send: (octokit, page) =>
      octokit.rest.issues.listForRepo({ owner, repo, labels: wanted.label, state: 'open', since, ...order, ...page }),
  });
  if (!issues.ok) return issues;
  const comments = await listPages(session, place.name, {
    ...paging,
    doing: 'list the comments',
    schema: z.array(CommentAnswer),
    rows: (answer) => answer,
    send: (octokit, page) => octokit.rest.issues.listCommentsForRepo({ owner, repo, since, ...order, ...page }),
  });
  if (!comments.ok) return comments;
  const here = `${session.gitOrigin}/${owner}/${repo}/issues`;
  const found = [
    ...issues.value.rows
      .filter((issue) => issue.pull_request === undefined)
      .map((issue) => requestOfIssue(here, issue)),
    ...comments.value.rows.flatMap((comment) => requestOfComment(here, wanted.word, comment)),
  ];
  const unique = new Map(found.map((request) => [request.key, request]));
  return ok([...unique.values()].toSorted((one, other) => one.createdAtMs - other.createdAtMs));
}

function requestOfIssue(here: string, { number, title, body, user, created_at }: IssueAnswer): ForgeRequest {
  return {
    key: `issue:${number}`,
    author: user?.login ?? '',
    title: title.slice(0, titleCharactersMax),
    text: (body ?? '').slice(0, textCharactersMax),
    url: `${here}/${number}`,
    number,
    createdAtMs: Date.parse(created_at),
  };
}

/** None when it does not begin with the word, as a word. */
function requestOfComment(
  here: string,
  word: string,
  { id, body, user, created_at, issue_url }: CommentAnswer,
): ForgeRequest[] {
  const text = (body ?? '').trimStart();
  const number = Number(/\/(\d{1,9})$/.exec(issue_url ?? '')?.[1] ?? Number.NaN);
  if (!text.startsWith(word) || /^\S/.test(text.slice(word.length)) || Number.isNaN(number)) return [];
  return [
    {
      key: `comment:${id}`,
      author: user?.login ?? '',
      title: `Comment on #${number}`,
      text: text.slice(0, textCharactersMax),
      url: `${here}/${number}#issuecomment-${id}`,
      number,
      createdAtMs: Date.parse(created_at),
    },
  ];
}
