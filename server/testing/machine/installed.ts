/** patchgit on a machine of its own, laid out as on a droplet: the clone in /opt, the unit, its user, its data folder. */
import { join } from 'node:path';
import { HelperFrame, helperProtocol, type Assignment, type StepOutcome } from '#contract/helper-wire.ts';
import { until } from '../wait.ts';
import { bootMachine, type Machine } from './machine.ts';
import type { Ran } from './run.ts';

interface Installing {
  /** The clone, built. */
  readonly root: string;
  /** What stands in /etc/patchgit/environment. */
  readonly environment?: string;
}

export interface Installed {
  readonly machine: Machine;
  /** Whether this host's control groups can be handed to a unit at all. */
  readonly holdsLimits: boolean;
  /** The command, as root over the socket. */
  readonly patchgit: (words: readonly string[], stdin?: string) => Promise<Ran>;
  /** Adds a repository that the daemon's user can read, with one commit and one check. */
  readonly addRepository: (
    name: string,
    files: Readonly<Record<string, string>>,
    check: string,
    more?: readonly string[],
  ) => Promise<void>;
  readonly branches: (name: string) => Promise<string[]>;
  /** Hands one command to the helper behind the socket of `patchgit-run`, as `user` (the daemon's). */
  readonly askHelper: (request: HelperRequest, user?: string) => Promise<HelperAnswer>;
  /** Has daemon and helpers start in a user namespace whose own limit of user namespaces is 0: what the setting does to a host. */
  readonly forbidUserNamespaces: () => Promise<void>;
  /** Waits until the daemon answers. */
  readonly answers: () => Promise<void>;
  readonly close: () => Promise<void>;
}

interface HelperRequest {
  readonly lower: string;
  readonly command: string;
}

interface HelperAnswer {
  readonly ready: { readonly isolation: readonly string[]; readonly missing: readonly string[] };
  readonly outcomes: readonly StepOutcome[];
  readonly log: string;
  /** Why there was no conversation; empty if there was one. */
  readonly refused: string;
}

const users = ['patchgit', 'patchgit-run'];
/** The one place outside its data folder that the unit may write to. */
const repositories = '/srv/git';
/** Where an administrator puts units. */
const units = '/etc/systemd/system';
export const node = '/opt/patchgit/node_modules/node/bin/node';

/**
 * Version 1 has no safe way to hand controllers to a user, so systemd does not do it. This does it by hand for a test on
 * such a host, to see the limits hold below the unit; the way there by version 2 is `Delegate=` alone.
 */
const handOver = `#!/bin/sh
for name in memory pids cpu; do
  group=$(sed -n "s/^[0-9]*:$name://p" /proc/self/cgroup)
  group=/sys/fs/cgroup/$name\${group%/.control}
  chown "$1" "$group" "$group/cgroup.procs"
done
`;
const versionOne = (user: string): string => `[Service]
CPUAccounting=yes
ExecStartPre=+/etc/patchgit/hand-over ${user}
`;

export async function installed({ root, environment = '' }: Installing): Promise<Installed> {
  const machine = await bootMachine({ hostname: 'droplet', folders: { [root]: '/opt/patchgit' } });
  try {
    const account = ['--system', '--home-dir', '/nonexistent', '--no-create-home', '--shell', '/usr/sbin/nologin'];
    for (const name of users) await machine.must(['useradd', ...account, name]);
    await machine.must(['mkdir', '-p', repositories]);
    // Outside of a container systemd does this itself; without it a service with folders of its own cannot be given them.
    await machine.must(['mount', '--make-rshared', '/']);
    await machine.writeFile('/etc/patchgit/environment', environment, 0o600);
    await machine.must([
      'sh',
      '-c',
      'cp /opt/patchgit/systemd/*.service /opt/patchgit/systemd/*.socket "$1"',
      'sh',
      units,
    ]);
    const { version1, version2 } = machine.controllers;
    if (version1.includes('memory')) {
      await machine.writeFile('/etc/patchgit/hand-over', handOver, 0o755);
      await machine.writeFile(join(units, 'patchgit-run@.service.d/version-1.conf'), versionOne('patchgit-run'));
    }
    await machine.must(['systemctl', 'daemon-reload']);
    await machine.must(['systemctl', 'start', 'patchgit']);
    const patchgit: Installed['patchgit'] = (words, stdin = '') => {
      const command = ['env', 'PATCHGIT_HOME=/var/lib/patchgit', node, '/opt/patchgit/dist/cli.cjs', ...words];
      return machine.run(command, { stdin, wallMs: 60_000 });
    };
    const answers = async (): Promise<void> => {
      await until('the daemon answers', async () => (await patchgit(['status', '--json'])).code === 0, 60_000, 250);
    };
    await answers();
    return {
      machine,
      holdsLimits: [...version1, ...version2].includes('memory'),
      patchgit,
      addRepository: (name, files, check, more = []) =>
        addRepository({ machine, patchgit }, name, files, [check, ...more]),
      branches: async (name) => {
        const list = ['git', '-C', join(repositories, name), 'branch', '--list', '--format=%(refname:short)'];
        return (await machine.must(list, { user: 'patchgit' })).split('\n').filter(Boolean);
      },
      answers,
      askHelper: (request, user = 'patchgit') => askHelper(machine, request, user),
      forbidUserNamespaces: async () => {
        for (const unit of ['patchgit.service', 'patchgit-run@.service']) {
          await machine.writeFile(join(units, `${unit}.d/forbid.conf`), await forbidding(machine, unit));
        }
        await machine.must(['systemctl', 'daemon-reload']);
        await machine.must(['systemctl', 'restart', 'patchgit']);
        await answers();
      },
      close: machine.close,
    };
  } catch (error) {
    await machine.close();
    throw error;
  }
}

async function addRepository(
  { machine, patchgit }: Pick<Installed, 'machine' | 'patchgit'>,
  name: string,
  files: Readonly<Record<string, string>>,
  [check = '', ...more]: readonly string[],
): Promise<void> {
  const folder = join(repositories, name);
  for (const [path, text] of Object.entries(files)) await machine.writeFile(join(folder, path), text);
  await machine.must(['chown', '-R', 'patchgit:', folder]);
  const who = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com'];
  const git = (...words: string[]): Promise<string> =>
    machine.must(['git', '-C', folder, ...who, ...words], { user: 'patchgit' });
  await git('init', '-q', '--initial-branch=main');
  await git('add', '--all');
  await git('commit', '-q', '-m', 'the first');
  const added = await patchgit(['repo', 'add', folder, '--name', name, '--check', check, ...more, '--json']);
  if (added.code !== 0) throw new Error(`${added.stderr}${added.stdout}`);
}

/** The start of the unit as it is, in a user namespace of the same user that allows no other below it. */
async function forbidding(machine: Machine, unit: string): Promise<string> {
  const shown = await machine.must(['sed', '-n', 's/^ExecStart=//p', join(units, unit)]);
  const forbid =
    '\'echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --inh-caps=-all --ambient-caps=-all "$$@"\'';
  const start = `/usr/bin/unshare --user --map-current-user --keep-caps -- /bin/sh -c ${forbid} sh ${shown.trim()}`;
  const open = 'RestrictNamespaces=no\nProtectKernelTunables=no\n';
  return `[Service]\n${open}ExecStart=\nExecStart=${start}\n`;
}

/** What a client of the socket is: it keeps its end open until the helper is done, because its end means "stop". */
const client = `
const socket = require('node:net').connect('/run/patchgit-run/helper.sock');
socket.on('error', ({ message }) => { console.error(message); process.exit(1); });
socket.pipe(process.stdout);
process.stdin.pipe(socket, { end: false });
`;

async function askHelper(machine: Machine, { lower, command }: HelperRequest, user: string): Promise<HelperAnswer> {
  const mebibyte = 1024 * 1024;
  const assignment: Assignment = {
    type: 'assignment',
    protocol: helperProtocol,
    workspace: { lower, delta: null, remove: [] },
    steps: [{ name: 'asked', command, reports: [] }],
    limits: {
      wallMs: 20_000,
      cpuPercent: 100,
      memoryBytes: 128 * mebibyte,
      processes: 64,
      diskBytes: 16 * mebibyte,
      tmpBytes: 16 * mebibyte,
      logBytes: 16 * 1024,
      outputBytes: mebibyte,
    },
  };
  const { stdout, stderr } = await machine.run([node, '-e', client], {
    user,
    stdin: `${JSON.stringify(assignment)}\n`,
  });
  const frames = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => HelperFrame.parse(JSON.parse(line)));
  const trouble = frames.flatMap((frame) => (frame.type === 'trouble' ? [frame.message] : []));
  const outcomes = frames.flatMap((frame) => (frame.type === 'outcome' ? [frame.outcome] : []));
  return {
    ready: frames.find((frame) => frame.type === 'ready') ?? { isolation: [], missing: [] },
    outcomes,
    log: outcomes.map(({ logBase64 }) => Buffer.from(logBase64, 'base64').toString('utf8')).join(''),
    refused: [stderr, ...trouble].join(''),
  };
}
