import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SimpleGit } from 'simple-git';
import { ObjectId } from '#contract/ids.ts';
import { no, ok } from '../lib/result.ts';
import { PortError, type Git, type Transferred, type TransferTrouble } from '../ports.ts';
import { gitEnvironment, gitOptions } from './git-environment.ts';

/** A transfer that says nothing for this long is given up. */
const silenceMs = 60_000;
const detailCharactersMax = 400;

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

type Failed = { readonly ok: false; readonly why: { readonly trouble: TransferTrouble; readonly detail: string } };

/** The remote half of the Git port, over simple-git: one process at a time, no terminal, no stored credential. */
export function gitTransfer(
  path: string,
  run: Git['run'],
): Pick<Git, 'fetch' | 'push' | 'canPush' | 'deleteBranch' | 'remoteBranch'> {
  return {
    fetch: async (gitDir, url, signal) => {
      await makeBare(run, gitDir);
      const head = await attempt(await remote(path, gitDir, signal), ['ls-remote', '--symref', '--', url, 'HEAD']);
      if (!head.ok) return head;
      const fetched = await attempt(await remote(path, gitDir, signal), [
        'fetch',
        '--prune',
        '--no-tags',
        '--no-write-fetch-head',
        '--force',
        '--',
        url,
        '+refs/heads/*:refs/heads/*',
        '+refs/tags/*:refs/tags/*',
      ]);
      if (!fetched.ok) return fetched;
      return ok(/^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(head.value)?.[1] ?? '');
    },
    push: (request, signal) => pushNew(path, request, signal),
    canPush: async (gitDir, url, signal) => {
      const probe = 'refs/heads/patchgit/can-push';
      const head = await run({ gitDir, args: ['for-each-ref', '--count=1', '--format=%(objectname)', 'refs/heads/'] });
      const commit = head.stdout.toString('utf8').trim();
      return await attempt(await remote(path, gitDir, signal), [
        'push',
        '--porcelain',
        '--no-verify',
        '--dry-run',
        '--',
        url,
        `${commit}:${probe}`,
      ]);
    },
    deleteBranch: async ({ gitDir, url, commit, branch }, signal) => {
      const there = await remoteBranch(path, gitDir, url, branch, signal);
      if (!there.ok) return there;
      if (there.value === null) return ok('absent');
      if (there.value !== commit) return no({ trouble: 'moved', detail: `${branch} points at ${there.value} now` });
      return await attempt(await remote(path, gitDir, signal), [
        'push',
        '--porcelain',
        '--no-verify',
        `--force-with-lease=refs/heads/${branch}:${commit}`,
        '--',
        url,
        `:refs/heads/${branch}`,
      ]);
    },
    remoteBranch: (gitDir, url, branch, signal) => remoteBranch(path, gitDir, url, branch, signal),
  };
}

/** "stale info" also answers when an earlier, unanswered push of ours landed: then there is nothing left to do. */
async function pushNew(
  path: string,
  { gitDir, url, commit, branch, objectsDir }: Parameters<Git['push']>[0],
  signal?: AbortSignal,
): Promise<Transferred> {
  const lease = `--force-with-lease=refs/heads/${branch}:`;
  const refspec = `${commit}:refs/heads/${branch}`;
  const args = ['push', '--porcelain', '--no-verify', '--no-follow-tags', lease, '--', url, refspec];
  const pushed = await attempt(await remote(path, gitDir, signal, objectsDir), args);
  if (pushed.ok || pushed.why.trouble !== 'moved') return pushed;
  const there = await remoteBranch(path, gitDir, url, branch, signal);
  if (!there.ok) return there;
  return there.value === commit ? ok(commit) : pushed;
}

async function remoteBranch(path: string, gitDir: string, url: string, branch: string, signal?: AbortSignal) {
  const listed = await attempt(await remote(path, gitDir, signal), ['ls-remote', '--', url, `refs/heads/${branch}`]);
  if (!listed.ok) return listed;
  const line = listed.value.split('\n').find((row) => row.endsWith(`\trefs/heads/${branch}`));
  return ok(line === undefined ? null : ObjectId.parse(line.slice(0, line.indexOf('\t'))));
}

/** simple-git is loaded at the first transfer: an idle daemon need not hold it. */
async function remote(path: string, gitDir: string, signal?: AbortSignal, objectsDir?: string): Promise<SimpleGit> {
  const { simpleGit } = await import('simple-git');
  const environment = gitEnvironment(path, {
    GIT_DIR: gitDir,
    // Never a prompt, never an agent: a key the daemon's user owns works, everything else fails at once.
    GIT_SSH_COMMAND: 'ssh -oBatchMode=yes -oConnectTimeout=20 -oForwardAgent=no -oPermitLocalCommand=no',
    ...(objectsDir === undefined
      ? {}
      : { GIT_OBJECT_DIRECTORY: objectsDir, GIT_ALTERNATE_OBJECT_DIRECTORIES: join(gitDir, 'objects') }),
  });
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

/** git's words for what went wrong, sorted into what the owner can do about it. The first match wins. */
const troubles: readonly (readonly [RegExp, TransferTrouble])[] = [
  [
    /could not read Username|Authentication failed|terminal prompts disabled|Permission denied \(|HTTP (?:Basic|401)|403/i,
    'needs_password',
  ],
  [/stale info|\(fetch first\)|non-fast-forward|already exists|cannot lock ref/i, 'moved'],
  [/\[remote rejected\]|pre-receive hook declined|protected branch|denied by|refusing to/i, 'refused'],
  [/block timeout reached|timed out/i, 'timed_out'],
  [
    /does not appear to be a git repository|not a git repository|repository .* not found|does not exist|dubious ownership/i,
    'not_git',
  ],
];

function troubleOf(message: string): Failed {
  const detail = message.replaceAll(/\s+/g, ' ').trim().slice(0, detailCharactersMax);
  const found = troubles.find(([pattern]) => pattern.test(message));
  return no({ trouble: found?.[1] ?? 'unreachable', detail });
}
