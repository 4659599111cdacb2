/** Git's smart HTTP as GitHub serves it: Basic authentication in front of `git http-backend`, on real repositories. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { never } from '../../lib/assert.ts';
import { gitEnvironment } from '../repository.ts';
import { gitRefusal, workflowWords } from './access.ts';
import { loginOf, type Credential } from './credentials.ts';
import { isDoneNow, type GitOperation, type Planned, type Says } from './faults.ts';
import { settle } from './pulls.ts';
import type { PushRules } from './receive-hook.ts';
import { fullName, type FakeRepository, type World } from './world.ts';

export interface GitCall {
  readonly operation: GitOperation;
  readonly owner: string;
  readonly name: string;
  /** What `git http-backend` calls it. */
  readonly service: string;
}

interface CgiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const wallMs = 120_000;
const hookFile = fileURLToPath(new URL('./receive-hook.ts', import.meta.url));

/** Null: not a request that git makes. */
export function gitCallOf(method: string, url: URL): GitCall | null {
  const [, owner = '', name = '', service = ''] =
    /^\/([^/]+)\/([^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(url.pathname) ?? [];
  const asked = service === 'info/refs' ? url.searchParams.get('service') : service;
  if (method !== (service === 'info/refs' ? 'GET' : 'POST')) return null;
  const kind = asked === 'git-receive-pack' ? 'push' : asked === 'git-upload-pack' ? 'fetch' : null;
  if (kind === null) return null;
  return { operation: service === 'info/refs' ? `git/${kind}-refs` : `git/${kind}`, owner, name, service };
}

/** Every repository gets the hook that judges pushes, and GitHub's own settings. */
export function serveable(repository: FakeRepository): void {
  const { bare } = repository;
  const hook = join(bare.gitDir, 'hooks', 'proc-receive');
  writeFileSync(hook, `#!/bin/sh\nexec '${process.execPath}' '${hookFile}'\n`, { mode: 0o755 });
  bare.git('config', '--add', 'receive.procReceiveRefs', 'refs');
  // refs/pull/* are the forge's own.
  bare.git('config', 'receive.hideRefs', 'refs/pull');
  bare.git('config', 'http.receivepack', 'true');
  // A push starts no work that outlives it: the folder may be gone by then.
  bare.git('config', 'receive.autogc', 'false');
  bare.git('config', 'uploadpack.allowFilter', 'true');
  bare.git('config', 'uploadpack.allowAnySHA1InWant', 'true');
}

export interface Served {
  /** What left for the client; 0 for nothing. */
  readonly status: number;
  readonly revokes: boolean;
}

/**
 * git asks without a credential first: `take` is called only for a request that would be served. `isLater` is told of a push that
 * lands after its answer.
 */
export async function serveGit(
  world: World,
  call: GitCall,
  request: IncomingMessage,
  response: ServerResponse,
  credential: Credential | 'bad' | null,
  take: () => Planned,
  isLater: (work: Promise<unknown>) => void,
): Promise<Served> {
  const plain = (status: number, text: string, more: Record<string, string> = {}): Served => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=UTF-8', ...more });
    response.end(text);
    return { status, revokes: false };
  };
  const asking = { 'www-authenticate': 'Basic realm="GitHub"' };
  if (credential === 'bad') {
    const text = 'Invalid username or token. Password authentication is not supported for Git operations.';
    return plain(401, text, asking);
  }
  const repository = world.find(call.owner, call.name);
  const isWrite = call.operation === 'git/push-refs' || call.operation === 'git/push';
  const no = gitRefusal(world, repository, credential, isWrite);
  if (no !== null || repository === null) {
    return plain(no?.status ?? 404, no?.text ?? '', no?.status === 401 ? asking : {});
  }
  if (repository.name.toLowerCase() !== call.name.toLowerCase()) {
    const { search } = new URL(request.url ?? '/', world.webUrl);
    return plain(301, '', { location: `${world.webUrl}/${fullName(repository)}.git/${call.service}${search}` });
  }
  const planned = take();
  const { says } = planned;
  if (says.kind === 'primary_limit' || says.kind === 'secondary_limit') {
    return plain(says.status, 'You have exceeded a rate limit.');
  }
  if (says.kind === 'error' && says.status < 500) return plain(says.status, says.message);
  const body = await collect(request);
  const run = async (): Promise<CgiAnswer> => {
    const answer = await backend(world, repository, call, request, body, credential);
    if (isWrite) settle(world, repository, credential === null ? 'nobody' : loginOf(credential));
    return answer;
  };
  const isNow = isDoneNow(planned, world, () => isLater(run()));
  const answer = isNow ? await run() : { status: 503, headers: {}, body: Buffer.alloc(0) };
  return { status: say(response, answer, says), revokes: planned.revokes };
}

function say(response: ServerResponse, answer: CgiAnswer, says: Says): number {
  const send = (): void => {
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  };
  switch (says.kind) {
    case 'truth':
    case 'endless':
    case 'primary_limit':
    case 'secondary_limit':
      send();
      return answer.status;
    case 'nothing':
      response.destroy();
      return 0;
    case 'hangs':
      return 0;
    case 'slow':
      setTimeout(send, says.delayMs).unref();
      return answer.status;
    case 'truncated':
      response.writeHead(answer.status, { ...answer.headers, 'content-length': String(answer.body.length) });
      response.write(answer.body.subarray(0, Math.floor(answer.body.length / 2)), () => response.destroy());
      return answer.status;
    case 'redirect':
      response.writeHead(says.status, { location: says.to });
      response.end();
      return says.status;
    case 'error':
    case 'page':
      response.writeHead(says.status, { 'content-type': 'text/html' });
      response.end('<html><body><h1>Server Error</h1></body></html>');
      return says.status;
    default:
      return never(says);
  }
}

async function collect(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The CGI program sees no credential: it was judged before. */
async function backend(
  world: World,
  repository: FakeRepository,
  call: GitCall,
  request: IncomingMessage,
  body: Buffer,
  credential: Credential | null,
): Promise<CgiAnswer> {
  const header = (name: string): string => String(request.headers[name] ?? '');
  const { gitDir } = repository.bare;
  const child = spawn('git', ['http-backend'], {
    env: {
      ...gitEnvironment,
      GIT_PROJECT_ROOT: dirname(gitDir),
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: `/${basename(gitDir)}/${call.service}`,
      REQUEST_METHOD: request.method ?? 'GET',
      QUERY_STRING: (request.url ?? '').split('?')[1] ?? '',
      CONTENT_TYPE: header('content-type'),
      CONTENT_LENGTH: String(body.length),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
      REMOTE_USER: credential === null ? '' : loginOf(credential),
      REMOTE_ADDR: '127.0.0.1',
      FORGE_RULES: JSON.stringify(pushRules(world, repository, credential)),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const wall = setTimeout(() => child.kill('SIGKILL'), wallMs);
  // A program that needs no more input closes its end; what it answers tells the story.
  child.stdin.on('error', () => undefined);
  child.stdin.end(body);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(wall);
  return parseCgi(Buffer.concat(chunks));
}

function pushRules(world: World, repository: FakeRepository, credential: Credential | null): PushRules {
  const words = credential === null ? true : workflowWords(credential);
  return {
    workflowWords: words === true ? null : words,
    protectedBranches: repository.protectedBranches.map(({ branch }) => branch),
    rules: repository.rules,
    fileBytesMax: world.conditions.fileBytesMax,
    rulesUrl: `${world.webUrl}/${fullName(repository)}/rules`,
    docsUrl: 'https://gh.io/lfs',
  };
}

function parseCgi(output: Buffer): CgiAnswer {
  const end = output.indexOf('\r\n\r\n');
  if (end < 0) return { status: 500, headers: {}, body: output };
  const lines = output.subarray(0, end).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const { status = '200', ...rest } = headers;
  return { status: Number.parseInt(status, 10), headers: rest, body: output.subarray(end + 4) };
}
