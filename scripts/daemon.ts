/** Starting the built daemon from a script, and talking to it as its owner. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { socketClient, type Client } from '../server/cli/client.ts';
import { daemonCommand } from '../server/cli/daemon-command.ts';

export const root = new URL('..', import.meta.url).pathname;

export interface Started {
  readonly process: ChildProcess;
  readonly client: Client;
  /** Resolves with the exit code. */
  readonly ended: Promise<number>;
}

/**
 * Starts the daemon and waits until its socket answers. Null: it ended instead, and has said why. `entry`: another program than
 * what was built, for a test with far ends of its own.
 */
export async function startDaemon(
  home: string,
  environment: Readonly<Record<string, string>>,
  entry?: string,
): Promise<Started | null> {
  const command = daemonCommand(root);
  const args = entry === undefined ? command.args : [...command.args.slice(0, -1), join(root, entry)];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...command.environment, ...environment, PATCHGIT_HOME: home },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = new Promise<number>((resolve) => {
    child.on('exit', (code) => resolve(code ?? 1));
  });
  const client = socketClient(join(home, 'patchgit.sock'));
  while (child.exitCode === null && child.signalCode === null) {
    const answer = await client.get('/api/hello');
    if (answer.ok) return { process: child, client, ended };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return null;
}
