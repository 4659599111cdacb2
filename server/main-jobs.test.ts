import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Message } from '#contract/chat.ts';
import { Job } from '#contract/job.ts';
import { patchBytesMax } from '#contract/patch.ts';
import { closeHouses, startHouse, type House } from './testing/daemon.ts';
import { testBudget } from './testing/budget.ts';
import { addRepository, getProposal, goAndRest, jobAtRest, must, propose, sendPatch } from './testing/owner.ts';
import { descendantsOf } from './testing/processes.ts';
import { makeRepository, removeRepositories, type TestRepository } from './testing/repository.ts';
import { until } from './testing/wait.ts';

let house: House;
let repository: TestRepository;
let name = '';
let count = 0;

beforeAll(async () => {
  house = await startHouse();
});
afterAll(closeHouses);
beforeEach(async () => {
  count += 1;
  name = `r${count}`;
  repository = makeRepository({ 'a.txt': 'one\ntwo\nthree\n' });
  await addRepository(house.client, { name, url: repository.origin, checks: [{ name: 'check', command: 'true' }] });
});
afterEach(removeRepositories);

const patch = (): string => repository.diff({ 'a.txt': 'one\nTWO\nthree\n' });
const send = async (): Promise<Job> => must(await sendPatch(house.client, { repository: name, patch: patch() }));
const getJob = async (id: string): Promise<Job> => Job.parse(must(await house.client.get(`/api/jobs/${id}`)));
const cancel = (id: string) => house.client.send('POST', `/api/jobs/${id}/cancel`);
const checkIs = async (command: string): Promise<void> => {
  must(await house.client.send('PATCH', `/api/repositories/${name}`, { checks: [{ name: 'check', command }] }));
};

async function runningCheck(): Promise<Job> {
  const job = await send();
  await until('the check runs', async () =>
    (await getJob(job.id)).progress.some((check) => check.status === 'running'),
  );
  return job;
}

describe('the serialization lock', () => {
  it('runs one job at a time, in the order in which they were accepted, and says how many are ahead', async () => {
    await checkIs('sleep 0.5');
    const jobs = [await send(), await send(), await send()];
    await until('the first runs', async () => (await getJob(jobs[0]?.id ?? '')).state === 'running');
    expect((await getJob(jobs[1]?.id ?? '')).ahead).toBe(1);
    expect(await getJob(jobs[2]?.id ?? '')).toMatchObject({ state: 'queued', ahead: 2 });
    for (const job of jobs) expect((await jobAtRest(house.client, job.id)).state).toBe('proposed');
    const moves = house
      .rows(`select kind, subject from ledger where kind in ('job.started', 'job.proposed') order by seq`)
      .filter((row) => jobs.some((job) => job.id === row['subject']));
    expect(moves.map((row) => row['kind'])).toEqual(jobs.flatMap(() => ['job.started', 'job.proposed']));
    expect(moves.map((row) => row['subject'])).toEqual(jobs.flatMap((job) => [job.id, job.id]));
  });

  it('lets a queued job be stopped at once, while another one runs on', async () => {
    await checkIs('sleep 0.5');
    const [first, second] = [await send(), await send()];
    expect(Job.parse(must(await cancel(second.id)))).toMatchObject({
      state: 'cancelled',
      problem: { code: 'job_cancelled' },
    });
    expect((await jobAtRest(house.client, first.id)).state).toBe('proposed');
    expect((await getJob(second.id)).attempts).toBe(0);
  });

  it('lets a running job be stopped: its sandbox is really gone, and the next job runs', async () => {
    await checkIs('sleep 600 & sleep 600');
    const first = await runningCheck();
    // It is said to run a moment before its shell has started both.
    await until('both sleep', () => {
      return descendantsOf(house.pid()).filter((seen) => seen.command === 'sleep 600').length === 2;
    });
    must(await cancel(first.id));
    expect(await jobAtRest(house.client, first.id)).toMatchObject({ state: 'cancelled', proposalId: null });
    await until('everything it had started has ended', () => descendantsOf(house.pid()).length === 0);
    expect(await cancel(first.id)).toMatchObject({ why: { code: 'job_not_cancellable' } });
    await checkIs('true');
    expect((await jobAtRest(house.client, (await send()).id)).state).toBe('proposed');
  });

  it('lets GO go before jobs that wait', async () => {
    const proposal = await propose(house.client, { repository: name, patch: patch() });
    await checkIs('sleep 0.5');
    const jobs = [await send(), await send()];
    await goAndRest(house.client, proposal);
    const [published] = house.rows(
      `select seq from ledger where kind = 'publication.opened' and subject = ?`,
      proposal.document.id,
    );
    await jobAtRest(house.client, jobs[1]?.id ?? '');
    const [second] = house.rows(`select seq from ledger where kind = 'job.started' and subject = ?`, jobs[1]?.id ?? '');
    expect(Number(published?.['seq'])).toBeLessThan(Number(second?.['seq']));
    expect(await cancel(proposal.document.jobId)).toMatchObject({ why: { code: 'job_not_cancellable' } });
  });
});

describe('a check that misbehaves', () => {
  const proveWith = async (command: string) => {
    await checkIs(command);
    const { document } = await propose(house.client, { repository: name, patch: patch() });
    const [check] = document.checks;
    if (!check) throw new Error('one check ran');
    return { document, after: check.after };
  };
  const logOf = (digest: string): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const sink = new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          chunks.push(chunk);
          done();
        },
      });
      house.client.stream(`/api/artifacts/${digest}`, sink).then(() => resolve(Buffer.concat(chunks)), reject);
    });

  it('by forking without end is a failure, and the daemon stays', async () => {
    const { after } = await proveWith('while :; do sleep 300 & done');
    expect(after.conclusion).toBe('failure');
    await until('its processes are gone', () => descendantsOf(house.pid()).length === 0);
  });

  it('by filling the disk is a failure that names the limit', async () => {
    const { after } = await proveWith('dd if=/dev/zero of=big bs=1M count=100000 2>/dev/null');
    expect(after.conclusion).toBe('failure');
    expect(after.limit).toMatch(/^(?:disk|memory): \d+ MiB$/);
  });

  it('by printing a gigabyte is ended, and its log is bounded', async () => {
    const { after } = await proveWith('head -c 1073741824 /dev/zero');
    expect(after).toMatchObject({ conclusion: 'failure', limit: 'output: 64 MiB' });
    expect(after.log.bytes).toBeLessThan(1024 * 1024);
    expect(after.log.omittedBytes).toBeGreaterThan(32 * 1024 * 1024);
  });

  it('by printing escape sequences keeps them as bytes in the log, and nowhere else', async () => {
    const { document, after } = await proveWith(String.raw`printf '\033]0;owned\007\033[2J\r\377done\n'`);
    expect(after.conclusion).toBe('success');
    const log = await logOf(after.log.sha256);
    expect(log.toString('latin1')).toBe('\u001B]0;owned\u0007\u001B[2J\r\u00FFdone\n');
    const shown = await house.cli(['show', document.id]);
    expect(shown.code).toBe(0);
    expect(shown.stdout).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/);
  });

  it('by never ending is a timeout that names the limit', async () => {
    const budget = join(house.folder, 'budget.json');
    writeFileSync(budget, JSON.stringify({ ...testBudget, proof: { checkSecondsMax: 1 } }));
    await house.stop();
    await house.start({ PATCHGIT_BUDGET: budget });
    const { after, document } = await proveWith('sleep 600');
    expect(after).toMatchObject({ conclusion: 'timed_out', limit: 'time: 1 s' });
    // It did not end before either, so it is no new failure; but it is no success.
    expect(document.gates.find((gate) => gate.name === 'proof')?.verdict).toBe('warned');
    await house.stop();
    await house.start();
  });
});

describe('two checks of one name', () => {
  it('each keep their own result', async () => {
    const checks = ['false', 'true', 'false'].map((command) => ({ name: 'same', command }));
    must(await house.client.send('PATCH', `/api/repositories/${name}`, { checks }));
    const { document } = await propose(house.client, { repository: name, patch: patch() });
    expect(document.checks.map((check) => [check.name, check.command, check.after.conclusion])).toEqual([
      ['same', 'false', 'failure'],
      ['same (2)', 'true', 'success'],
      ['same (3)', 'false', 'failure'],
    ]);
  });
});

describe('a request that comes twice', () => {
  it('with the same id and the same patch is one job, even at the same moment', async () => {
    const sending = { id: randomUUID(), repository: name, patch: patch() };
    const answers = await Promise.all(Array.from({ length: 10 }, () => sendPatch(house.client, sending)));
    const ids = new Set(answers.map((answer) => must(answer).id));
    expect(ids.size).toBe(1);
    await jobAtRest(house.client, [...ids][0] ?? '');
    expect(must(await sendPatch(house.client, sending)).id).toBe([...ids][0]);
    expect(house.rows('select id from job where request_id = ?', sending.id)).toHaveLength(1);
  });

  it('with the same id and another patch is refused', async () => {
    const id = randomUUID();
    const first = must(await sendPatch(house.client, { id, repository: name, patch: patch() }));
    const other = repository.diff({ 'a.txt': 'other\n' });
    expect(await sendPatch(house.client, { id, repository: name, patch: other })).toMatchObject({
      why: { code: 'id_conflict' },
    });
    await jobAtRest(house.client, first.id);
  });

  it('as a message is one message, one job and one answer', async () => {
    const threadId = randomUUID();
    for (let again = 0; again < 2; again += 1)
      must(await house.client.send('POST', '/api/threads', { id: threadId, title: 't' }));
    const to = `/api/threads/${threadId}/messages`;
    const words = { id: randomUUID(), text: 'Please change a.txt', repository: name };
    const diff = { id: randomUUID(), text: patch(), repository: name };
    for (const message of [words, diff]) {
      const answers = await Promise.all([1, 2, 3].map(() => house.client.send('POST', to, message)));
      expect(new Set(answers.map((answer) => Message.parse(must(answer)).seq)).size).toBe(1);
      expect(await house.client.send('POST', to, { ...message, text: 'changed' })).toMatchObject({
        why: { code: 'id_conflict' },
      });
    }
    const messages = await until('both are answered', async () => {
      const all = Message.array().parse((must(await house.client.get(to)) as { messages: unknown }).messages);
      return all.every((message) => ['answered', 'needs_you'].includes(message.state)) && all.length === 3 && all;
    });
    const answer = messages.find((message) => message.author === 'patchgit');
    expect(answer?.prompt).toContain('Please change a.txt');
    expect(answer?.prompt).toContain('File a.txt:');
    expect(messages.find((message) => message.id === diff.id)).toMatchObject({ state: 'needs_you' });
  });
});

describe('a patch that is none', () => {
  const refusalOf = async (bytes: string | Buffer) => {
    const sent = await sendPatch(house.client, { repository: name, patch: bytes });
    if (!sent.ok) return sent.why;
    const job = await jobAtRest(house.client, sent.value.id);
    expect(job.state).toBe('refused');
    return job.problem;
  };

  it.each<[string, string, () => string | Buffer]>([
    ['empty', 'patch_empty', () => ''],
    ['words', 'patch_not_a_diff', () => 'please change the file\n'],
    [
      'bytes of a program',
      'patch_not_a_diff',
      () => Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 256)),
    ],
    ['cut off in a hunk', 'patch_truncated', () => patch().slice(0, -8)],
    ['for another repository', 'patch_file_missing', () => patch().replaceAll('a.txt', 'src/elsewhere.c')],
    [
      'for other content',
      'patch_does_not_apply',
      () => patch().replaceAll('three', 'drei').replace(' one', ' eins').replace('-two', '-zwei'),
    ],
    ['out of the tree', 'patch_path_outside', () => patch().replaceAll('a.txt', '../a.txt')],
    ['into .git', 'patch_path_git', () => patch().replaceAll('a.txt', '.git/config')],
  ])('(%s) is refused with %s and the place, and nothing is lost', async (_what, code, make) => {
    const why = await refusalOf(make());
    expect(why).toMatchObject({ code });
    expect(why?.message).toMatch(/^[A-Z"][^\n]{10,}/);
    expect(repository.branches()).toEqual(['main']);
  });

  it('because it is 50 MB is refused before it is held in memory, and the daemon goes on answering', async () => {
    const rssBytes = (): number =>
      Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${house.pid()}/status`, 'utf8'))?.[1]) * 1024;
    const before = rssBytes();
    const sending = sendPatch(house.client, { repository: name, patch: Buffer.alloc(50 * 1024 * 1024, 'a') });
    const hello = await house.client.get('/api/hello');
    expect(hello.ok).toBe(true);
    expect(await sending).toMatchObject({ ok: false, why: { code: 'patch_too_large' } });
    expect(rssBytes() - before).toBeLessThan(2 * patchBytesMax);
    expect((await jobAtRest(house.client, (await send()).id)).state).toBe('proposed');
  });
});

describe('a repository that cannot be added', () => {
  const add = (url: string) => house.client.send('POST', '/api/repositories', { name: `x${count}`, url });

  it.each<[string, string, () => string]>([
    ['does not exist', 'repository_not_git', () => join(repository.folder, 'nowhere.git')],
    ['is not git', 'repository_not_git', () => repository.folder],
    ['is empty', 'repository_empty', () => makeRepository(null).origin],
    ['does not answer', 'repository_unreachable', () => 'https://127.0.0.1:9/x.git'],
    ['does not answer over ssh', 'repository_unreachable', () => 'ssh://git@127.0.0.1:9/x.git'],
    ['would run a program', 'repository_url_refused', () => 'ext::sh -c true'],
    ['holds a password', 'repository_url_refused', () => 'https://me:secret@example.com/x.git'],
  ])('because it %s is refused with %s in a sentence, and leaves nothing behind', async (_what, code, url) => {
    const answer = await add(url());
    expect(answer).toMatchObject({ ok: false, why: { code } });
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(house.rows('select id from repository where name = ?', `x${count}`)).toEqual([]);
    expect(readdirSync(join(house.home, 'mirrors'))).toHaveLength(house.rows('select id from repository').length);
  });

  it('because its name is taken is refused, in any letter case', async () => {
    const answer = await house.client.send('POST', '/api/repositories', {
      name: name.toUpperCase(),
      url: repository.origin,
    });
    expect(answer).toMatchObject({ why: { code: 'repository_exists' } });
  });

  it('when it goes away later, jobs go on with what the mirror has, and the trouble is said', async () => {
    renameSync(repository.origin, `${repository.origin}.away`);
    const proposal = await getProposal(
      house.client,
      (await jobAtRest(house.client, (await send()).id)).proposalId ?? '',
    );
    expect(proposal.state).toBe('open');
    const [row] = house.rows('select trouble from repository where name = ?', name);
    expect(row?.['trouble']).toMatch(/no git repository/);
  });
});
