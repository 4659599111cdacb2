import { createServer } from 'node:http';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closeHouses, newHouse, startHouse, type CliAnswer, type House } from '../testing/daemon.ts';
import { makeRepository, removeRepositories, type TestRepository } from '../testing/repository.ts';
import { socketClient } from './client.ts';

let house: House;
let repository: TestRepository;
let name = '';
let count = 0;

beforeAll(async () => {
  house = await startHouse();
});
afterAll(closeHouses);
beforeEach(() => {
  count += 1;
  name = `r${count}`;
  repository = makeRepository({ 'a.txt': 'one\ntwo\nthree\n' });
});
afterEach(removeRepositories);

const change = { 'a.txt': 'one\nTWO\nthree\n' };

/** Runs it with --json and holds the exit code. */
async function json(code: number, ...args: string[]): Promise<Record<string, unknown>> {
  const answer = await house.cli([...args, '--json']);
  expect(answer, answer.stderr).toMatchObject({ code });
  expect(answer.json, answer.stdout).not.toBeNull();
  return answer.json as Record<string, unknown>;
}

async function added(...more: string[]): Promise<Record<string, unknown>> {
  return await json(0, 'repo', 'add', repository.origin, '--name', name, ...more);
}

function patchFile(text = repository.diff(change)): string {
  const file = join(repository.folder, 'change.patch');
  writeFileSync(file, text);
  return file;
}

async function proposed(): Promise<Record<string, string>> {
  await added('--check', 'true');
  return (await json(0, 'propose', '--repo', name, '--diff', patchFile(), '--wait')) as Record<string, string>;
}

describe('patchgit repo add and set', () => {
  it('take the set-up of a repository: a command, none, or what its files say', async () => {
    repository.commit({
      'package.json': '{"scripts":{"test":"true"},"dependencies":{"a":"1"}}',
      'package-lock.json': '{}',
    });
    expect(await added('--setup', 'make deps')).toMatchObject({ setUp: 'make deps', detectedSetUp: 'npm ci' });
    expect(await json(0, 'repo', 'set', name, '--setup', 'none')).toMatchObject({ setUp: 'none' });
    expect((await house.cli(['repo', 'check', name])).stdout).not.toMatch(/set-up/);
    expect(await json(0, 'repo', 'set', name, '--setup', '')).toMatchObject({ setUp: null, detectedSetUp: 'npm ci' });
    expect((await house.cli(['repo', 'list'])).stdout).toMatch(/set-up: npm ci/);
    expect((await house.cli(['repo', 'check', name])).stdout).toMatch(
      /Before the checks it runs "npm ci" \(detected\)/,
    );
    await json(1, 'repo', 'set', name, '--setup', ' ');
  });
});

describe('patchgit propose', () => {
  it('prints the whole proposal with its state, and proves with every check of the repository', async () => {
    const checks = ['test -f a.txt', 'grep -q one a.txt'];
    expect(await added('--check', checks[0] ?? '', '--check', checks[1] ?? '')).toMatchObject({
      name,
      url: repository.origin,
      defaultBranch: 'main',
      checks: checks.map((command) => ({ name: command, command, source: 'owner' })),
    });
    const printed = await json(
      0,
      'propose',
      '--repo',
      name,
      '--diff',
      patchFile(),
      '--title',
      'Say two loudly',
      '--wait',
    );
    expect(printed).toMatchObject({
      state: 'proposed',
      title: 'Say two loudly',
      repo: { name },
      base: { ref: 'main', sha: repository.git('rev-parse', 'main') },
      patch: { additions: 1, deletions: 1, files: [{ path: 'a.txt', status: 'modified' }] },
      checks: checks.map((command) => ({
        command,
        before: { conclusion: 'success' },
        after: { conclusion: 'success' },
        newFailures: [],
      })),
      risk: { level: 'low' },
      cost: { spentUsd: 0, projectedUsd: 0 },
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(Object.keys(printed)).toEqual(expect.arrayContaining(['id', 'plan', 'confidence', 'gates']));
  });

  it('takes the diff from standard input, and a base by name', async () => {
    await added('--check', 'true');
    repository.commit({ 'b.txt': 'x\n' }, { branch: 'side' });
    const diff = repository.diff(change);
    const answer = await house.cli(
      ['propose', '--repo', name, '--diff', '-', '--base', 'side', '--wait', '--json'],
      diff,
    );
    expect(answer).toMatchObject({
      code: 0,
      json: { base: { ref: 'side', sha: repository.git('rev-parse', 'side') } },
    });
  });

  it('without --wait says which job it is, and "show" and "cancel" take that id', async () => {
    await added('--check', 'sleep 20');
    const { jobId, state } = await json(0, 'propose', '--repo', name, '--diff', patchFile());
    expect(jobId).toMatch(/^job_/);
    expect(['queued', 'running']).toContain(state);
    expect(await json(0, 'show', String(jobId))).toMatchObject({ id: jobId });
    expect(await json(0, 'cancel', String(jobId))).toMatchObject({ state: 'cancelled' });
    expect(await json(1, 'show', String(jobId))).toMatchObject({ state: 'failed', problem: { code: 'job_cancelled' } });
  });

  it('that is refused exits 1 and prints the problem with file and line', async () => {
    await added('--check', 'true');
    const wrong = repository.diff(change).replace('-two', '-zwei').replace(' three', ' drei');
    expect(await json(1, 'propose', '--repo', name, '--diff', patchFile(wrong), '--wait')).toMatchObject({
      state: 'refused',
      problem: { code: 'patch_does_not_apply', message: expect.any(String), file: 'a.txt', line: expect.any(Number) },
    });
    expect(await json(1, 'propose', '--repo', 'nobody', '--diff', patchFile())).toMatchObject({
      state: 'refused',
      problem: { code: 'not_found' },
    });
    expect(await json(1, 'propose', '--repo', name, '--diff', '/nowhere/x.patch')).toMatchObject({
      problem: { code: 'invalid_body' },
    });
    expect(
      await json(1, 'propose', '--repo', name, '--diff', patchFile(), '--base', 'nobranch', '--wait'),
    ).toMatchObject({
      state: 'refused',
      problem: { code: 'base_not_found' },
    });
  });
});

describe('patchgit go and undo', () => {
  it('prints exactly branch, commit, tree and pull request, the same when asked again, and undo takes it back', async () => {
    const { id = '', digest = '' } = await proposed();
    expect(await json(1, 'go', id, '--digest', 'f'.repeat(64))).toMatchObject({
      problem: { code: 'stale_digest', current: digest },
    });
    expect(repository.branches()).toEqual(['main']);

    const went = await json(0, 'go', id, '--digest', digest);
    const branch = repository.branches().find((other) => other !== 'main') ?? '';
    expect(went).toEqual({
      branch,
      commit: repository.git('rev-parse', branch),
      tree: repository.git('rev-parse', `${branch}^{tree}`),
      pr: { number: 1, url: `/pulls/${name}/1`, state: 'open' },
    });
    expect(await json(0, 'go', id, '--digest', digest)).toEqual(went);
    expect(await json(0, 'show', id)).toMatchObject({ state: 'published', publication: { branch } });
    expect(await json(1, 'reject', id)).toMatchObject({ problem: { code: 'already_decided' } });

    expect(await json(0, 'undo', id)).toMatchObject({ state: 'undone', branch });
    expect(repository.branches()).toEqual(['main']);
    // GO on what was undone is no second GO, and does not say that it was published.
    expect(await json(1, 'go', id, '--digest', digest)).toMatchObject({ problem: { code: 'already_decided' } });
  });

  it('reject and revise close the proposal, and GO is refused afterwards', async () => {
    for (const decision of ['reject', 'revise']) {
      const { id = '', digest = '' } = (await (decision === 'reject'
        ? proposed()
        : json(0, 'propose', '--repo', name, '--diff', patchFile(), '--wait'))) as Record<string, string>;
      expect(await json(1, decision, id, '--digest', 'f'.repeat(64))).toMatchObject({
        problem: { code: 'stale_digest' },
      });
      expect(await json(0, decision, id, '--note', 'not like this')).toEqual({
        id,
        state: decision === 'reject' ? 'rejected' : 'superseded',
      });
      expect(await json(1, 'go', id, '--digest', digest)).toMatchObject({ problem: { code: 'already_decided' } });
      expect(await json(1, 'undo', id)).toMatchObject({ problem: { code: 'not_published' } });
    }
  });

  it('of something that is not there exit 1', async () => {
    expect(await json(1, 'go', 'prop_000000000000', '--digest', 'f'.repeat(64))).toMatchObject({
      problem: { code: 'not_found' },
    });
    expect(await json(1, 'undo', '../../etc')).toMatchObject({ problem: { code: 'not_found' } });
    expect(await json(1, 'go', 'prop_000000000000', '--digest', 'short')).toMatchObject({
      problem: { code: 'invalid_body' },
    });
  });
});

describe('the other commands', () => {
  it('each answer with JSON and exit code 0', async () => {
    await added();
    const shapes: [string[], unknown][] = [
      [['status'], { lock: { waiting: 0 }, repositories: expect.any(Array), integrations: expect.any(Array) }],
      [['doctor'], { ok: true }],
      [['budget'], { hour: { capUsd: expect.any(Number), leftUsd: expect.any(Number) }, reservations: [] }],
      [['repo', 'list'], expect.arrayContaining([expect.objectContaining({ name })])],
      [['repo', 'check', name], { repository: { name }, findings: expect.any(Array) }],
      [['repo', 'fetch', name], { name, trouble: null }],
      [['audit', 'list', '--limit', '3'], { entries: expect.any(Array), more: true }],
      [['audit', 'verify'], { ok: true, entries: expect.any(Number) }],
      [['helper', 'status'], { state: 'none' }],
      [['helper', 'destroy'], { state: 'none' }],
      [['device', 'add'], { url: expect.stringMatching(/^http:\/\/.*#/), expiresAtMs: expect.any(Number) }],
      [['pin', 'reset'], { url: expect.stringMatching(/#/), expiresAtMs: expect.any(Number) }],
      [['update'], { steps: expect.any(Array) }],
    ];
    for (const [args, shape] of shapes) {
      const printed = await json(0, ...args);
      if (Array.isArray(printed)) expect(printed).toEqual(shape);
      else expect(printed).toMatchObject(shape as object);
    }
    expect(await json(0, 'device', 'list')).toEqual([]);
    expect(await json(0, 'repo', 'remove', name)).not.toMatchObject({ repositories: [{ name }] });
    expect(await json(1, 'repo', 'check', name)).toMatchObject({ problem: { code: 'not_found' } });
    expect(await json(1, 'helper', 'bake')).toMatchObject({ problem: { code: 'not_configured' } });
  });

  it('"repo set" changes the checks and the author, and the next commit is by that author', async () => {
    await added();
    const set = await json(0, 'repo', 'set', name, '--check', 'true', '--author', 'Ada Lovelace <ada@example.org>');
    expect(set).toMatchObject({
      checks: [{ command: 'true', source: 'owner' }],
      author: { name: 'Ada Lovelace', email: 'ada@example.org' },
    });
    const proposal = await json(0, 'propose', '--repo', name, '--diff', patchFile(), '--wait');
    const { commit } = await json(0, 'go', String(proposal['id']), '--digest', String(proposal['digest']));
    expect(repository.git('show', '-s', '--format=%an <%ae>', String(commit))).toBe('Ada Lovelace <ada@example.org>');
    expect(await json(0, 'repo', 'set', name, '--check', '', '--author', '')).toMatchObject({
      checks: null,
      author: null,
    });
    expect(await house.cli(['repo', 'set', name, '--author', 'nobody'])).toMatchObject({ code: 2 });
  });

  it('export the ledger as one JSON object a line, oldest first', async () => {
    const { code, stdout } = await house.cli(['audit', 'export']);
    expect(code).toBe(0);
    const entries = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq: number });
    expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_, index) => index + 1));
  });

  it('used wrongly exit 2 and say how, on standard error', async () => {
    const wrong = [
      ['nonsense'],
      ['repo', 'add', '/x'],
      ['propose', '--repo', name],
      ['go', 'prop_1'],
      ['show'],
      ['status', '--colour'],
      ['undo'],
    ];
    const answers: CliAnswer[] = await Promise.all(wrong.map((args) => house.cli(args)));
    for (const answer of answers) {
      expect(answer).toMatchObject({ code: 2, stdout: '' });
      expect(answer.stderr).toMatch(/^patchgit: .+\nSee "patchgit --help"\.\n$/);
    }
    expect(await house.cli(['--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Usage: patchgit COMMAND'),
    });
  });

  it('say clearly that the daemon is not running', async () => {
    const stopped = newHouse();
    const answer = await stopped.cli(['status']);
    expect(answer).toMatchObject({ code: 1, stdout: '' });
    expect(answer.stderr).toMatch(
      /^patchgit: patchgit is not running on this data folder .* Start it with "npm start"/,
    );
    expect(await stopped.cli(['status', '--json'])).toMatchObject({
      code: 1,
      json: { problem: { code: 'not_configured' } },
    });
    await stopped.close();
  });

  it('say so when the daemon ends in the middle of an answer', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"half":', () => response.destroy());
    });
    const socket = join(house.folder, 'half.sock');
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const answer = await socketClient(socket).get('/api/state');
    expect(answer).toMatchObject({
      ok: false,
      why: { message: expect.stringMatching(/^The daemon ended the connection/) },
    });
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('the record, from outside', () => {
  it('is verified by "audit verify", which names the row that was changed behind our back', async () => {
    await added();
    await house.stop();
    const sqlite = new Sqlite(join(house.home, 'patchgit.db'));
    const triggers = sqlite
      .prepare<[], { name: string; sql: string }>(`select name, sql from sqlite_master where type = 'trigger'`)
      .all();
    const before = sqlite.prepare('select body from ledger where seq = 2').pluck().get();
    expect(() => sqlite.exec(`update ledger set body = '{}' where seq = 2`)).toThrow(/append-only/);
    for (const trigger of triggers) sqlite.exec(`drop trigger ${trigger.name}`);
    sqlite.exec(`update ledger set body = '{"changed":true}' where seq = 2`);
    sqlite.close();
    await house.start();
    expect(await json(1, 'audit', 'verify')).toMatchObject({
      ok: false,
      firstBad: { seq: 2, why: 'entry 2 was changed after it was written' },
    });
    expect(await json(1, 'doctor')).toMatchObject({ ok: false });
    await house.stop();
    const mended = new Sqlite(join(house.home, 'patchgit.db'));
    mended.prepare('update ledger set body = ? where seq = 2').run(before);
    mended.exec(triggers.map((trigger) => `${trigger.sql};`).join('\n'));
    mended.exec('update ledger_head set (seq, hash) = (select seq, hash from ledger order by seq desc limit 1)');
    mended.close();
    await house.start();
    expect(await json(0, 'audit', 'verify')).toMatchObject({ ok: true });
  });

  it('is backed up while the daemon runs, and restored into an empty home with everything in it', async () => {
    const { id = '', digest = '' } = await proposed();
    const folder = join(house.folder, `backup-${count}`);
    expect(await json(0, 'backup', folder)).toMatchObject({ folder, bytes: expect.any(Number) });
    expect(await json(1, 'backup', folder)).toMatchObject({ problem: { code: 'invalid_body' } });
    expect(await json(1, 'restore', folder)).toMatchObject({ problem: { code: 'repository_in_use' } });
    const restored = newHouse();
    expect(await restored.cli(['restore', folder, '--json'])).toMatchObject({ code: 0 });
    expect(await restored.cli(['restore', folder, '--json'])).toMatchObject({
      code: 1,
      json: { problem: { code: 'repository_exists' } },
    });
    await restored.start();
    expect(await restored.cli(['audit', 'verify', '--json'])).toMatchObject({ code: 0, json: { ok: true } });
    expect(await restored.cli(['show', id, '--json'])).toMatchObject({ code: 0, json: { id, digest, state: 'open' } });
    // Mirrors are not in a backup: they are fetched again.
    expect(await restored.cli(['go', id, '--digest', digest, '--json'])).toMatchObject({
      code: 0,
      json: { pr: { number: 1 } },
    });
    expect(restored.rows('select id from install')).not.toEqual(house.rows('select id from install'));
    await restored.close();
  });
});

describe('patchgit apply', () => {
  it('changes a working tree exactly or not at all, without any daemon', async () => {
    const offline = newHouse();
    const clone = join(repository.folder, 'clone');
    const patch = patchFile();
    expect(await offline.cli(['apply', clone, patch, '--json'])).toMatchObject({
      code: 0,
      json: { files: expect.any(Array) },
    });
    expect(readFileSync(join(clone, 'a.txt'), 'utf8')).toBe(change['a.txt']);
    expect(await offline.cli(['apply', clone, patch, '--json'])).toMatchObject({
      code: 1,
      json: { problem: { code: expect.stringMatching(/^patch_/) } },
    });
    await offline.close();
  });
});
