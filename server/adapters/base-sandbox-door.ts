/** The door of one set-up: a process of its own that is the only way out, for as long as the set-up runs. */
import { spawn } from 'node:child_process';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Limits } from '#contract/helper-wire.ts';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import type { Log } from '../ports.ts';
import { findRunUser } from './base-sandbox-user.ts';

export interface DoorOptions {
  readonly nodePath: string;
  /** The helper, of which the door is a mode. */
  readonly doorPath: string;
  readonly log: Log;
}

export interface OpenDoor {
  readonly socketPath: string;
  /** Safe to repeat. Resolves when the process and its socket are gone. */
  readonly close: () => Promise<void>;
}

const startMsMax = 20_000;
/** On top of the command's own time: mounting, copying, looking through what is left. */
const spareSeconds = 600;
const saidBytesMax = 32 * 1024;

/**
 * `shared`: a folder that the user of the helpers can get to, where that is another one; then the door runs as this process's
 * user. Not ok: the sentence that says why there is none. Otherwise the door runs as the run user where there is one. It knows nothing of us.
 */
export async function openDoor(
  { nodePath, doorPath, log }: DoorOptions,
  hosts: readonly string[],
  limits: Limits,
  shared: string | null,
): Promise<Result<OpenDoor, string>> {
  const user = shared === null ? await findRunUser() : null;
  // In the folder for temporary files if it can be, because the path of a socket must be short (unix(7)).
  const folder = await mkdtemp(shared === null ? join(tmpdir(), 'patchgit-door-') : join(shared, 'door-'));
  if (user !== null) await chown(folder, user.uid, user.gid);
  // The run user must get to the socket. Whoever else does on this machine gets to the registries, as they could without it.
  await chmod(folder, 0o755);
  const socketPath = join(folder, 'door');
  const flags = [
    `--hosts=${hosts.join(',')}`,
    // What is fetched is written, so the room on disk says how much that can be; some of it is not kept.
    '--bytes-max',
    `${2 * limits.diskBytes}`,
    '--seconds-max',
    `${Math.min(Math.ceil(limits.wallMs / 1000) + spareSeconds, 24 * 3600)}`,
    ...(user === null ? [] : ['--run-as', `${user.uid}:${user.gid}`]),
  ];
  const child = spawn(nodePath, [doorPath, '--door', socketPath, ...flags], { cwd: '/', env: {}, detached: true });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(0, saidBytesMax)));
  // It ended by itself: how is what gets reported.
  child.stdin.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
    await rm(folder, { recursive: true, force: true });
    if (said !== '') log.info({ said: said.trim().split('\n') }, 'the door of a set-up refused something');
    said = '';
  };
  const ready = new Promise<null>((resolve) => child.stdout.once('data', () => resolve(null)));
  const late = setTimeout(() => child.kill('SIGKILL'), startMsMax);
  const ended = await Promise.race([ready, closed]);
  clearTimeout(late);
  if (ended === null) return ok({ socketPath, close });
  const why = `The door for a set-up could not be opened: ${said.trim().slice(0, 1000) || ended}`;
  said = '';
  await close();
  return no(why);
}
