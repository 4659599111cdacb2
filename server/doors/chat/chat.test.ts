import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Message } from '#contract/chat.ts';
import { Job } from '#contract/job.ts';
import { closeHouses, startHouse, type House } from '../../testing/daemon.ts';
import { addRepository, decide, getProposal, jobAtRest, must, proposalAtRest } from '../../testing/owner.ts';
import { makeRepository, removeRepositories, type TestRepository } from '../../testing/repository.ts';
import { until } from '../../testing/wait.ts';

let house: House;
let repository: TestRepository;
let name = '';
let thread = '';
let count = 0;

beforeAll(async () => {
  house = await startHouse();
});
afterAll(closeHouses);
beforeEach(async () => {
  count += 1;
  name = `r${count}`;
  thread = randomUUID();
  repository = makeRepository({ 'a.txt': 'one\ntwo\nthree\n', 'src/basket.js': 'export const total = 0;\n' });
  await addRepository(house.client, { name, url: repository.origin, checks: [{ name: 'true', command: 'true' }] });
  must(await house.client.send('POST', '/api/threads', { id: thread, title: 'A change' }));
});
afterEach(removeRepositories);

const diff = (): string => repository.diff({ 'a.txt': 'one\nTWO\nthree\n' });
const say = (message: object) =>
  house.client.send('POST', `/api/threads/${thread}/messages`, {
    id: randomUUID(),
    repository: name,
    text: '',
    ...message,
  });
const said = async (message: object): Promise<Message> => Message.parse(must(await say(message)));
const now = async (id: string): Promise<Message> => Message.parse(must(await house.client.get(`/api/messages/${id}`)));

describe('a message', () => {
  it.each<[string, (patch: string) => object]>([
    ['as its text', (patch) => ({ text: patch })],
    ['in a code block among words', (patch) => ({ text: `Here you are:\n\n\`\`\`diff\n${patch}\`\`\`\nPlease.` })],
    ['without its "diff --git" line', (patch) => ({ text: patch.slice(patch.indexOf('--- a/')) })],
    [
      'attached, with words beside it',
      (patch) => ({ text: 'Say two loudly', patchBase64: Buffer.from(patch).toString('base64') }),
    ],
  ])('with a diff %s becomes a job, and says how it goes until the owner decides', async (_what, make) => {
    const message = await said(make(diff()));
    expect(['queued', 'running']).toContain(message.state);
    expect(message).toMatchObject({
      author: 'owner',
      jobId: expect.stringMatching(/^job_/),
      patchBytes: expect.any(Number),
    });
    const job = await jobAtRest(house.client, message.jobId ?? '');
    expect(job).toMatchObject({ state: 'proposed', messageId: message.id });
    expect((await now(message.id)).state).toBe('needs_you');
    const { document } = await getProposal(house.client, job.proposalId ?? '');
    must(await decide(house.client, document));
    await proposalAtRest(house.client, document.id);
    expect((await now(message.id)).state).toBe('answered');
  });

  it('whose words stand beside an attached diff gives the job its title', async () => {
    const { jobId } = await said({
      text: 'Say two loudly\nbecause',
      patchBase64: Buffer.from(diff()).toString('base64'),
    });
    expect((await jobAtRest(house.client, jobId ?? '')).title).toBe('Say two loudly');
  });

  it('without words of its own takes the title of the patch, or the files it names', async () => {
    const mail = `From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\nFrom: A <a@b>\nSubject: [PATCH 1/2] Say it\n\n---\n${diff()}`;
    for (const [text, title] of [
      [mail, 'Say it'],
      [diff(), 'Change a.txt'],
      [diff().replaceAll('a.txt', `ghp_${'aB3'.repeat(12)}`), 'Change [masked: GitHub token]'],
    ] as const) {
      const { jobId } = await said({ text });
      expect(Job.parse(must(await house.client.get(`/api/jobs/${jobId}`))).title).toBe(title);
      await jobAtRest(house.client, jobId ?? '');
    }
  });

  it('whose patch is refused is "failed", with the reason in it', async () => {
    const message = await said({ text: diff().replaceAll('a.txt', 'nowhere.txt') });
    await jobAtRest(house.client, message.jobId ?? '');
    expect(await now(message.id)).toMatchObject({
      state: 'failed',
      problem: { code: 'patch_file_missing', file: 'nowhere.txt' },
    });
  });

  it('keeps every byte of an attached diff: CR LF and what is no UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from(diff().replaceAll('\n', '\r\n')), Buffer.from([0xff, 0xfe])]);
    const message = await said({ patchBase64: bytes.toString('base64') });
    const job = await jobAtRest(house.client, message.jobId ?? '');
    expect(job.received.bytes).toBe(bytes.length);
  });

  it.each([
    ['nothing', { text: '' }, 'invalid_body'],
    ['only spaces', { text: '  \n ' }, 'invalid_body'],
    ['an empty attachment', { text: 'x', patchBase64: '' }, 'patch_empty'],
    ['an attachment that is no base64', { text: 'x', patchBase64: '%%%' }, 'invalid_body'],
    ['a diff for a repository that is not there', { text: '--- a/x\n+++ b/x\n', repository: 'nobody' }, 'not_found'],
    ['a diff and no word about the repository', { text: '--- a/x\n+++ b/x\n', repository: null }, 'invalid_body'],
    ['an id that is no id', { id: '1', text: 'x' }, 'invalid_body'],
    ['a key nobody knows', { text: 'x', colour: 'red' }, 'invalid_body'],
  ])('with %s is refused, and not kept', async (_what, message, code) => {
    expect(await say(message)).toMatchObject({ ok: false, why: { code } });
    expect(house.rows('select id from message where thread_id = ?', thread)).toEqual([]);
  });

  it('to a thread that is not there is refused', async () => {
    const lost = { id: randomUUID(), text: 'x' };
    for (const id of [randomUUID(), 'x', '..'])
      expect(await house.client.send('POST', `/api/threads/${encodeURIComponent(id)}/messages`, lost)).toMatchObject({
        why: { code: 'not_found' },
      });
    expect(await house.client.get(`/api/messages/${lost.id}`)).toMatchObject({ why: { code: 'not_found' } });
  });
});

describe('a request in words, with no model connected', () => {
  const answerTo = async (message: object): Promise<Message> => {
    const { id } = await said(message);
    return await until('the answer', async () => {
      const page = must(await house.client.get(`/api/threads/${thread}/messages`)) as { messages: unknown };
      return (
        Message.array()
          .parse(page.messages)
          .find((other) => other.inReplyTo === id) ?? null
      );
    });
  };

  it('gets an honest answer and a prompt with the exact files and the answer format', async () => {
    const answer = await answerTo({ text: 'The total in src/basket.js should be 1' });
    expect(answer).toMatchObject({ author: 'patchgit', state: 'answered', repository: name });
    expect(answer.text).toMatch(/no model connected/);
    expect(answer.text).toMatch(/paste a diff/i);
    expect(answer.text).toContain('`src/basket.js`');
    for (const part of [
      'The total in src/basket.js should be 1',
      'File src/basket.js:\n```\nexport const total = 0;\n```',
      'unified diff',
      repository.git('rev-parse', 'main'),
    ])
      expect(answer.prompt).toContain(part);
  });

  it('that names no repository is asked for one, and still told what always works', async () => {
    const answer = await answerTo({ text: 'Make it faster', repository: null });
    expect(answer).toMatchObject({ prompt: null, repository: null });
    expect(answer.text).toMatch(/Choose the repository .*paste a diff/);
  });

  it('quotes files in a fence that their own backticks cannot end', async () => {
    repository.commit({ 'notes.md': 'before\n````\ninside\n````\nafter\n' });
    must(await house.client.send('POST', `/api/repositories/${name}/fetch`));
    const answer = await answerTo({ text: 'Change notes.md please' });
    expect(answer.prompt).toContain('File notes.md:\n`````\nbefore');
  });

  it('leaves out files that are binary or too long, and keeps the prompt bounded', async () => {
    repository.commit({ 'total.bin': Buffer.from([0, 1, 2]), 'total.txt': 'total\n'.repeat(20_000) });
    must(await house.client.send('POST', `/api/repositories/${name}/fetch`));
    const answer = await answerTo({ text: 'total.bin and total.txt and the total' });
    expect(answer.prompt).not.toMatch(/File total\.(?:bin|txt)/);
    expect(answer.prompt?.length).toBeLessThan(80_000);
  });
});
