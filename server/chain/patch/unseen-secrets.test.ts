import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectId } from '#contract/ids.ts';
import type { SecretReport } from '#contract/patch.ts';
import { changesBetween, renderDiff } from './diff-view.ts';
import { binaryScanBytesMax } from './limits.ts';
import { hideSecrets, secretValues } from './secrets.ts';
import { type Files, git, makeRepository, type Repository, tryPatch } from './testing/repository.ts';
import { addUnseen } from './unseen-secrets.ts';

// Put together here, so that no scanner takes this file for a leak.
const letters = 'aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY'.repeat(3);
const github = `ghp_${letters.slice(0, 36)}`;
const npm = `npm_${letters.slice(0, 36)}`;

let repository: Repository;
beforeAll(() => {
  repository = makeRepository();
});
afterAll(() => repository.remove());

const nothing: SecretReport = { known: true, why: null, found: [] };

async function unseen(before: Files, after: Files, report = nothing): Promise<SecretReport> {
  const [base, tree] = repository.commits(before, after) as [ObjectId, ObjectId];
  const place = { git, gitDir: repository.gitDir };
  return await addUnseen({ ...place, base, tree }, await changesBetween(place, base, tree), report);
}

const zeros = (...parts: readonly string[]): Buffer => Buffer.from(`\0${parts.join('\0')}\0`, 'latin1');

describe('a token in the name of a file', () => {
  it('is reported when the name is new, and masked where the name is shown', async () => {
    const path = `keys/${github}.txt`;
    const report = await unseen({ 'a.txt': 'one\n' }, { 'a.txt': 'one\n', [path]: 'x\n' });
    expect(report).toMatchObject({
      known: true,
      found: [{ path: 'keys/[masked: GitHub token].txt', kind: 'GitHub token in its name', line: 0 }],
    });
    const moved = await unseen({ 'a.txt': 'one\ntwo\n' }, { [path]: 'one\ntwo\n' });
    expect(moved.found).toHaveLength(1);
    expect((await unseen({ [path]: 'x\n' }, { [path]: 'y\n' })).found).toEqual([]);
    expect((await unseen({ 'a.txt': 'x\n', [path]: 'x\n' }, { 'a.txt': 'x\n' })).found).toEqual([]);
  });

  it('is in no refusal and in no repair', async () => {
    const path = `keys/${github}.txt`;
    const base = repository.commit({ [path]: 'one\ntwo\nthree\n' });
    const hunk = `--- a/${path}\n+++ b/${path}\n@@ -1,9 +1,9 @@\n one\n-two\n+2\n three\n`;
    const refused = await tryPatch(repository, base, hunk.replace(' one', ' other'));
    expect(refused).toMatchObject({ ok: false, why: { file: 'keys/[masked: GitHub token].txt' } });
    expect(JSON.stringify(refused)).not.toContain(github);
    const missing = await tryPatch(repository, base, hunk.replaceAll('keys/', 'kes/'));
    expect(missing).toMatchObject({ ok: false, why: { code: 'patch_file_missing' } });
    expect(JSON.stringify(missing)).not.toContain(github);
  });

  it('does not hide the values in its lines from the logs of a later stage', async () => {
    const [base, tree] = repository.commits({ 'a.txt': 'x\n' }, { 'a.txt': 'x\n', [`${github}.env`]: `T=${npm}\n` });
    const place = { git, gitDir: repository.gitDir };
    const diff = await renderDiff(place, base as ObjectId, tree as ObjectId);
    const found = [{ file: 0, kind: 'npm token', from: { line: 0, column: 2 }, to: { line: 0, column: 42 } }];
    const secrets = {
      prepare: () => undefined,
      standDown: async () => undefined,
      find: async () => ({ ok: true, value: { found, more: false } }) as const,
    };
    const hidden = await hideSecrets(secrets, diff);
    expect(hidden.diff.toString()).not.toContain(github);
    const files = await changesBetween(place, base as ObjectId, tree as ObjectId);
    const report = await addUnseen({ ...place, base: base as ObjectId, tree: tree as ObjectId }, files, hidden.report);
    expect(JSON.stringify(report)).not.toContain(github);
    expect(secretValues(diff.text, report)).toEqual([{ name: 'npm token', value: npm }]);
  });
});

describe('a token in a binary file', () => {
  it('is reported when it was not there before, also with two bytes a character and between two pieces', async () => {
    const wide = Buffer.from(`token=${github}`, 'utf16le');
    const edge = Buffer.concat([Buffer.alloc(128 * 1024 - 10), zeros(npm)]);
    const report = await unseen({ 'a.bin': zeros('x') }, { 'a.bin': zeros('x', github), 'w.txt': wide, 'e.bin': edge });
    expect(report.known).toBe(true);
    expect(report.found.map(({ path, kind, line }) => `${path} ${kind} ${line}`)).toEqual([
      'a.bin GitHub token in binary data 0',
      'e.bin npm token in binary data 0',
      'w.txt GitHub token in binary data 0',
    ]);
    expect(JSON.stringify(report)).not.toContain(letters.slice(0, 36));
  });

  it('is not reported when the file had it already, or goes away', async () => {
    const before = { 'a.bin': zeros(github), 'b.bin': zeros(github) };
    expect(await unseen(before, { 'a.bin': zeros('more', github) })).toEqual(nothing);
  });

  it('is not called absent in a file that is too large, and what was found before stays', async () => {
    const large = Buffer.alloc(binaryScanBytesMax + 1);
    const line = { path: 'c', kind: 'npm token', line: 1, lastLine: 1, column: 0, columnEnd: 40 };
    const report = await unseen(
      { a: 'x\n' },
      { a: 'x\n', large, 'small.bin': zeros(github) },
      { ...nothing, found: [line] },
    );
    expect(report).toMatchObject({ known: false, why: expect.stringContaining('"large"') });
    expect(report.found).toHaveLength(2);
    expect(report.found[0]).toEqual(line);
  });
});
