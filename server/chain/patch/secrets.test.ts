import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hardenedGit } from '../../adapters/git.ts';
import { secretScan } from '../../adapters/secret-scan.ts';
import type { ObjectId } from '#contract/ids.ts';
import { SecretReport } from '#contract/patch.ts';
import type { Secrets } from '../../ports.ts';
import { addedLines, renderDiff } from './diff-view.ts';
import { hideSecrets, secretValues } from './secrets.ts';
import { makeRepository, type Repository } from './testing/repository.ts';

// Put together here, so that no scanner takes this file for a leak.
const letters = 'aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY'.repeat(3);
const github = `ghp_${letters.slice(0, 36)}`;
const body = ['MIIBOgIBAAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf', 'xGmDvxUX0Pkx8qWlZmYp2Yq3Zr4As5Bt6Cu7Dv8Ew9Fx'];
const key = ['-----BEGIN RSA PRIVATE ', 'KEY-----\n', body.join('\n'), '\n-----END RSA PRIVATE ', 'KEY-----\n'].join(
  '',
);

const path = process.env['PATH'] ?? '/usr/bin:/bin';
const git = hardenedGit({ path });
const secrets = secretScan({
  nodePath: process.execPath,
  programPath: join(import.meta.dirname, '../../adapters/secret-scan-child.ts'),
  path,
});

let repository: Repository;
let base: ObjectId;
const baseFiles = { 'a.txt': 'one\ntwo\nthree\n', 'old.txt': `token ${github}\n` };

beforeAll(() => {
  repository = makeRepository();
  base = repository.commit(baseFiles);
});
afterAll(() => repository.remove());

async function diffTo(files: Record<string, string | Buffer>): Promise<{ text: Buffer; truncated: boolean }> {
  const after = repository.commit({ ...baseFiles, ...files });
  return await renderDiff({ git, gitDir: repository.gitDir }, base, after);
}

describe('secrets in what a patch adds', () => {
  it('are masked in the rendering, every other byte stays', async () => {
    const content = Buffer.concat([
      Buffer.from(`first\nt = "${github}" # caf\u00e9\n`),
      Buffer.from([0x6c, 0xe9, 0xff, 0x0a]),
      Buffer.from('last'),
    ]);
    const diff = await diffTo({ 'a.txt': content });
    const hidden = await hideSecrets(secrets, diff);
    const expected = diff.text.toString('latin1').replace(github, '[masked: GitHub token]');
    expect(hidden.diff.toString('latin1')).toBe(expected);
    expect(hidden.report).toEqual({
      known: true,
      why: null,
      found: [{ path: 'a.txt', kind: 'GitHub token', line: 2, lastLine: 2, column: 5, columnEnd: 45 }],
    });
    expect(SecretReport.parse(JSON.parse(JSON.stringify(hidden.report)))).toEqual(hidden.report);
    expect(JSON.stringify(hidden.report)).not.toContain(github.slice(4));
  });

  it('are masked where they stand again: in removed lines, context and other files', async () => {
    const diff = await diffTo({ 'old.txt': `moved\n`, 'b \u00e9.env': `TOKEN=${github}\n` });
    const hidden = await hideSecrets(secrets, diff);
    expect(hidden.diff.toString()).not.toContain(github);
    expect(hidden.diff.toString().match(/\[masked: GitHub token\]/g)).toHaveLength(2);
    expect(hidden.report.found.map((found) => found.path)).toEqual(['b \u00e9.env']);
  });

  it('of several lines are masked line by line, and each line is known', async () => {
    const diff = await diffTo({ 'deploy.pem': key });
    const hidden = await hideSecrets(secrets, diff);
    for (const line of body) expect(hidden.diff.toString()).not.toContain(line);
    const rows = hidden.diff.toString().split('\n');
    expect(rows.filter((row) => row === '+[masked: private key]')).toHaveLength(4);
    expect(hidden.values.map(({ value }) => value)).toEqual(body);
    expect(hidden.report.found).toMatchObject([{ path: 'deploy.pem', line: 1, lastLine: 4 }]);
  });

  it('can be found again from the rendering and the report, for the logs of a later stage', async () => {
    const diff = await diffTo({ 'a.txt': `one\ntwo\nthree\n${github}\n`, 'deploy.pem': key });
    const hidden = await hideSecrets(secrets, diff);
    expect(hidden.values).toHaveLength(3);
    expect(secretValues(diff.text, hidden.report)).toEqual(hidden.values);
    expect(secretValues(Buffer.alloc(0), hidden.report)).toEqual([]);
  });

  it('count only where they are added', async () => {
    const diff = await diffTo({ 'old.txt': '' });
    const hidden = await hideSecrets(secrets, diff);
    expect(hidden.report).toEqual({ known: true, why: null, found: [] });
  });

  it('are not called absent when looking failed, and published shapes are masked all the same', async () => {
    const failing: Secrets = {
      prepare: () => undefined,
      standDown: async () => undefined,
      find: async () => ({ ok: false, why: 'It took too long.' }),
    };
    const diff = await diffTo({ 'a.txt': `${github}\n`, 'deploy.pem': key });
    const hidden = await hideSecrets(failing, diff);
    expect(hidden.report).toEqual({ known: false, why: 'It took too long.', found: [] });
    expect(hidden.diff.toString()).not.toContain(github);
    expect(hidden.diff.toString()).not.toContain(body[0]);
    expect(hidden.diff.toString().split('\n')).toHaveLength(diff.text.toString().split('\n').length);
    const long = await diffTo({ 'a.txt': `${'some words\n'.repeat(23_800)}${key}${'more\n'.repeat(60_000)}` });
    const masked = (await hideSecrets(failing, long)).diff.toString();
    expect(masked).not.toContain(body[1]);
    expect(masked.split('\n')).toHaveLength(long.text.toString().split('\n').length);
  });

  it('are not called absent behind the end of a rendering that was cut', async () => {
    const diff = await diffTo({ 'a.txt': 'x\n' });
    const hidden = await hideSecrets(secrets, { ...diff, truncated: true });
    expect(hidden.report).toMatchObject({ known: false, why: expect.stringMatching(/first part/) });
  });

  it('are looked for in lines that look like the headings of a diff', async () => {
    const diff = await diffTo({ 'a.txt': `one\n++ b/other\n@@ -1 +1 @@\ndiff --git a/x b/x\n${github}\ntwo\nthree\n` });
    const hidden = await hideSecrets(secrets, diff);
    expect(hidden.report.found).toMatchObject([{ path: 'a.txt', line: 5 }]);
    expect(addedLines(diff.text).length).toBeGreaterThan(0);
  });
});
