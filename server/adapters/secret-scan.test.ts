import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { SecretPlace } from '../ports.ts';
import { secretScan } from './secret-scan.ts';

// Put together here, so that no scanner takes this file for a leak.
const password = ['q7Vz0LmR3x', 'T9bKw2'].join('');
const face = ['hf_', 'abcdefghijklmnopqrstuvwxyzABCDEFGH'].join('');
const letters = 'aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY'.repeat(9);
const github = `ghp_${letters.slice(0, 36)}`;

const folder = mkdtempSync(join(tmpdir(), 'patchgit-secrets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const options = {
  nodePath: process.execPath,
  programPath: join(import.meta.dirname, 'secret-scan-child.ts'),
  path: process.env['PATH'] ?? '/usr/bin:/bin',
};
const secrets = secretScan(options);

async function find(files: Record<string, string>): Promise<readonly SecretPlace[]> {
  const answer = await secrets.find(Object.entries(files).map(([path, text]) => ({ path, lines: text.split('\n') })));
  if (!answer.ok) throw new Error(answer.why);
  return answer.value.found;
}
const kinds = async (files: Record<string, string>): Promise<string[]> =>
  (await find(files)).map(({ file, kind }) => `${Object.keys(files)[file]}: ${kind}`);

/** A program in the place of the real one. */
function fake(name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, source);
  return path;
}

describe('looking for secrets', () => {
  it('says file, line and columns of what it finds, and never the value', async () => {
    const found = await find({ 'a.ts': 'nothing', 'src/b.ts': `one\nconst t = "${github}";\ntwo` });
    expect(found).toEqual([
      { file: 1, kind: 'GitHub token', from: { line: 1, column: 11 }, to: { line: 1, column: 51 } },
    ]);
  });

  it('knows what the preset knows, and published shapes beside it', async () => {
    expect(
      await kinds({
        'a.py': `TOKEN = "dop_v1_${'0123456789abcdef'.repeat(4)}"`,
        'b.js': `postgres("postgres://app:s3cretpw@db.example.org/x")`,
        'c.env': `aws_secret_access_key = "${letters.slice(0, 40)}"`,
        '.npmrc': `//registry.npmjs.org/:_authToken=${letters.slice(0, 36)}`,
        'd.yml': `hook: https://hooks.slack.com/services/T00000000/B00000000/${letters.slice(0, 24)}`,
        'e.txt': face,
        'f.ts': `const password = "${password}";`,
      }),
    ).toEqual([
      'a.py: DigitalOcean token',
      'b.js: password in an address',
      'c.env: AWS key',
      '.npmrc: npm token',
      'd.yml: Slack token',
      'e.txt: Hugging Face token',
      'f.ts: password',
    ]);
  });

  it('finds a token that is split over strings or lines, or hidden in base64', async () => {
    expect(
      await kinds({
        'plus.js': `a = "${github.slice(0, 9)}" + "${github.slice(9)}"`,
        'lines.py': `a = ("${github.slice(0, 20)}"\n     "${github.slice(20)}")`,
        'secret.yml': `data:\n  token: ${Buffer.from(github).toString('base64')}`,
      }),
    ).toEqual(['plus.js: GitHub token', 'lines.py: GitHub token', 'secret.yml: GitHub token']);
    const [found] = await find({ 'lines.py': `a = ("${github.slice(0, 20)}"\n     "${github.slice(20)}")` });
    expect([found?.from, found?.to]).toEqual([
      { line: 0, column: 6 },
      { line: 1, column: 26 },
    ]);
  });

  it('is not switched off by comments in the patch', async () => {
    const plain = `const t = "${github}";`;
    for (const comment of ['secretlint-disable', 'secretlint-disable-line', 'secretlint-disable-next-line']) {
      expect(await kinds({ 'a.ts': `// ${comment}\n${plain} // ${comment}` }), comment).toEqual(['a.ts: GitHub token']);
    }
    const byPresetOnly = `k: ${face} https://hooks.slack.com/services/T00000000/B00000000/${letters.slice(0, 24)}`;
    expect(await kinds({ 'a.yml': `# secretlint-disable\n${byPresetOnly}` })).toHaveLength(2);
  });

  it('leaves documented examples, placeholders and what is in tests alone', async () => {
    expect(
      await kinds({
        'a.md': 'AKIAIOSFODNN7EXAMPLE and https://user:${password}@host and wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
        'b.ts': 'const password = "change-me-please-1"; const secret = process.env["SECRET_OF_THE_HOUSE_1"];',
        'c.test.ts': `const password = "${password}";`,
        'd.json': `{"integrity": "sha512-${letters.slice(0, 86)}=="}`,
        'e.html': '<input name="password" autocomplete="current-password" id="password-field-1">',
      }),
    ).toEqual([]);
  });

  it('reads no file that the patch names', async () => {
    expect(await kinds({ 'etc/x.p12': 'text', '../../../x.p12': github })).toEqual(['../../../x.p12: GitHub token']);
  });

  it('says that nothing is known when the program takes too long, asks for all memory, fails or babbles', async () => {
    const one = [{ path: 'a', lines: ['x'] }];
    const cases: [string, RegExp][] = [
      [fake('slow.cjs', 'for (;;);'), /took longer than 0.5 seconds/],
      [fake('fails.cjs', 'process.exit(1)'), /ended before it was done/],
      [fake('babbles.cjs', `process.stdout.write('x'.repeat(3e6))`), /more than it can have to say/],
      [fake('wrong.cjs', `console.log('{"found":[{"file":0,"value":"x"}]}')`), /is none/],
      [fake('not-json.cjs', `console.log('{')`), /is none/],
      [join(folder, 'missing.cjs'), /ended before it was done/],
    ];
    for (const [programPath, why] of cases) {
      const answer = await secretScan({ ...options, programPath, wallMs: 500 }).find(one);
      expect(answer, programPath).toEqual({ ok: false, why: expect.stringMatching(why) });
    }
    const greedy = [
      fake('heap.cjs', 'const a = []; for (;;) a.push(new Array(1e5).fill(1.5));'),
      fake('beside.cjs', 'const a = []; for (;;) a.push(Buffer.alloc(1e7, 1));'),
    ];
    for (const programPath of greedy) {
      const answer = await secretScan({ ...options, programPath, heapMebibytes: 32 }).find(one);
      expect(answer).toEqual({ ok: false, why: expect.stringMatching(/ended before it was done/) });
    }
    const none = await secretScan({ ...options, nodePath: '/nonexistent/node' }).find(one);
    expect(none.ok).toBe(false);
    expect((await secrets.find(one, AbortSignal.abort())).ok).toBe(false);
  });

  it('gives the program no way to write, to start something or to be told secrets of ours', async () => {
    const canary = join(folder, 'canary');
    const programPath = fake(
      'curious.cjs',
      `const said = [];
       for (const attempt of [
         () => require('node:fs').writeFileSync(${JSON.stringify(canary)}, 'x'),
         () => require('node:child_process').execSync('true'),
         () => new (require('node:worker_threads').Worker)('1', { eval: true }),
       ]) { try { attempt(); said.push('did'); } catch { said.push('not'); } }
       if (Object.keys(process.env).join() !== 'PATH') said.push(Object.keys(process.env).join());
       if (said.join() !== 'not,not,not') process.exit(1);
       console.log(JSON.stringify({ found: [], more: false }));`,
    );
    expect(await secretScan({ ...options, programPath }).find([{ path: 'a', lines: ['x'] }])).toEqual({
      ok: true,
      value: { found: [], more: false },
    });
  });

  it('is done with a patch of the largest size in time', async () => {
    const line = 'export const value = compute(some.thing["key"], 12345) + "text of a line that goes on for a while";';
    const lines = Array.from({ length: 80_000 }, (_, at) => (at === 79_999 ? github : line));
    const answer = await secrets.find([{ path: 'big.ts', lines }]);
    expect(answer).toMatchObject({ ok: true, value: { found: [{ from: { line: 79_999, column: 0 } }] } });
  });
});
