/** A house whose daemon can be killed at its git commands, one repository with a quick check, and what must hold afterwards. */
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ChainVerdict } from '#contract/ledger.ts';
import type { Proposal } from '#contract/proposal.ts';
import { watchGit, type GitWatch, type Moment } from './crash.ts';
import { closeHouses, startHouse, type House } from './daemon.ts';
import { addRepository, getProposal, jobAtRest, must, sendPatch } from './owner.ts';
import { makeRepository, removeRepositories, type TestRepository } from './repository.ts';
import { until } from './wait.ts';

/** What exports trees in the background would be counted too, whenever it happens to begin. */
const main = 'server/testing/main-without-following.ts';

export type Kills = readonly (readonly [Moment, number])[];

export interface CrashHouse {
  readonly house: House;
  readonly watch: GitWatch;
  readonly repository: TestRepository;
  readonly patch: string;
  /** The tree the patch gives on the base, made by plain git. */
  readonly tree: string;
  /** Kills the daemon at each of these places, one after the other; counting starts anew with each restart. */
  readonly killAt: (kills: Kills) => void;
  /** How many of the kills have happened. */
  readonly killed: () => Promise<number>;
  /** Does `ask` again and again, starting the daemon whenever it was killed, until it gives something. */
  readonly persistently: <T>(what: string, ask: () => Promise<T | null | false>) => Promise<T>;
  /** Sends the patch, with one id for all tries. Gives the job's id. */
  readonly send: () => Promise<string>;
  readonly jobDone: (id: string) => Promise<Proposal>;
  readonly close: () => Promise<void>;
}

export async function crashHouse(check = 'true'): Promise<CrashHouse> {
  const watch = watchGit();
  try {
    return await build(watch, check);
  } catch (error) {
    watch.remove();
    throw error;
  }
}

async function build(watch: GitWatch, check: string): Promise<CrashHouse> {
  const repository = makeRepository({ 'a.txt': 'one\ntwo\n', 'src/b.txt': 'x\n' });
  const changes = { 'a.txt': 'one\nTWO\n', 'src/new/c.txt': 'new\n' };
  const patch = repository.diff(changes);
  repository.commit(changes, { branch: 'wanted' });
  const tree = repository.git('rev-parse', 'wanted^{tree}');
  repository.git('update-ref', '-d', 'refs/heads/wanted');
  const house = await startHouse({
    PATCHGIT_TEST_MAIN: main,
    PATH: `${watch.folder}:${process.env['PATH'] ?? '/usr/bin:/bin'}`,
  });
  await addRepository(house.client, { name: 'r', url: repository.origin, checks: [{ name: 'check', command: check }] });
  const killer = killerOf(house, watch);
  const { persistently } = killer;
  return {
    house,
    watch,
    repository,
    patch,
    tree,
    ...killer,
    send: async () => {
      const id = randomUUID();
      return await persistently('the patch is accepted', async () => {
        return must(await sendPatch(house.client, { id, repository: 'r', patch })).id;
      });
    },
    jobDone: async (id) => {
      return await persistently('the job has its proposal', async () => {
        const job = await jobAtRest(house.client, id);
        if (job.proposalId === null) throw new Error(`no proposal: ${JSON.stringify(job.problem)}`);
        return await getProposal(house.client, job.proposalId);
      });
    },
    close: async () => {
      try {
        await closeHouses();
      } finally {
        removeRepositories();
        watch.remove();
      }
    },
  };
}

function killerOf(house: House, watch: GitWatch): Pick<CrashHouse, 'killAt' | 'killed' | 'persistently'> {
  let kills: Kills = [];
  let killed = 0;
  const arm = (): void => {
    const kill = kills[killed];
    if (kill) watch.killAt(...kill);
    else watch.count();
  };
  /** The daemon that was killed is started again; the next kill may hit it while it starts. */
  const revive = async (): Promise<void> => {
    while (watch.hasKilled()) {
      await house.gone();
      killed += 1;
      arm();
      await house.start().catch((error: unknown) => {
        if (!watch.hasKilled()) throw error;
      });
    }
  };
  return {
    killAt: (next) => {
      kills = next;
      killed = 0;
      arm();
    },
    killed: async () => {
      await revive();
      return killed;
    },
    persistently: (what, ask) =>
      until(what, async () => {
        await revive();
        try {
          return await ask();
        } catch (error) {
          // Killed in the middle of the answer: ask again. Any other refusal is what the test is about.
          if (!watch.hasKilled()) throw error;
          return null;
        }
      }),
  };
}

/** What must hold whenever everything rests: the chain holds, no quarantine is left, and no request was lost or doubled. */
export async function wrongAtRest({ house }: CrashHouse, jobs: number): Promise<string[]> {
  const wrong: string[] = [];
  const verdict = ChainVerdict.parse(must(await house.client.get('/api/audit/verify')));
  if (!verdict.ok) wrong.push(`the ledger is broken: ${JSON.stringify(verdict.firstBad)}`);
  // Resting is announced by the row; the folder of the work goes right after it.
  await until('the quarantine is empty', () => readdirSync(join(house.home, 'quarantine')).length === 0);
  const states = house.rows('select state, count(*) as count from job group by state');
  if (JSON.stringify(states) !== JSON.stringify([{ state: 'proposed', count: jobs }]))
    wrong.push(JSON.stringify(states));
  return wrong;
}
