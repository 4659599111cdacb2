import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import type { GitRequest } from '../ports.ts';
import { gitEnvironment, gitOptions } from './git-environment.ts';

/** A local git command may take this long unless its caller says otherwise. */
export const gitWallMs = 60_000;
/** Answers longer than this are cut off and the process ended. */
export const gitOutputBytesMax = 64 * 1024 * 1024;
export const stderrBytesMax = 64 * 1024;

/** What decides how a git process is started, whatever it is then asked. */
export type GitStart = Pick<
  GitRequest,
  'gitDir' | 'args' | 'indexFile' | 'objectsDir' | 'identity' | 'workTree' | 'memoryBytesMax'
>;

/** Starts git with the hardened environment and the cap on its memory, in a process group of its own. */
export function startGit(path: string, request: GitStart): ChildProcessWithoutNullStreams {
  const place = [
    `--git-dir=${request.gitDir}`,
    ...(request.workTree === undefined ? [] : [`--work-tree=${request.workTree}`]),
  ];
  const command = ['git', ...gitOptions, ...place, ...request.args];
  // prlimit is util-linux, as unshare and mount are, which the sandbox needs anyway.
  const capped =
    request.memoryBytesMax === undefined ? command : ['prlimit', `--as=${request.memoryBytesMax}`, ...command];
  const [program = 'git', ...words] = capped;
  return spawn(program, words, {
    cwd: request.gitDir,
    env: environmentOf(path, request),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
}

/** The whole environment of a git process with this start. */
export function environmentOf(path: string, request: GitStart): Record<string, string> {
  const extra: Record<string, string> = {};
  if (request.indexFile !== undefined) extra['GIT_INDEX_FILE'] = request.indexFile;
  if (request.objectsDir !== undefined) {
    extra['GIT_OBJECT_DIRECTORY'] = request.objectsDir;
    extra['GIT_ALTERNATE_OBJECT_DIRECTORIES'] = join(request.gitDir, 'objects');
  }
  if (request.identity !== undefined) {
    const at = `${Math.floor(request.identity.atMs / 1000)} +0000`;
    for (const who of ['AUTHOR', 'COMMITTER']) {
      extra[`GIT_${who}_NAME`] = request.identity.name;
      extra[`GIT_${who}_EMAIL`] = request.identity.email;
      extra[`GIT_${who}_DATE`] = at;
    }
  }
  return gitEnvironment(path, extra);
}

/** Ends git and what git started. It may be gone already. */
export function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Keeps at most `bytesMax` bytes of a stream, reads the rest away, and says once that there was more. */
export function collect(stream: NodeJS.ReadableStream, bytesMax: number, onMore: () => void): () => Buffer {
  const chunks: Buffer[] = [];
  let kept = 0;
  let told = false;
  stream.on('data', (chunk: Buffer) => {
    if (kept < bytesMax) chunks.push(chunk.subarray(0, bytesMax - kept));
    kept += chunk.length;
    if (kept > bytesMax && !told) {
      told = true;
      onMore();
    }
  });
  return () => Buffer.concat(chunks);
}
