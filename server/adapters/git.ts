import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { PortError, type Git, type GitAnswer, type GitRequest } from '../ports.ts';
import { gitEnvironment, gitOptions } from './git-environment.ts';
import { gitTransfer } from './git-transfer.ts';

/** A local git command may take this long unless its caller says otherwise. */
export const gitWallMs = 60_000;
/** Answers longer than this are cut off and the process ended. */
export const gitOutputBytesMax = 64 * 1024 * 1024;
const stderrBytesMax = 64 * 1024;

/** git as patchgit runs it: argument arrays, own environment, a clock and a cap on every process. */
export function hardenedGit(options: { readonly path: string }): Git {
  const run: Git['run'] = (request) => runGit(options.path, request);
  return { run, ...gitTransfer(options.path, run) };
}

function environmentOf(path: string, request: GitRequest): Record<string, string> {
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

function runGit(path: string, request: GitRequest): Promise<GitAnswer> {
  const doing = `run git ${request.args[0] ?? ''}`;
  const place = [
    `--git-dir=${request.gitDir}`,
    ...(request.workTree === undefined ? [] : [`--work-tree=${request.workTree}`]),
  ];
  return new Promise((resolve, reject) => {
    const command = ['git', ...gitOptions, ...place, ...request.args];
    // prlimit is util-linux, as unshare and mount are, which the sandbox needs anyway.
    const capped =
      request.memoryBytesMax === undefined ? command : ['prlimit', `--as=${request.memoryBytesMax}`, ...command];
    const [program = 'git', ...words] = capped;
    const child = spawn(program, words, {
      cwd: request.gitDir,
      env: environmentOf(path, request),
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    let ended: GitAnswer['ended'] = null;
    const end = (why: Exclude<GitAnswer['ended'], null>): void => {
      ended ??= why;
      // The whole group, because git starts git.
      if (child.pid !== undefined) endGroup(child.pid);
    };
    const outputMax = request.outputBytesMax ?? gitOutputBytesMax;
    const out = collect(child.stdout, outputMax, () => end('output'));
    const errors = collect(child.stderr, stderrBytesMax, () => undefined);
    const wall = setTimeout(() => end('wall'), request.wallMs ?? gitWallMs);
    const onAbort = (): void => end('aborted');
    request.signal?.addEventListener('abort', onAbort, { once: true });
    if (request.signal?.aborted === true) onAbort();
    // A process that stops reading closes its end; its exit code tells the story, not EPIPE.
    child.stdin.on('error', () => undefined);
    child.stdin.end(request.stdin ?? '');
    child.on('error', (cause) => {
      clearTimeout(wall);
      reject(new PortError('git', doing, { cause }));
    });
    child.on('close', (code) => {
      clearTimeout(wall);
      request.signal?.removeEventListener('abort', onAbort);
      resolve({ code: code ?? 128, stdout: out(), stderr: errors().toString('utf8'), ended });
    });
  });
}

/** Ends a process group that may be gone already. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Keeps at most `bytesMax` bytes of a stream, reads the rest away, and says once that there was more. */
function collect(stream: NodeJS.ReadableStream, bytesMax: number, onMore: () => void): () => Buffer {
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
