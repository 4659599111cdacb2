/**
 * The one git process that reads the bytes of a patch, behind systemd's socket as the run user (systemd/patchgit-apply.socket). The
 * index goes in with the patch; the new index and the new objects come back as bytes, and each object is looked at before it is
 * taken into the quarantine. That user can write to nothing of ours.
 */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { isAbsolute, join } from 'node:path';
import { assert } from '../lib/assert.ts';
import { PortError, type GitAnswer, type GitRequest } from '../ports.ts';
import { readArchive, takeObject } from './git-apply-archive.ts';
import { environmentOf, gitWallMs, stderrBytesMax } from './git-process.ts';
import { gitOptions } from './git-environment.ts';

const socketVariable = 'PATCHGIT_APPLY_SOCKET';
/** Where git works over there (systemd/apply.sh). */
const there = '/tmp';
/** What systemd and the reader take on top of git's own time. */
const startMsMax = 20_000;
/** The new objects, compressed, and the index of the touched paths. */
const answerBytesMax = 128 * 1024 * 1024;
const defaultMemoryBytesMax = 512 * 1024 * 1024;

/** Null where git reads patches as the daemon's own user. */
export function findApplySocket(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | null {
  const path = environment[socketVariable] ?? '';
  if (path === '') return null;
  assert(isAbsolute(path), `${socketVariable} is an absolute path`);
  return path;
}

/** `apply` is the one command whose input a stranger may have written. */
export function readsPatch({ args }: GitRequest): boolean {
  return args[0] === 'apply';
}

/** As `Git.run`: resolves also when git refuses; rejects with PortError when there was no git, or what came back is not sound. */
export async function applyBehindSocket(socketPath: string, path: string, request: GitRequest): Promise<GitAnswer> {
  const { gitDir, indexFile, objectsDir, signal } = request;
  assert(indexFile !== undefined && objectsDir !== undefined, 'a patch is applied to an index, into a quarantine');
  const nothing: GitAnswer = { code: 128, stdout: Buffer.alloc(0), stderr: '', ended: 'aborted' };
  let patch: Uint8Array | string;
  try {
    patch = (await request.stdin) ?? '';
  } catch {
    // Whoever promised the input tells why it did not come.
    return nothing;
  }
  if (signal?.aborted === true) return nothing;
  // Its unit shows the other user this folder, and not the way to it.
  await chmod(gitDir, 0o755);
  const index = await readFile(indexFile);
  const answer = await converse(socketPath, [orders(path, request, index.length), index, patch], request);
  if ('ended' in answer) return { ...nothing, ended: answer.ended };
  return await takeAnswer(answer.bytes, { indexFile, objectsDir });
}

/** The lines that systemd/apply.sh reads. */
function orders(path: string, request: GitRequest, indexBytes: number): string {
  const { gitDir, objectsDir = '' } = request;
  const place = { gitDir, args: request.args, indexFile: join(there, 'index'), objectsDir: join(there, 'objects') };
  const alternates = [join(gitDir, 'objects'), objectsDir].join(':');
  const environment = { ...environmentOf(path, place), GIT_ALTERNATE_OBJECT_DIRECTORIES: alternates };
  const words = [...gitOptions, `--git-dir=${gitDir}`, ...request.args];
  const lines = [
    `${request.memoryBytesMax ?? defaultMemoryBytesMax}`,
    `${Math.ceil((request.wallMs ?? gitWallMs) / 1000)}`,
    `${indexBytes}`,
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    '',
    ...words,
    '',
  ];
  assert(lines.every((line) => !line.includes('\n')) && words.every((word) => word !== ''), 'every order is one line');
  return `${lines.join('\n')}\n`;
}

type Ended = { readonly ended: 'wall' | 'output' | 'aborted' };

function converse(
  socketPath: string,
  parts: readonly (Uint8Array | string)[],
  { wallMs = gitWallMs, signal }: GitRequest,
): Promise<Ended | { readonly bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ path: socketPath, allowHalfOpen: true });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let ended: Ended['ended'] | null = null;
    const end = (why: Ended['ended']): void => {
      ended ??= why;
      socket.destroy();
    };
    const onAbort = (): void => end('aborted');
    signal?.addEventListener('abort', onAbort, { once: true });
    const wall = setTimeout(() => end('wall'), wallMs + startMsMax);
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > answerBytesMax) end('output');
      else chunks.push(chunk);
    });
    let failure: unknown = null;
    // A reader that stops reading the patch has an answer all the same.
    socket.on('error', (error) => (failure ??= error));
    socket.on('end', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(wall);
      signal?.removeEventListener('abort', onAbort);
      if (ended !== null) resolve({ ended });
      else if (bytes === 0) reject(new PortError('git', 'have a patch read by the run user', { cause: failure }));
      else resolve({ bytes: Buffer.concat(chunks) });
    });
    for (const part of parts) socket.write(part);
    socket.end();
  });
}

async function takeAnswer(
  bytes: Buffer,
  { indexFile, objectsDir }: { readonly indexFile: string; readonly objectsDir: string },
): Promise<GitAnswer> {
  const [, code, length] = /^(\d{1,3}) (\d{1,6})\n/.exec(bytes.subarray(0, 12).toString('latin1')) ?? [];
  const said = Number(length);
  if (code === undefined || !(said <= stderrBytesMax)) throw unsound('it does not begin with a code');
  const from = bytes.indexOf(0x0a) + 1;
  const stderr = bytes.subarray(from, from + said).toString('utf8');
  const answer = { code: Number(code), stdout: Buffer.alloc(0), stderr };
  // timeout(1) ends itself as it has ended git.
  if (answer.code === 137) return { ...answer, ended: 'wall' };
  // A refusal leaves nothing behind that anybody wants.
  if (answer.code !== 0) return { ...answer, ended: null };
  const files = readArchive(bytes.subarray(from + said));
  const index = files.get('index');
  if (index === undefined) throw unsound('there is no index in it');
  for (const [name, content] of files) {
    if (name === 'index') continue;
    const found = /^objects\/([0-9a-f]{2})\/([0-9a-f]{38}|[0-9a-f]{62})$/.exec(name);
    if (!found) throw unsound(`there is ${JSON.stringify(name)} in it`);
    await takeObject(objectsDir, `${found[1]}${found[2]}`, content);
  }
  await writeFile(indexFile, index);
  return { ...answer, ended: null };
}

function unsound(why: string): PortError {
  return new PortError('git', 'take what a patch has made', { cause: new Error(why) });
}
