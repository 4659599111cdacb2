import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Express, Request, Response } from 'express';
import { problem, type Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { refusalOf, type Door } from '../auth/door.ts';
import { mistakes, readRouteBody } from './body.ts';
import { Reply } from './reply.ts';
import type { MountedRoute, Owner } from './route.ts';

interface MountOptions {
  readonly door: Door;
  readonly answeringOf: (response: Response) => {
    readonly requestId: string;
    readonly fromSocket: boolean;
    readonly refuse: (refusal: Problem) => void;
  };
}

/** Who may, then what was sent, then the route itself. A stranger's body is never read for a route of the owner's. */
export function mountRoute(app: Express, route: MountedRoute, { door, answeringOf }: MountOptions): void {
  app[route.method](route.path, async (request: Request, response: Response) => {
    const { requestId, fromSocket, refuse } = answeringOf(response);
    const who = admit(route, door, request, fromSocket);
    if (!who.ok) return refuse(who.why);
    const body = await readRouteBody(request, route.body);
    if (!body.ok) return refuse(body.why);
    const query = parseQuery(route, request);
    if (!query.ok) return refuse(query.why);
    const gone = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    const context = {
      params: request.params,
      query: query.value,
      body: body.value,
      requestId,
      signal: gone.signal,
      cookies: request.headers.cookie,
      headers: request.headers,
      fromSocket,
    };
    // The schemas this route was typed with have just parsed what its handler gets.
    const outcome = await route.run(context as unknown as Parameters<MountedRoute['run']>[0], who.value);
    if (!outcome.ok) return refuse(outcome.why);
    await send(response, route.status, outcome.value, gone.signal);
  });
}

function admit(route: MountedRoute, door: Door, request: Request, fromSocket: boolean): Result<Owner | null, Problem> {
  if (fromSocket) return ok({ by: 'socket', deviceId: null, sessionPinAtMs: null });
  if (route.access === 'anybody' || route.access === 'hook') return ok(null);
  if (route.access === 'socket') {
    return no(problem('not_found', `There is nothing at ${request.method} ${request.path}.`));
  }
  const visitor = door.whoIs(request.headers.cookie, 'use');
  const refusal = refusalOf(visitor.state);
  if (refusal) return no(refusal);
  return ok({
    by: visitor.device?.name ?? 'a device',
    deviceId: visitor.device?.id ?? null,
    sessionPinAtMs: visitor.sessionPinAtMs,
  });
}

function parseQuery(route: MountedRoute, request: Request): Result<unknown, Problem> {
  if (route.query === null) return ok(undefined);
  const parsed = route.query.safeParse({ ...request.query });
  return parsed.success ? ok(parsed.data) : no(mistakes('invalid_query', parsed.error));
}

async function send(response: Response, status: number, value: unknown, gone: AbortSignal): Promise<void> {
  if (!(value instanceof Reply)) {
    response.status(status).json(value ?? null);
    return;
  }
  const { parts } = value;
  response.status(parts.status ?? status);
  for (const [name, header] of Object.entries(parts.headers ?? {})) {
    response.setHeader(name, typeof header === 'string' ? header : [...header]);
  }
  if ('json' in parts.content) {
    response.json(parts.content.json);
  } else if (typeof parts.content.body === 'string' || parts.content.body instanceof Uint8Array) {
    response.end(parts.content.body);
  } else {
    await stream(parts.content.body, response, gone);
  }
}

async function stream(chunks: Iterable<string>, response: Response, gone: AbortSignal): Promise<void> {
  try {
    await pipeline(Readable.from(chunks), response);
  } catch (error) {
    // A client that stops listening half-way is no failure of ours.
    if (!gone.aborted) throw error;
  }
}
