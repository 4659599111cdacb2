import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { problem, type Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { MountedRoute } from './route.ts';

/** Reads and checks what a route takes: `undefined` when it takes no body. Nothing larger than its limit is ever held. */
export async function readRouteBody(
  request: IncomingMessage,
  wanted: MountedRoute['body'],
): Promise<Result<unknown, Problem>> {
  if (wanted === null) {
    // A body nobody asked for is a mistake worth knowing; `{}` is what clients send that always send JSON.
    if (!hasBody(request)) return ok(undefined);
    const read = await readBody(request, 64, 'payload_too_large');
    if (!read.ok) return read;
    const text = read.value.toString('utf8').trim();
    return text === '' || text === '{}' ? ok(undefined) : no(problem('invalid_body', 'This request takes no body.'));
  }
  const mediaType = wanted.kind === 'json' ? 'application/json' : (wanted.mediaType ?? 'application/octet-stream');
  const trouble = mediaTypeTrouble(request, mediaType);
  if (trouble) return no(trouble);
  const read = await readBody(request, wanted.bytesMax, wanted.kind === 'json' ? 'payload_too_large' : wanted.tooLarge);
  if (!read.ok || wanted.kind === 'raw') return read;
  const json = parseJson(read.value);
  if (!json.ok) return json;
  const parsed = wanted.schema.safeParse(json.value);
  return parsed.success ? ok(parsed.data) : no(mistakes('invalid_body', parsed.error));
}

/** All mistakes at once, each with its path and what is expected there. */
export function mistakes(code: 'invalid_body' | 'invalid_query', error: z.ZodError): Problem {
  const listed = error.issues.slice(0, 20).map((issue) => {
    const path = issue.path.map(String).join('.');
    const said = issue.message.replace(/^Invalid input: /, '').slice(0, 300);
    return path === '' ? said : `${path}: ${said}`;
  });
  const more = error.issues.length > listed.length ? `; and ${error.issues.length - listed.length} more` : '';
  const where = code === 'invalid_body' ? 'body' : 'query';
  return problem(code, `The ${where} of this request is not right. ${listed.join('; ')}${more}.`);
}

export function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

function mediaTypeTrouble(request: IncomingMessage, wanted: string): Problem | null {
  if (request.headers['content-encoding'] !== undefined) {
    return problem('unsupported_media_type', 'Send the body as it is, without a Content-Encoding.');
  }
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  if (type.trim().toLowerCase() === wanted) return null;
  return problem('unsupported_media_type', `The body of this request must be ${wanted}.`);
}

async function readBody(
  request: IncomingMessage,
  bytesMax: number,
  tooLarge: 'payload_too_large' | 'patch_too_large',
): Promise<Result<Buffer, Problem>> {
  const refusal = problem(tooLarge, `This is too large: at most ${bytesText(bytesMax)} are taken here.`);
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) return no(refusal);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) chunks.push(chunk);
      else {
        // What still comes is read and dropped by whoever answers, so that the client gets to see the answer.
        chunks.length = 0;
        resolve(no(refusal));
      }
    });
    request.on('end', () => resolve(ok(Buffer.concat(chunks))));
    // The client is gone: nobody reads this answer, but the request must end.
    request.on('close', () => resolve(no(problem('invalid_body', 'The body broke off before its end.'))));
    request.on('error', () => resolve(no(problem('invalid_body', 'The body broke off before its end.'))));
  });
}

function parseJson(bytes: Buffer): Result<unknown, Problem> {
  try {
    return ok(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (error) {
    if (error instanceof SyntaxError) {
      return no(problem('invalid_body', `The body is not JSON: ${error.message.slice(0, 200)}.`));
    }
    if (error instanceof TypeError) return no(problem('invalid_body', 'The body is not UTF-8 text.'));
    throw error;
  }
}

function bytesText(bytes: number): string {
  return bytes >= 1024 * 1024 ? `${bytes / (1024 * 1024)} MiB` : `${bytes / 1024} KiB`;
}
