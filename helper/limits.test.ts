import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mebibyte, ownHelpers, processesWith, tryAll, tryOne, uniqueWord, World } from './test-kit.ts';

const world = new World();
afterAll(() => world.remove());

describe.each(world.runners())('a limit, with the helper run by $name', (runner) => {
  const sandbox = world.sandbox(runner);
  const lower = world.tree({ 'a.txt': 'a' }, runner.uid);
  /** Whether the kernel counts processes and memory here, or only the helper does. */
  let counted = false;
  beforeAll(async () => {
    const { isolation } = await sandbox.inspect();
    counted = isolation.some((sentence) => /control group limits memory, pids/.test(sentence));
  });

  it('ends a command that hangs, whatever signals it ignores', async () => {
    const word = uniqueWord();
    const limits = { wallMs: 300 };
    const command = `trap '' TERM INT HUP; echo before; setsid sh -c 'sleep 300; : ${word}' & while :; do sleep 1; done`;
    const [hung, next] = await tryAll(sandbox, { lower, limits }, command, 'echo next');
    expect(hung).toMatchObject({ exitCode: null, signal: null, limit: 'wall', log: 'before\n' });
    expect(hung?.durationMs).toBeGreaterThanOrEqual(300);
    expect(processesWith(word)).toEqual([]);
    expect(next).toMatchObject({ exitCode: 0, limit: null, log: 'next\n' });
  });

  it('ends a command that takes memory without end', async () => {
    const limits = { memoryBytes: 96 * mebibyte };
    const command = "node -e 'const all = []; for (;;) all.push(Buffer.alloc(1024 * 1024, 1))'";
    expect(await tryOne(sandbox, { lower, limits }, command)).toMatchObject({ exitCode: null, limit: 'memory' });
  });

  it('counts memory that many processes take together', async () => {
    const limits = { memoryBytes: 96 * mebibyte };
    const each = `perl -e '$x = "x" x 20000000; sleep 60'`;
    const command = `for i in 1 2 3 4 5 6 7 8; do ${each} & done; wait; exit 9`;
    expect(await tryOne(sandbox, { lower, limits }, command)).toMatchObject({ exitCode: null, limit: 'memory' });
  });

  it('counts memory that is hidden in files', async () => {
    const limits = { memoryBytes: 64 * mebibyte, diskBytes: 200 * mebibyte };
    const command = 'dd if=/dev/zero of=/ws/big bs=1M count=150 2>/dev/null; sleep 60';
    expect(await tryOne(sandbox, { lower, limits }, command)).toMatchObject({ exitCode: null, limit: 'memory' });
  });

  it('refuses forks beyond the number of processes', async () => {
    const limits = { processes: 20 };
    const command = 'i=0; while [ $i -lt 60 ]; do sleep 30 & i=$((i + 1)); echo $i; done';
    const { exitCode, limit, log } = await tryOne(sandbox, { lower, limits }, command);
    expect({ exitCode, limit }).toEqual(
      counted ? { exitCode: null, limit: 'processes' } : { exitCode: 2, limit: null },
    );
    expect(Number(/^\d+(?=\n\D)/m.exec(log)?.[0])).toBe(19);
  });

  it('outlasts a fork bomb and leaves nothing of it', async () => {
    const word = uniqueWord();
    const limits = { processes: 40, wallMs: 1000 };
    // A shell would end at its first fork that is refused, and other tests have processes of this user too.
    const command = `perl -e 'fork while 1; # ${word}'`;
    expect(await tryOne(sandbox, { lower, limits }, command)).toMatchObject({ exitCode: null, limit: 'wall' });
    expect(processesWith(word)).toEqual([]);
  });

  it('bounds every place that can be written', async () => {
    const limits = { diskBytes: 4 * mebibyte, tmpBytes: 2 * mebibyte };
    const fill = (place: string): string => `dd if=/dev/zero of=${place}/fill bs=64k; stat -c %s ${place}/fill; exit 5`;
    const [work, temporary, shared, all] = await tryAll(
      sandbox,
      { lower, limits },
      fill('/ws'),
      fill('/tmp'),
      fill('/dev/shm'),
      'for place in / /dev /run /var /etc /opt /proc /dev/pts /usr; do dd if=/dev/zero of=$place/fill bs=64k && echo $place; done 2>/dev/null; exit 5',
    );
    for (const [tried, bytes] of [
      [work, limits.diskBytes],
      [temporary, limits.tmpBytes],
      [shared, limits.tmpBytes],
    ] as const) {
      expect(tried).toMatchObject({ exitCode: null, limit: 'disk', log: expect.stringContaining('No space left') });
      expect(Number(tried?.log.trim().split('\n').at(-1))).toBeLessThanOrEqual(bytes);
    }
    expect(all).toMatchObject({ exitCode: 5, limit: null, log: '' });
  });

  it('bounds the number of files as well as their size', async () => {
    const limits = { diskBytes: 4 * mebibyte, wallMs: 60_000 };
    const command = (place: string): string =>
      `perl -e 'for (1..500000) { open(F, ">", "${place}/$_") or die "$_ $!"; close(F) }'`;
    const tried = await tryAll(sandbox, { lower, limits }, command('/ws'), command('/tmp'));
    expect(tried.map(({ exitCode, limit }) => ({ exitCode, limit }))).toEqual([
      { exitCode: null, limit: 'disk' },
      { exitCode: null, limit: 'disk' },
    ]);
  });

  it('ends a command that prints without end, in memory that does not grow', async () => {
    const limits = { outputBytes: 300_000_000, logBytes: 64 * 1024, wallMs: 30_000 };
    const peaks: number[] = [];
    const onEvent = (): void => {
      for (const pid of ownHelpers()) {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        const peak = /^VmHWM:\s+(\d+)/m.exec(status)?.[1];
        if (peak !== undefined) peaks.push(Number(peak) * 1024);
      }
    };
    const { exitCode, limit, log, omittedBytes } = await tryOne(sandbox, { lower, limits, onEvent }, 'yes');
    expect({ exitCode, limit, bytes: log.length }).toEqual({ exitCode: null, limit: 'output', bytes: limits.logBytes });
    expect(omittedBytes).toBeGreaterThan(limits.outputBytes - limits.logBytes);
    const [first = 0] = peaks;
    expect(peaks.length).toBeGreaterThan(1);
    // What is printed would not fit; what a young heap takes on its way does.
    expect(Math.max(...peaks) - first).toBeLessThan(limits.outputBytes / 3);
  });

  it('bounds what is shown while it runs', async () => {
    let bytes = 0;
    const limits = { outputBytes: 200_000_000 };
    await tryOne(
      sandbox,
      { lower, limits, onEvent: (event) => (bytes += event.type === 'output' ? event.base64.length : 0) },
      'yes',
    );
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(2 * mebibyte);
  });

  it('is no verdict when it leaves no memory for the sandbox itself', async (context) => {
    if (!counted) context.skip('The kernel does not count memory here.');
    const limits = { memoryBytes: 64 * 1024 };
    await expect(tryOne(sandbox, { lower, limits }, 'true')).rejects.toThrow(/could not be set up/);
  });
});
