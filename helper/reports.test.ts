import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { frameBytesMax, reportBytesMax, reportPatternsMax, Step } from '#contract/helper-wire.ts';
import { keptLogBytesMax } from './frames.ts';
import { reportSearch } from './report-search.ts';
import { mebibyte, processesWith, tryStep, uniqueWord, World } from './test-kit.ts';

const world = new World();
afterAll(() => world.remove());

describe.each(world.runners())('reports, with the helper run by $name', (runner) => {
  const sandbox = world.sandbox(runner);
  const lower = world.tree({ 'a.txt': 'a', 'kept/r.xml': '<kept/>' }, runner.uid);

  it('are the files that the patterns name, in order, one behind the other, whatever the command says', async () => {
    const command =
      "mkdir -p out/a/b other && printf '<1/>' > out/1.xml && printf '<2/>' > out/a/b/2.xml && printf '<no/>' | tee out/x.txt > other/3.xml; exit 3";
    const reports = ['out/**/*.xml', 'out/1.xml', 'kept/*.xml', 'no/such/folder/*.xml', 'nothing.xml'];
    const tried = await tryStep(sandbox, { lower }, { command, reports });
    expect(tried).toMatchObject({ exitCode: 3, limit: null, reports: '<kept/><1/><2/>', reportsCut: false, log: '' });
  });

  it('are none when there is none, and that is no trouble', async () => {
    const reports = ['**/junit.xml'];
    const tried = await tryStep(sandbox, { lower }, { command: 'echo done', reports });
    expect(tried).toMatchObject({ exitCode: 0, reports: '', reportsCut: false, log: 'done\n' });
  });

  it('leave the exit code as it is, signals and all', async () => {
    const reports = ['r.xml'];
    const left = "printf '<r/>' > r.xml;";
    const commands = [
      'exit 0',
      'exit 1',
      'exit 255',
      'kill -9 $$',
      'kill -SEGV $$',
      "trap '' TERM; kill 0",
      '/no/such',
    ];
    const codes: (number | null)[] = [];
    for (const command of commands) {
      const tried = await tryStep(sandbox, { lower }, { command: `${left} ${command}`, reports });
      expect(tried).toMatchObject({ limit: null, reports: '<r/>', reportsCut: false });
      codes.push(tried.exitCode);
    }
    expect(codes).toEqual([0, 1, 255, 137, 139, 0, 127]);
  });

  it('lead nowhere else: a link is not followed, and what it names is not of this machine anyway', async () => {
    const command = 'ln -s /etc/passwd r.xml; ln -s /etc/hostname s.xml; ln -s /etc folder';
    const reports = ['r.xml', 's.xml', 'folder/passwd', 'folder/shadow', '**/*.xml'];
    const { reports: read } = await tryStep(sandbox, { lower }, { command, reports });
    // A folder on the way may be a link: it leads to the sandbox's own few made files.
    expect(read.replace('<kept/>', '')).toMatch(/^root:x:0:0::\/:\/bin\/false\nrun:x:1000:1000:/);
    expect(read).not.toContain(readFileSync('/etc/passwd', 'utf8').split('\n')[1]);
  });

  it('cannot hang it: neither a fifo, nor a file without end, nor what goes on writing', async () => {
    const word = uniqueWord();
    const command = `mkfifo r.xml; ln -s /dev/zero zero.xml; truncate -s 1T sparse.xml; setsid sh -c 'while :; do echo x >> grows.xml; done; : ${word}' & exit 4`;
    const tried = await tryStep(sandbox, { lower }, { command, reports: ['*.xml'] });
    expect(tried).toMatchObject({ exitCode: 4, limit: null, reportsCut: true });
    expect(Buffer.from(tried.reportsBase64, 'base64').length).toBe(reportBytesMax);
    expect(processesWith(word)).toEqual([]);
  });

  it('are cut when they are too large or cannot all be read', async () => {
    const exact = await tryStep(
      sandbox,
      { lower },
      { command: `head -c ${reportBytesMax} /dev/zero > r.xml`, reports: ['r.xml'] },
    );
    expect([exact.exitCode, exact.reports.length, exact.reportsCut]).toEqual([0, reportBytesMax, false]);
    const over = await tryStep(
      sandbox,
      { lower },
      { command: `head -c ${reportBytesMax + 1} /dev/zero > r.xml`, reports: ['r.xml'] },
    );
    expect([over.exitCode, over.reports.length, over.reportsCut]).toEqual([0, reportBytesMax, true]);
    const closed = 'printf 1 > 1.xml; printf 2 > 2.xml; chmod 000 1.xml; mkdir shut; chmod 000 shut';
    const unreadable = await tryStep(sandbox, { lower }, { command: closed, reports: ['[12].xml', '?.xml', '*.xml'] });
    expect(unreadable).toMatchObject({ exitCode: 0, reports: '2', reportsCut: true });
    for (const pattern of ['shut/*.xml', 'shut/**']) {
      const folder = await tryStep(sandbox, { lower }, { command: closed, reports: [pattern] });
      expect(folder).toMatchObject({ exitCode: 0, reports: '', reportsCut: true });
    }
    const apart = await tryStep(sandbox, { lower }, { command: closed, reports: ['2.xml'] });
    expect(apart).toMatchObject({ exitCode: 0, reports: '2', reportsCut: false });
  });

  it('are not read after a limit, and count as cut then', async () => {
    const command = "printf '<r/>' > r.xml; sleep 300";
    const tried = await tryStep(sandbox, { lower, limits: { wallMs: 500 } }, { command, reports: ['r.xml'] });
    expect(tried).toMatchObject({ exitCode: null, limit: 'wall', reports: '', reportsCut: true });
    const fill = "printf '<r/>' > r.xml; cat /dev/zero > fill; exit 5";
    const small = { diskBytes: 2 * mebibyte };
    const full = await tryStep(sandbox, { lower, limits: small }, { command: fill, reports: ['r.xml'] });
    expect(full).toMatchObject({ exitCode: null, limit: 'disk', reports: '', reportsCut: true });
  });

  it('fit a frame together with the longest log', async () => {
    const command = `head -c ${2 * reportBytesMax} /dev/zero > r.xml; head -c 5000000 /dev/zero`;
    const most = { logBytes: 4 * mebibyte, outputBytes: 16 * mebibyte };
    const tried = await tryStep(sandbox, { lower, limits: most }, { command, reports: ['r.xml'] });
    expect(tried).toMatchObject({ exitCode: 0, reportsCut: true, omittedBytes: 5_000_000 - keptLogBytesMax });
    expect(tried.logBase64.length + tried.reportsBase64.length).toBeLessThan(frameBytesMax - 1024);
  });

  it('are looked for by patterns that are data: no shell and no option is in them', async () => {
    const odd = [
      '$(touch pwned)',
      '`touch pwned`',
      "'; touch pwned; '",
      '-delete',
      '! -x',
      '"',
      '\\',
      ' a  b ',
      '$wanted',
      '[',
      '(a|b)+',
    ];
    const make = odd.map((name) => `printf '%s\\n' found >> ./${shellQuoted(name)}`).join('; ');
    const tried = await tryStep(sandbox, { lower }, { command: make, reports: odd });
    expect(tried).toMatchObject({ exitCode: 0, reports: 'found\n'.repeat(odd.length), reportsCut: false });
    const { log } = await tryStep(sandbox, { lower }, { command: 'ls', reports: odd });
    expect(log).toBe('a.txt\nkept\n');
  });

  it('are handed out through what the command does not get', async () => {
    const command =
      "ls /proc/$$/fd; for fd in 3 7 8 9; do (printf '<forged/>' >&$fd) 2>/dev/null && echo $fd; for pid in 1 2; do (printf '<forged/>e' > /proc/$pid/fd/$fd) 2>/dev/null && echo $pid $fd; done; done; exit 5";
    const tried = await tryStep(sandbox, { lower }, { command, reports: ['none.xml'] });
    expect(tried).toMatchObject({ exitCode: 5, reports: '', reportsCut: false, log: '0\n1\n2\n' });
  });

  it('are looked for in the tree as the command left it, although it ended its own group and the folder it was in', async () => {
    const command = "rm -rf ./* && printf '<r/>' > r.xml && mkdir deep && cd deep && rmdir ../deep && exit 6";
    expect(await tryStep(sandbox, { lower }, { command, reports: ['*.xml'] })).toMatchObject({
      exitCode: 6,
      reports: '<r/>',
      reportsCut: false,
    });
  });
});

describe('a pattern for reports', () => {
  it.each([
    ['junit.xml', 'junit.xml', '\\./junit\\.xml', 0],
    ['a/b/*.xml', 'a/b', '\\./a/b/[^/]*\\.xml', 1],
    ['**/TEST-*.xml', '', '\\./(.*/)?TEST-[^/]*\\.xml', 4096],
    ['build/**', 'build', '\\./build/.*', 4096],
    ['a/**/b/c+d.xml', 'a', '\\./a/(.*/)?b/c\\+d\\.xml', 4096],
    ['*/b/*.xml', '', '\\./[^/]*/b/[^/]*\\.xml', 3],
  ])('%s becomes a search', (pattern, start, name, depthMax) => {
    expect(reportSearch(pattern)).toEqual({ ok: true, value: { start, name, depthMax } });
  });

  it.each(['../x.xml', '/etc/passwd', 'a/../../x', 'a//b', 'a\nb', 'a\0b', '.'])('cannot be %j', (pattern) => {
    expect(reportSearch(pattern)).toMatchObject({ ok: false, why: expect.stringMatching(/below the tree's root/) });
  });

  it('is one of few', () => {
    const reports = Array.from({ length: reportPatternsMax + 1 }, () => 'a.xml');
    expect(Step.safeParse({ name: 'a', command: 'true', reports }).success).toBe(false);
  });
});

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
