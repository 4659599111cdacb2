import { BackupRequest, type Doctor, type Integration, type State } from '#contract/api.ts';
import type { Budget } from '#contract/budget.ts';
import type { HelperView } from '#contract/lease.ts';
import { ok, type Result } from '../../lib/result.ts';
import type { Problem } from '#contract/problem.ts';
import type { Runner } from '../../chain/job/runner.ts';
import type { Jobs } from '../../chain/job/store.ts';
import type { Proposals } from '../../chain/proposal/store.ts';
import type { Clock } from '../../ports.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import type { Repositories } from '../../resources/repo/store.ts';
import type { Chat } from '../chat/store.ts';
import { route, type Routes } from './route.ts';

interface Parts {
  readonly installId: string;
  readonly build: string;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly repositories: Repositories;
  readonly chat: Chat;
  readonly jobs: Jobs;
  readonly proposals: Proposals;
  readonly runner: Runner;
  readonly budget: () => Budget;
  readonly helper: () => HelperView;
  readonly integrations: readonly Integration[];
  readonly doctor: () => Promise<Doctor>;
  readonly backup: (folder: string) => Promise<Result<{ folder: string; bytes: number }, Problem>>;
}

const jobsShown = 30;
const proposalsShown = 100;

/** The snapshot a page starts from, and how this installation is doing. */
export function stateRoutes(parts: Parts): Routes {
  const { ledger, repositories, chat, jobs, proposals, runner } = parts;
  return (table) => {
    route(table, 'get', '/api/state', {}, () => {
      const state: State = {
        installId: parts.installId,
        // Read first: what is appended while the rest is gathered comes again over the live stream, and is not missed.
        seq: ledger.head(),
        serverTimeMs: parts.clock.nowMs(),
        build: parts.build,
        repositories: repositories.list(),
        threads: chat.threads(),
        jobs: jobs.list(jobsShown, runner.progress),
        proposals: proposals.list(proposalsShown),
        budget: parts.budget(),
        helper: parts.helper(),
        integrations: [...parts.integrations],
        lock: runner.lock(),
      };
      return ok(state);
    });
    route(table, 'get', '/api/doctor', {}, async () => ok(await parts.doctor()));
    route(table, 'post', '/api/local/backup', { body: BackupRequest, socketOnly: true }, ({ body }) =>
      parts.backup(body.folder),
    );
  };
}
