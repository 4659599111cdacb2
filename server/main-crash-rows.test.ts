import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { Job } from '#contract/job.ts';
import type { Result } from './lib/result.ts';
import { watchGit } from './testing/crash.ts';
import { crashHouse, wrongAtRest, type CrashHouse } from './testing/crash-house.ts';
import { closeHouses, newHouse, type House } from './testing/daemon.ts';
import { decide, getProposal, jobAtRest, must, propose, proposalAtRest, sendPatch } from './testing/owner.ts';
import { removeRepositories } from './testing/repository.ts';
import { until } from './testing/wait.ts';

let crash: CrashHouse | null = null;
afterEach(async () => {
  await crash?.close();
  crash = null;
  await closeHouses();
  removeRepositories();
});

/**
 * Asks, kills the daemon as soon as the ledger has a new entry of this kind, starts it again, and asks the same once more,
 * as a client does that got no answer.
 */
async function killAtEntry<T>(house: House, kind: string, ask: () => Promise<Result<T, unknown>>): Promise<T> {
  const from = head(house);
  const first = ask();
  // A connection of its own, so that looking costs little and the kill comes right after the entry.
  const sqlite = new Sqlite(join(house.home, 'patchgit.db'), { readonly: true });
  const entry = sqlite.prepare('select seq from ledger where kind = ? and seq > ?');
  await until(`an entry ${kind}`, () => entry.get(kind, from) !== undefined, 30_000, 1);
  sqlite.close();
  await house.kill('SIGKILL');
  await first;
  await house.start();
  return must(await ask());
}

function head(house: House): number {
  return Number(house.rows('select max(seq) as seq from ledger')[0]?.['seq']);
}

describe('kill -9 of the daemon as soon as something is on record', { timeout: 300_000 }, () => {
  it('goes on from there with a job, whatever was the last entry', async () => {
    crash = await crashHouse();
    const { house, tree, patch } = crash;
    const kinds = ['job.queued', 'job.started', 'job.planned', 'job.patched', 'job.proposed'];
    for (const kind of kinds) {
      const request = randomUUID();
      const ask = () => sendPatch(house.client, { id: request, repository: 'r', patch });
      const { id } = await killAtEntry(house, kind, ask);
      const job = await jobAtRest(house.client, id);
      expect(job).toMatchObject({ state: 'proposed', problem: null });
      expect((await getProposal(house.client, job.proposalId ?? '')).document.patch.treeAfter).toBe(tree);
    }
    expect(await wrongAtRest(crash, kinds.length)).toEqual([]);
  });

  it.each(['before', 'after'] as const)(
    'really ends a check that runs on the tree %s the patch, and runs it again',
    async (side) => {
      crash = await crashHouse('sleep 0.7');
      const { house, tree, patch } = crash;
      const { id } = must(await sendPatch(house.client, { repository: 'r', patch }));
      await until('the check runs', async () =>
        Job.parse(must(await house.client.get(`/api/jobs/${id}`))).progress.some(
          (check) => check.side === side && check.status === 'running',
        ),
      );
      // Waits until the sandbox and everything else the daemon had started has ended.
      await house.kill('SIGKILL');
      await house.start();
      const job = await jobAtRest(house.client, id);
      expect(job.attempts).toBe(2);
      expect((await getProposal(house.client, job.proposalId ?? '')).document.patch.treeAfter).toBe(tree);
      expect(house.rows('select kind from ledger where kind = ?', 'job.resumed')).toHaveLength(1);
      expect(await wrongAtRest(crash, 1)).toEqual([]);
    },
  );

  it('carries out a recorded GO and a recorded undo exactly once, whatever was the last entry', async () => {
    crash = await crashHouse();
    const { house, repository, patch } = crash;
    const kinds = ['decision.recorded', 'publication.committed', 'publication.pushed', 'publication.opened'];
    const undoKinds = ['publication.undo_asked', 'publication.closed', 'publication.undone'];
    for (const [index, kind] of [...kinds, ...undoKinds].entries()) {
      const { document } = await propose(house.client, { repository: 'r', patch });
      const go = () => decide(house.client, document);
      const undo = () => house.client.send('POST', `/api/proposals/${document.id}/undo`);
      must(kinds.includes(kind) ? { ok: true, value: await killAtEntry(house, kind, go) } : await go());
      const published = await proposalAtRest(house.client, document.id);
      expect(published).toMatchObject({ state: 'published', publication: { tree: document.patch.treeAfter } });
      expect(repository.git('rev-parse', document.publishing.branch)).toBe(published.publication?.commit);
      must(undoKinds.includes(kind) ? { ok: true, value: await killAtEntry(house, kind, undo) } : await undo());
      expect((await proposalAtRest(house.client, document.id)).state).toBe('undone');
      expect(repository.branches()).toEqual(['main']);
      expect(house.rows('select number, state from pull').at(-1)).toEqual({ number: index + 1, state: 'closed' });
    }
    expect(await wrongAtRest(crash, kinds.length + undoKinds.length)).toEqual([]);
  });

  it('tries a job that takes the daemon down with it three times, and then says so', async () => {
    crash = await crashHouse('sleep 60');
    const { house, patch } = crash;
    const { id } = must(await sendPatch(house.client, { repository: 'r', patch }));
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await until(
        'the job is started',
        () => house.rows('select id from job where attempts = ?', attempt).length === 1,
      );
      await house.kill('SIGKILL');
      await house.start();
    }
    const job = await jobAtRest(house.client, id);
    expect(job).toMatchObject({ state: 'failed', problem: { code: 'internal' } });
    expect(job.problem?.message).toMatch(/ended 3 times .* Nothing was published/);
  });

  it('goes on with a message in words that was accepted and not yet answered', async () => {
    crash = await crashHouse();
    const { house } = crash;
    const [threadId, id] = [randomUUID(), randomUUID()];
    must(await house.client.send('POST', '/api/threads', { id: threadId, title: 'words' }));
    crash.watch.killAt('before', 1);
    const text = 'Please make a.txt say something else';
    await house.client.send('POST', `/api/threads/${threadId}/messages`, { id, text, repository: 'r' });
    await house.gone();
    crash.watch.count();
    await house.start();
    const answer = await until(
      'the answer',
      () => house.rows('select text from message where in_reply_to = ?', id)[0] ?? null,
    );
    expect(answer['text']).toMatch(/no model connected/);
    expect(house.rows('select id from message where thread_id = ?', threadId)).toHaveLength(2);
  });
});

describe('kill -9 of the daemon outside of a job', () => {
  it('starts again with the sample repository, whichever git command of the first start it happens at', async () => {
    const watch = watchGit();
    const environment = { PATH: `${watch.folder}:${process.env['PATH'] ?? ''}` };
    try {
      const house = newHouse(environment);
      let number = 0;
      do {
        number += 1;
        watch.killAt('before', number);
        await house.start().catch((error: unknown) => {
          if (!watch.hasKilled()) throw error;
        });
      } while (watch.hasKilled());
      expect(number).toBeGreaterThan(5);
      expect(house.rows('select name, trouble from repository')).toEqual([{ name: 'sample', trouble: null }]);
      expect(readdirSync(join(house.home, 'forge'))).toEqual(['sample.git']);
      expect(readdirSync(join(house.home, 'mirrors'))).toHaveLength(1);
    } finally {
      watch.remove();
    }
  });

  it('leaves no half-written checkout and no mirror without a repository behind', async () => {
    crash = await crashHouse();
    const { house, watch, patch, repository } = crash;
    watch.killAt('after', 2);
    await house.client.send('POST', '/api/repositories', { name: 'other', url: repository.origin });
    await house.gone();
    watch.count();
    await house.start();
    expect(readdirSync(join(house.home, 'mirrors'))).toHaveLength(house.rows('select id from repository').length);

    await propose(house.client, { repository: 'r', patch });
    const writing = watch.seen().findIndex((command) => command.startsWith('checkout-index '));
    // With other attributes the cached tree does not stand in for this one; it is compared first, which is one command more.
    repository.commit({ 'z.txt': 'more\n', '.gitattributes': '*.txt text\n' });
    watch.killAt('during', writing + 2);
    const { id } = must(await sendPatch(house.client, { repository: 'r', patch }));
    await house.gone();
    watch.count();
    await house.start();
    await jobAtRest(house.client, id);
    const trees = [repository.git('rev-parse', 'main^{tree}'), repository.git('rev-parse', 'main~1^{tree}')];
    expect(readdirSync(join(house.home, 'checkouts')).toSorted()).toEqual(trees.toSorted());
  });
});
