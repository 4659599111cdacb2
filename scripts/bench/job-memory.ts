/** What a job on the large repository adds to the daemon's memory; what runs its checks is not counted. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { socketClient } from '../../server/cli/client.ts';
import { Job } from '../../server/contract/job.ts';
import type { Problem } from '../../server/contract/problem.ts';
import type { Result } from '../../server/lib/result.ts';
import { type Daemon, startDaemon, withFolder } from './house.ts';
import { forgetPeak, helpersMiB, peakMiB, residentMiB } from './process-figures.ts';
import { withRepositories } from './repositories.ts';
import { median, paired } from './rounds.ts';
import { row, type Row } from './table.ts';

const rounds = 5;
/** Longer than adapters/spare-memory.ts waits after a start. */
const settleMs = 3_000;
const repository = 'large';

export async function jobMemoryRows(): Promise<Row[]> {
  return await withRepositories(async ({ sized, patch }) => {
    const large = sized.find(({ name }) => name === repository);
    if (!large) throw new Error('there is no large repository');
    return await withFolder(async (home) => {
      await prepare(home, large.gitDir, patch);
      const daemons: { ours: number; baseline: number }[] = [];
      const together: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const daemon = await startDaemon(home);
        await pause(settleMs);
        const idle = residentMiB(daemon.pid);
        forgetPeak(daemon.pid);
        const beside = await runJob(daemon, patch);
        daemons.push({ ours: peakMiB(daemon.pid), baseline: idle });
        together.push(beside);
        await daemon.stop();
      }
      return [
        row(`peak memory of the daemon in a job, ${large.files} files / idle`, 'MiB', paired(daemons), 1.3),
        {
          metric: 'most memory of its git and secret-scan processes meanwhile',
          unit: 'MiB',
          ours: median(together),
          baseline: null,
          ratio: null,
          goal: null,
        },
      ];
    });
  });
}

/** One life before the rounds: the mirror and the cached checkout are there, as on any other day. */
async function prepare(home: string, url: string, patch: Buffer): Promise<void> {
  const daemon = await startDaemon(home);
  const checks = [{ name: 'true', command: 'true' }];
  need(await clientOf(daemon).send('POST', '/api/repositories', { name: repository, url, checks }));
  await runJob(daemon, patch);
  await daemon.stop();
}

/** Pastes the patch and waits for its proposal. Returns the most that the daemon's own processes were seen to hold, in MiB. */
async function runJob(daemon: Daemon, patch: Buffer): Promise<number> {
  const client = clientOf(daemon);
  const query = new URLSearchParams({ id: randomUUID(), repository, title: 'bench' });
  const { id } = Job.parse(need(await client.sendBytes(`/api/jobs?${query}`, patch)));
  let most = 0;
  for (let at = 0; ; at += 1) {
    most = Math.max(most, helpersMiB(daemon.pid, isChecks));
    // Asking costs the daemon memory, too.
    if (at % 20 === 0) {
      const job = Job.parse(need(await client.get(`/api/jobs/${id}`)));
      if (job.problem !== null) throw new Error(`${job.problem.code}: ${job.problem.message}`);
      if (job.proposalId !== null) return most;
    }
    await pause(5);
  }
}

/** The program in front of a sandbox, and what runs in it. */
function isChecks(command: string): boolean {
  return /helper\.(?:cjs|ts)|helper\/main\.ts|bwrap/.test(command);
}

function clientOf({ home }: Daemon): ReturnType<typeof socketClient> {
  return socketClient(join(home, 'patchgit.sock'));
}

function need(answer: Result<unknown, Problem>): unknown {
  if (!answer.ok) throw new Error(`${answer.why.code}: ${answer.why.message}`);
  return answer.value;
}
