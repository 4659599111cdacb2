import { existsSync, readFileSync } from 'node:fs';
import { constants, getPriority } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { isKnownArchitecture, seccompProgram } from './seccomp.ts';
import { tryAll, tryDirectly, tryOne, World } from './test-kit.ts';

const world = new World();
afterAll(() => world.remove());

describe.each(world.runners())('a step, with the helper run by $name', (runner) => {
  const sandbox = world.sandbox(runner);
  const lower = world.tree({ 'a.txt': 'a' }, runner.uid);

  it('ends with the exact exit code of its command, signals as a shell counts them', async () => {
    const codes = [0, 1, 2, 7, 126, 139, 255];
    const commands = [...codes.map((code) => `exit ${code}`), 'kill -9 $$', 'kill -SEGV $$', '/no/such/program'];
    const tried = await tryAll(sandbox, { lower }, ...commands);
    expect(tried.map(({ exitCode }) => exitCode)).toEqual([...codes, 137, 139, 127]);
    expect(tried.every(({ signal, limit }) => signal === null && limit === null)).toBe(true);
  });

  it('sees nothing of the step before it', async () => {
    const leave = 'touch /ws/left /tmp/left "$HOME/left" /dev/shm/left && rm a.txt';
    const look = 'cat a.txt; find /ws /tmp /dev/shm -name left';
    const [, second] = await tryAll(sandbox, { lower }, leave, look);
    expect(second).toMatchObject({ exitCode: 0, log: 'a' });
  });

  it('has three descriptors: nothing to read, and one pipe that can be opened again', async () => {
    const { log } = await tryOne(
      sandbox,
      { lower },
      'cat; ls /proc/$$/fd; readlink /proc/$$/fd/0; test -p /dev/stdout && echo pipe; echo again > /dev/stderr; ls -d /dev/tty',
    );
    expect(log).toBe('0\n1\n2\n/dev/null\npipe\nagain\n/dev/tty\n');
  });

  it.runIf(existsSync('/bin/bash'))('has no descriptor that whoever started the helper had left open', async () => {
    const nodePath = world.script(`exec bash -c 'exec 200</etc/passwd; exec "$@"' bash ${runner.nodePath} "$@"`);
    const { log } = await tryOne(world.sandbox({ ...runner, nodePath }), { lower }, 'ls /proc/$$/fd');
    expect(log).toBe('0\n1\n2\n');
  });

  it('keeps what was printed on both streams, in order and byte for byte', async () => {
    const bytes = String.raw`\033]0;owned\007\033[2J\r\377\376\000\302`;
    const { logBase64, omittedBytes } = await tryOne(
      sandbox,
      { lower },
      `printf one; printf two >&2; printf '${bytes}'`,
    );
    const expected = Buffer.concat([
      Buffer.from('onetwo\u001b]0;owned\u0007\u001b[2J\r', 'latin1'),
      Buffer.from([0xff, 0xfe, 0x00, 0xc2]),
    ]);
    expect(Buffer.from(logBase64, 'base64')).toEqual(expected);
    expect(omittedBytes).toBe(0);
  });

  it('keeps the head and the tail of a long log', async () => {
    const limits = { logBytes: 1000 };
    const { log, omittedBytes } = await tryOne(sandbox, { lower, limits }, 'seq 1 10000; exit 0');
    const all = Array.from({ length: 10_000 }, (_, index) => `${index + 1}\n`).join('');
    expect(log).toBe(all.slice(0, 500) + all.slice(-500));
    expect(omittedBytes).toBe(all.length - 1000);
  });

  it('shows what is printed while it runs', async () => {
    const shown: string[] = [];
    await tryAll(
      sandbox,
      {
        lower,
        onEvent: (event) =>
          shown.push(event.type === 'output' ? Buffer.from(event.base64, 'base64').toString() : `<${event.step}>`),
      },
      'echo first',
      'echo second',
    );
    expect(shown).toEqual(['<step 0>', 'first\n', '<step 1>', 'second\n']);
  });

  it('stands behind everything else on this machine', async () => {
    const { log } = await tryOne(sandbox, { lower }, 'nice');
    expect(Number(log) - getPriority()).toBe(constants.priority.PRIORITY_BELOW_NORMAL);
  });

  it('has a fixed environment, and the pinned Node and npm', async () => {
    const { log, exitCode } = await tryOne(
      sandbox,
      { lower },
      'env | sort; node --version; npm --version >/dev/null; id -un',
    );
    expect(exitCode).toBe(0);
    expect(log.trim().split('\n')).toEqual([
      'CI=1',
      'HOME=/tmp/home',
      'LANG=C.UTF-8',
      'LOGNAME=run',
      'PATH=/opt/node/bin:/opt/npm-bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'PWD=/ws',
      'SHELL=/bin/sh',
      'TERM=dumb',
      'TMPDIR=/tmp',
      'TZ=UTC',
      'USER=run',
      process.version,
      'run',
    ]);
  });
});

const npmFolder = '/usr/lib/node_modules/npm';

it.skipIf(!existsSync(npmFolder) || !isKnownArchitecture(process.arch))(
  'has the npm that the daemon brings, where the machine has none of its own',
  async () => {
    const filter = seccompProgram(process.arch === 'arm64' ? 'arm64' : 'x64');
    const lower = world.tree({ 'package.json': '{"scripts":{"test":"echo ran"}}' }, 65_534);
    const command = 'command -v npm; command -v npx; npm --version; npm test --silent';
    const log = await tryDirectly({ npmFolder }, filter, lower, command);
    const { version } = JSON.parse(readFileSync(`${npmFolder}/package.json`, 'utf8'));
    expect(log).toBe(`/opt/npm-bin/npm\n/opt/npm-bin/npx\n${version}\nran\n`);
  },
);
