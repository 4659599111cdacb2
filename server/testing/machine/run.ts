/** Runs a command in a machine: in all its namespaces and its groups, ended with this process. */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { MachineGroups } from './groups.ts';

export const programs = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** A script: enters the groups named up to "--", then becomes what follows. */
export const enterGroups = 'while [ "$1" != -- ]; do echo 0 > "$1"; shift; done; shift; exec "$@"';

export interface Ran {
  /** As a shell gives it: 128 and the number for a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Root, unless another user of the machine is named. */
  readonly user?: string;
  readonly stdin?: string | Buffer;
  readonly wallMs?: number;
}

export function runIn(pid: number, groups: MachineGroups, argv: readonly string[], how: RunOptions): Promise<Ran> {
  const { user = 'root', stdin = '', wallMs = 30_000 } = how;
  const asUser =
    user === 'root'
      ? ['setpriv', '--pdeathsig', 'KILL', 'env', '-i', 'HOME=/root']
      : ['runuser', '-u', user, '--', 'setpriv', '--pdeathsig', 'KILL', 'env', '-i', 'HOME=/nonexistent'];
  const child = spawn(
    'setpriv',
    [
      ['--pdeathsig', 'KILL', 'sh', '-c', enterGroups, 'enter', ...groups.sideEntrances(), '--'],
      ['nsenter', '--target', `${pid}`, '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup'],
      ['--', ...asUser, `PATH=${programs}`, 'LANG=C.UTF-8', ...argv],
    ].flat(),
    { cwd: '/', env: { PATH: programs }, stdio: 'pipe' },
  );
  return collect(child, stdin, wallMs);
}

function collect(child: ChildProcessWithoutNullStreams, stdin: string | Buffer, wallMs: number): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout.on('data', (chunk: Buffer) => chunks.stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.stderr.push(chunk));
    // A command that needs no input may end before it was all written.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
    child.on('error', reject);
    const timer = setTimeout(() => child.kill('SIGKILL'), wallMs);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const text = (stream: Buffer[]): string => Buffer.concat(stream).toString('utf8');
      resolve({
        code: code ?? (signal === 'SIGKILL' ? 137 : 143),
        stdout: text(chunks.stdout),
        stderr: text(chunks.stderr),
      });
    });
  });
}
