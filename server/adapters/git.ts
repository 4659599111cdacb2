import { PortError, type Git, type GitAnswer, type GitRequest } from '../ports.ts';
import { applyBehindSocket, findApplySocket, readsPatch } from './git-apply-socket.ts';
import { openObjects } from './git-objects.ts';
import { collect, endGroup, gitOutputBytesMax, gitWallMs, startGit, stderrBytesMax } from './git-process.ts';
import { gitTransfer } from './git-transfer.ts';
import type { TransferAccess } from './git-transfer-process.ts';

/** `path` is the PATH that git and ssh are found on; the rest is for remotes that want a credential. */
export interface GitOptions extends TransferAccess {
  readonly path: string;
}

/** git as patchgit runs it: argument arrays, own environment, a clock and a cap on every process. */
export function hardenedGit(options: GitOptions): Git {
  const { path } = options;
  const applySocket = findApplySocket();
  const run: Git['run'] = (request) =>
    applySocket !== null && readsPatch(request) ? applyBehindSocket(applySocket, path, request) : runGit(path, request);
  return {
    run,
    openObjects: (request) => openObjects(path, request),
    ...gitTransfer(path, run, options),
  };
}

function runGit(path: string, request: GitRequest): Promise<GitAnswer> {
  const doing = `run git ${request.args[0] ?? ''}`;
  return new Promise((resolve, reject) => {
    const child = startGit(path, request);
    let ended: GitAnswer['ended'] = null;
    const end = (why: Exclude<GitAnswer['ended'], null>): void => {
      ended ??= why;
      // The whole group, because git starts git.
      endGroup(child.pid);
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
    if (request.stdin instanceof Promise) {
      // Whoever promised the input tells why it did not come; git only has to end.
      void request.stdin.then(
        (input) => child.stdin.end(input),
        () => end('aborted'),
      );
    } else child.stdin.end(request.stdin ?? '');
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
