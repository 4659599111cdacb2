import type { Octokit } from '@octokit/rest';
import type { z } from 'zod';
import type { Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../lib/result.ts';
import type { GitHubName } from './github-address.ts';
import type { Session } from './github-credential.ts';

interface Pages<Answer, Row> {
  readonly doing: string;
  readonly schema: z.ZodType<Answer>;
  readonly rows: (answer: Answer) => readonly Row[];
  readonly rowsPerPage: number;
  readonly pagesMax: number;
  readonly send: (
    octokit: Octokit,
    page: { readonly page: number; readonly per_page: number; readonly headers: Record<string, string> },
  ) => Promise<unknown>;
}

/**
 * Page after page by number: an address in an answer is never followed. `isWhole` is false when there was more than `pagesMax`.
 * A failure in the middle is a failure: a part of a list would be taken for the whole.
 */
export async function listPages<Answer, Row>(
  session: Session,
  name: GitHubName | null,
  { doing, schema, rows, rowsPerPage, pagesMax, send }: Pages<Answer, Row>,
): Promise<Result<{ readonly rows: Row[]; readonly isWhole: boolean }, Problem>> {
  const all: Row[] = [];
  for (let page = 1; page <= pagesMax; page += 1) {
    const question = {
      doing,
      isWrite: false,
      schema,
      send: (octokit: Octokit, headers: Record<string, string>) =>
        send(octokit, { page, per_page: rowsPerPage, headers }),
    };
    const reply = await session.ask(question, name);
    if (!reply.ok) return no(reply.why.problem);
    const found = rows(reply.value.value);
    all.push(...found);
    // Some lists leave rows out of a page that the token may not see, so a short page is not the last one where a link goes on.
    if (found.length < rowsPerPage && !/rel="next"/.test(reply.value.headers['link'] ?? ''))
      return ok({ rows: all, isWhole: true });
  }
  return ok({ rows: all, isWhole: false });
}
