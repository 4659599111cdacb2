import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '..');
const script = join(root, 'scripts/provision.sh');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const run = (words: readonly string[], input = ''): ReturnType<typeof spawnSync> =>
  spawnSync('sh', [script, ...words], { input, encoding: 'utf8' });

it('brings the Node that is locked, and knows it by a digest', () => {
  const { dependencies } = z
    .object({ dependencies: z.record(z.string(), z.string()) })
    .parse(JSON.parse(read('package.json')));
  const program = read('scripts/provision/program.sh');
  expect(program).toContain(`\nnode_version=${dependencies['node']}\n`);
  expect(program.match(/^(?:node|npm)_sha512=[0-9a-f]{128}$/gm)).toHaveLength(2);
});

it('is a shell script in all its parts, and installs every unit there is', () => {
  const parts = readdirSync(join(root, 'scripts/provision')).map((name) => join(root, 'scripts/provision', name));
  for (const path of [script, ...parts]) {
    expect(spawnSync('sh', ['-n', path], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  }
  // Named as users by the units, and as units by each other.
  const units = readdirSync(join(root, 'systemd')).map((name) => read(join('systemd', name)));
  const users = units.join('\n').match(/(?<=^(?:User|SupplementaryGroups|SocketUser)=).+$/gm) ?? [];
  const made = /for user in (.+); do/.exec(read('scripts/provision/machine.sh'))?.[1]?.split(' ') ?? [];
  expect(made).toEqual(expect.arrayContaining([...new Set(users)]));
});

it('says what it does and takes, without being root', () => {
  const { status, stdout } = run(['--help']);
  expect(status).toBe(0);
  for (const option of ['--check', '--firewall', '--local-repositories', '--token NAME=FILE']) {
    expect(stdout).toContain(`  ${option} `);
  }
});

it.each([
  [['--chekc'], 'There is no option "--chekc"'],
  [['--token'], '--token needs NAME=FILE'],
  [['--token', 'digitalocean'], 'never an argument'],
  [['--token', 'gitlab=/dev/null'], 'There is no token "gitlab"'],
])('a mistake on the command line is one sentence, and code 2: %j', (words, sentence) => {
  const { status, stderr } = run(words);
  expect(status).toBe(2);
  expect(stderr).toContain(sentence);
});

it.each([
  ['an empty one', '', 'There is no token'],
  ['one that would be another setting as well', 'abc" X=y', 'is no token'],
  ['one with a character that systemd reads as more', 'abc$HOME', 'is no token'],
])('a token that cannot be one is refused before anything is done: %s', (_, token, sentence) => {
  const { status, stdout, stderr } = run(['--token', 'digitalocean=-'], token);
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toContain(sentence);
  if (token !== '') expect(stderr).not.toContain(token);
});
