import { z } from 'zod';
import type { AuditPage } from '#contract/api.ts';
import { maskEntry } from '#contract/ledger-mask.ts';
import { AuditFilter } from '#contract/ledger.ts';
import { problem } from '#contract/problem.ts';
import { redactLog } from '../../lib/redact.ts';
import { no, ok } from '../../lib/result.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import { plainText, Reply } from './reply.ts';
import { route, type Routes } from './route.ts';

const Download = z.strictObject({
  download: z.string().max(200).optional(),
  /** A patch as it came, with whatever secrets it holds: asked for by name only. */
  exact: z.string().max(10).optional(),
});

/** What happened and what it produced: the ledger, and evidence by its digest. */
export function recordRoutes({ ledger, artifacts }: { ledger: Ledger; artifacts: Artifacts }): Routes {
  return (table) => {
    route(table, 'get', '/api/audit', { query: AuditFilter }, ({ query }) => {
      const { entries, more } = ledger.list(query);
      return ok({ entries: entries.map(maskEntry), more, head: ledger.head() } satisfies AuditPage);
    });
    route(table, 'get', '/api/audit/verify', {}, async () => ok(await ledger.verify()));
    // Exact, because whoever takes it elsewhere can recompute every hash from it.
    route(table, 'get', '/api/audit/export', {}, () =>
      ok(
        new Reply({
          content: { body: ledger.lines() },
          headers: {
            'content-type': 'application/jsonl; charset=utf-8',
            'content-disposition': 'attachment; filename="patchgit-audit.jsonl"',
          },
        }),
      ),
    );
    route(table, 'get', '/api/artifacts/:sha256', { query: Download }, async ({ params, query }) => {
      const stored = /^[0-9a-f]{64}$/.test(params.sha256) ? await artifacts.read(params.sha256) : null;
      const isPatch = artifacts.find(params.sha256)?.mediaType === 'text/x-patch';
      const bytes = stored !== null && isPatch && query.exact === undefined ? redactLog(stored, []) : stored;
      if (bytes === null) return no(problem('not_found', 'There is no artifact with this digest.'));
      const name = { downloadName: `${params.sha256.slice(0, 12)}.txt` };
      return ok(plainText(bytes, query.download === undefined ? {} : name));
    });
  };
}
