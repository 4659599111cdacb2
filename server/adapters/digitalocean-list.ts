import type { z } from 'zod';
import { no, ok, type Result } from '../lib/result.ts';
import type { CloudFailure } from '../ports-cloud.ts';
import type { Page } from './digitalocean-answers.ts';
import { unknownFailure, type Call, type DotsClient } from './digitalocean-call.ts';

interface ListRequest<Answer extends Page, Row> {
  readonly name: string;
  readonly schema: z.ZodType<Answer>;
  readonly rows: (answer: Answer) => readonly Row[];
  readonly key: (row: Row) => string | number;
  readonly send: (client: DotsClient, page: { page: number; per_page: number }) => Promise<unknown>;
}

/** The most that the API gives at once (its description: `per_page`). */
const rowsPerPage = 200;
const pagesMax = 50;

/**
 * Every row of every page, or a failure: what is missing from a list is taken for destroyed, so a part of one is worse than none.
 * The pages are asked for by number; a `next` link is only read, never followed, and one that leads elsewhere is a failure.
 */
export async function completeList<Answer extends Page, Row>(
  call: Call,
  endpoint: string,
  request: ListRequest<Answer, Row>,
): Promise<Result<Row[], CloudFailure>> {
  const found = new Map<string | number, Row>();
  let total: number | null = null;
  for (let page = 1; page <= pagesMax; page += 1) {
    const answer = await call(request.name, 200, (client) => request.send(client, { page, per_page: rowsPerPage }));
    if (!answer.ok) return answer;
    const parsed = request.schema.safeParse(answer.value);
    if (!parsed.success) return no(unknownFailure('garbled', `DigitalOcean's list (${request.name}) is not one.`));
    const { meta, links } = parsed.data;
    if (total !== null && meta.total !== total) return no(incomplete(request.name, 'it changed while it was read'));
    total = meta.total;
    for (const row of request.rows(parsed.data)) {
      if (found.has(request.key(row))) return no(incomplete(request.name, 'it names one thing twice'));
      found.set(request.key(row), row);
    }
    const next = links?.pages?.next;
    if (next === undefined) {
      return found.size === total ? ok([...found.values()]) : no(incomplete(request.name, 'rows are missing'));
    }
    if (!leadsOn(next, endpoint, page + 1)) return no(incomplete(request.name, 'its next page is elsewhere'));
  }
  return no(incomplete(request.name, `it has more than ${pagesMax} pages`));
}

function incomplete(name: string, why: string): CloudFailure {
  return unknownFailure('incomplete_list', `DigitalOcean's list (${name}) is not complete: ${why}.`);
}

function leadsOn(next: string, endpoint: string, page: number): boolean {
  const url = URL.canParse(next) ? new URL(next) : null;
  const { origin } = new URL(endpoint);
  return url !== null && url.origin === origin && url.searchParams.get('page') === String(page);
}
