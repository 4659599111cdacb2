import { request } from 'node:http';
import { Problem, problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../lib/result.ts';

/** Answers of the daemon over the unix socket in the data folder. */
export interface Client {
  readonly get: (path: string) => Promise<Result<unknown, Problem>>;
  readonly send: (
    method: 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
  ) => Promise<Result<unknown, Problem>>;
  readonly sendBytes: (path: string, bytes: Buffer) => Promise<Result<unknown, Problem>>;
  /** The body as it comes, for exports. */
  readonly stream: (path: string, to: NodeJS.WritableStream) => Promise<Result<null, Problem>>;
}

const answerBytesMax = 64 * 1024 * 1024;

export function socketClient(socketPath: string): Client {
  const ask = (method: string, path: string, type?: string, body?: Buffer): Promise<Result<Buffer, Problem>> =>
    new Promise((resolve) => {
      const headers = {
        'x-patchgit': '1',
        ...(type === undefined ? {} : { 'content-type': type, 'content-length': body?.length ?? 0 }),
      };
      const asking = request({ socketPath, method, path, headers }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= answerBytesMax) chunks.push(chunk);
        });
        // Without its end an answer is none: the daemon was ended in the middle of it.
        response.on('error', (error: NodeJS.ErrnoException) => resolve(no(unreachable(socketPath, error))));
        response.on('end', () => {
          const answer = Buffer.concat(chunks);
          resolve((response.statusCode ?? 500) < 400 ? ok(answer) : no(problemIn(answer)));
        });
      });
      asking.on('error', (error: NodeJS.ErrnoException) => resolve(no(unreachable(socketPath, error))));
      asking.end(body);
    });
  const json = (answer: Result<Buffer, Problem>): Result<unknown, Problem> =>
    answer.ok ? ok(answer.value.length === 0 ? null : JSON.parse(answer.value.toString('utf8'))) : answer;
  return {
    get: async (path) => json(await ask('GET', path)),
    send: async (method, path, body) =>
      json(await ask(method, path, 'application/json', Buffer.from(JSON.stringify(body ?? {})))),
    sendBytes: async (path, bytes) => json(await ask('POST', path, 'application/octet-stream', bytes)),
    stream: async (path, to) => {
      const answer = await ask('GET', path);
      if (!answer.ok) return answer;
      to.write(answer.value);
      return ok(null);
    },
  };
}

function problemIn(answer: Buffer): Problem {
  try {
    const parsed = Problem.safeParse(JSON.parse(answer.toString('utf8')));
    if (parsed.success) return parsed.data;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return problem(
    'internal',
    `The daemon answered something that is not a problem: ${answer.toString('utf8').slice(0, 200)}`,
  );
}

function unreachable(socketPath: string, error: NodeJS.ErrnoException): Problem {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    return problem(
      'not_configured',
      `patchgit is not running on this data folder (no answer at ${socketPath}). Start it with "npm start", or set PATCHGIT_HOME to the folder it runs on.`,
    );
  }
  if (error.code === 'EACCES')
    return problem(
      'not_configured',
      `This user may not use ${socketPath}. Run the command as the user patchgit runs as.`,
    );
  return problem(
    'internal',
    `The daemon ended the connection (${error.code ?? error.message}). Look at its output, and try again.`,
  );
}
