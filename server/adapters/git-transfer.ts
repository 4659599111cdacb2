import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SimpleGit } from 'simple-git';
import { ObjectId } from '#contract/ids.ts';
import { no, ok } from '../lib/result.ts';
import { PortError, type Git, type Transferred } from '../ports.ts';
import { gitEnvironment, gitOptions } from './git-environment.ts';
import { accessTrouble, transferConfig, transferWithCredential, type TransferAccess } from './git-transfer-process.ts';
import { troubleOf } from './git-transfer-troubles.ts';
import { leadsThrough, openDoor, type PushWay } from './push-door.ts';
import { troubleOfRefusal } from './push-wire.ts';

/** A transfer that says nothing for this long is given up. */
const silenceMs = 60_000;
/** A large history over a slow line; past it something is wrong. */
const wallMs = 20 * 60_000;

/**
 * simple-git refuses these settings whoever makes them, because a caller might pass on somebody else's value. Here they are
 * the hardening itself: constants of git-environment.ts. Everything not listed stays refused.
 */
const hardeningAllowed = {
  allowUnsafeAskPass: true,
  allowUnsafeConfigEnvCount: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeCredentialHelper: true,
  allowUnsafeEditor: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeHooksPath: true,
  allowUnsafePager: true,
  allowUnsafeProtocolOverride: true,
  allowUnsafeSshCommand: true,
};

type Remote = Pick<Git, 'fetch' | 'push' | 'canPush' | 'deleteBranch' | 'remoteBranch'>;
interface Order {
  readonly gitDir: string;
  readonly url: string;
  readonly objectsDir?: string | undefined;
}
/** One git command with a remote. */
type Send = (order: Order, args: readonly string[], signal?: AbortSignal) => Promise<Transferred>;

/** The remote half of the Git port: one process at a time, no terminal, no stored credential. */
export function gitTransfer(path: string, run: Git['run'], access: TransferAccess = {}): Remote {
  const send = sender(path, access);
  return {
    fetch: async (gitDir, url, signal) => {
      await makeBare(run, gitDir);
      const head = await send({ gitDir, url }, ['ls-remote', '--symref', '--', url, 'HEAD'], signal);
      if (!head.ok) return head;
      const fetched = await send({ gitDir, url }, fetchCommand(url), signal);
      if (!fetched.ok) return fetched;
      return ok(/^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(head.value)?.[1] ?? '');
    },
    push: (request, signal) => pushNew(send, request, signal),
    canPush: async (gitDir, url, signal) => {
      const probe = 'refs/heads/patchgit/can-push';
      const head = await run({ gitDir, args: ['for-each-ref', '--count=1', '--format=%(objectname)', 'refs/heads/'] });
      const commit = head.stdout.toString('utf8').trim();
      const args = ['push', '--porcelain', '--no-verify', '--dry-run', '--', url, `${commit}:${probe}`];
      return await send({ gitDir, url }, args, signal);
    },
    deleteBranch: async ({ gitDir, url, commit, branch }, signal) => {
      const there = await remoteBranch(send, { gitDir, url }, branch, signal);
      if (!there.ok) return there;
      if (there.value === null) return ok('absent');
      if (there.value !== commit) return no({ trouble: 'moved', detail: `${branch} points at ${there.value} now` });
      const lease = `--force-with-lease=refs/heads/${branch}:${commit}`;
      const args = ['push', '--porcelain', '--no-verify', lease, '--', url, `:refs/heads/${branch}`];
      return await send({ gitDir, url }, args, signal);
    },
    remoteBranch: (gitDir, url, branch, signal) => remoteBranch(send, { gitDir, url }, branch, signal),
  };
}

function fetchCommand(url: string): string[] {
  const options = ['--prune', '--no-tags', '--no-write-fetch-head', '--force'];
  // Without it a long transfer would be silent, and silence ends it.
  return ['fetch', '--progress', ...options, '--', url, '+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];
}

/** "stale info" also answers when an earlier, unanswered push of ours landed: then there is nothing left to do. */
async function pushNew(
  send: Send,
  { gitDir, url, commit, branch, objectsDir }: Parameters<Git['push']>[0],
  signal?: AbortSignal,
): Promise<Transferred> {
  const lease = `--force-with-lease=refs/heads/${branch}:`;
  const refspec = `${commit}:refs/heads/${branch}`;
  const args = ['push', '--progress', '--porcelain', '--no-verify', '--no-follow-tags', lease, '--', url, refspec];
  const pushed = await send({ gitDir, url, objectsDir }, args, signal);
  if (pushed.ok || pushed.why.trouble !== 'moved') return pushed;
  const there = await remoteBranch(send, { gitDir, url }, branch, signal);
  if (!there.ok) return there;
  return there.value === commit ? ok(commit) : pushed;
}

async function remoteBranch(send: Send, order: Order, branch: string, signal?: AbortSignal) {
  const listed = await send(order, ['ls-remote', '--', order.url, `refs/heads/${branch}`], signal);
  if (!listed.ok) return listed;
  const line = listed.value.split('\n').find((row) => row.endsWith(`\trefs/heads/${branch}`));
  return ok(line === undefined ? null : ObjectId.parse(line.slice(0, line.indexOf('\t'))));
}

/** Asks for the credential anew at each command, and hands it to that command alone. */
function sender(path: string, { authorize, plainHttpAt, pushWay }: TransferAccess): Send {
  return async (order, args, signal) => {
    if (pushWay !== undefined && leadsThrough(pushWay, order.url))
      return await sendThroughDoor(path, pushWay, order, args, signal);
    const authorization = (await authorize?.(order.url)) ?? ok(null);
    if (!authorization.ok) return accessTrouble(authorization.why);
    const environment = environmentOf(order);
    if (authorization.value !== null) {
      const stop = signal === undefined ? {} : { signal };
      const transfer = { path, ...order, args, environment, silenceMs, wallMs, ...stop };
      return await transferWithCredential(transfer, authorization.value, plainHttpAt);
    }
    const config = transferConfig(order.url, null, plainHttpAt);
    return await attempt(await openSimpleGit(order.gitDir, gitEnvironment(path, environment, config), signal), args);
  };
}

/** The same git as ever, here; only what goes out goes through patchgit-push. */
async function sendThroughDoor(
  path: string,
  way: PushWay,
  order: Order,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<Transferred> {
  const door = await openDoor(way, order.url, wallMs);
  try {
    const transfer = {
      path,
      gitDir: order.gitDir,
      url: door.url,
      args: args.map((word) => (word === order.url ? door.url : word)),
      environment: environmentOf(order),
      silenceMs,
      wallMs,
      ...(signal === undefined ? {} : { signal }),
    };
    const outcome = await transferWithCredential(transfer, door.authorization, door.origin);
    if (outcome.ok) return outcome;
    const refused = door.refused();
    if (refused !== null) return no(troubleOfRefusal(refused));
    // The owner knows the forge, not the door.
    const detail = outcome.why.detail.replaceAll(door.origin, way.gitOrigin);
    return no({ ...outcome.why, detail });
  } finally {
    await door.close();
  }
}

function environmentOf({ gitDir, objectsDir }: Order): Record<string, string> {
  return {
    GIT_DIR: gitDir,
    // Never a prompt, never an agent: a key the daemon's user owns works, everything else fails at once.
    GIT_SSH_COMMAND: 'ssh -oBatchMode=yes -oConnectTimeout=20 -oForwardAgent=no -oPermitLocalCommand=no',
    ...(objectsDir === undefined
      ? {}
      : { GIT_OBJECT_DIRECTORY: objectsDir, GIT_ALTERNATE_OBJECT_DIRECTORIES: join(gitDir, 'objects') }),
  };
}

/** simple-git is loaded at the first transfer: an idle daemon need not hold it. */
async function openSimpleGit(
  gitDir: string,
  environment: Record<string, string>,
  signal?: AbortSignal,
): Promise<SimpleGit> {
  const { simpleGit } = await import('simple-git');
  return simpleGit({
    baseDir: gitDir,
    maxConcurrentProcesses: 1,
    timeout: { block: silenceMs, stdErr: true, stdOut: true },
    unsafe: hardeningAllowed,
    allowEnvironment: Object.keys(environment),
    ...(signal === undefined ? {} : { abort: signal }),
  }).env(environment);
}

async function makeBare(run: Git['run'], gitDir: string): Promise<void> {
  if (existsSync(join(gitDir, 'HEAD'))) return;
  await mkdir(gitDir, { recursive: true, mode: 0o700 });
  const made = await run({ gitDir, args: ['init', '--quiet', '--bare', '--template=', '--initial-branch=none'] });
  if (made.code !== 0) throw new PortError('git', 'make a bare repository', { cause: new Error(made.stderr) });
}

async function attempt(git: SimpleGit, args: readonly string[]): Promise<Transferred> {
  try {
    return ok(await git.raw([...gitOptions, ...args]));
  } catch (error) {
    return troubleOf(error instanceof Error ? error.message : String(error));
  }
}
