import type { ServerResponse } from 'node:http';
import express, { type NextFunction, type Request, type Response } from 'express';
import { problem, type Problem } from '#contract/problem.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock, Log, Random } from '../../ports.ts';
import type { Door } from '../auth/door.ts';
import { guardHost, guardWrite, isWrite } from './guard.ts';
import { mountRoute } from './mount-route.ts';
import type { OwnerSockets } from './owner-sockets.ts';
import { answerProblem, internalProblem } from './problem-answer.ts';
import { requestId } from './request-id.ts';
import type { Routes, RouteTable } from './route.ts';
import { isApi, securityHeaders } from './security-headers.ts';
import type { Site } from './site.ts';
import { staticPages } from './static-pages.ts';

export interface HttpAppOptions {
  readonly site: Site;
  readonly door: Door;
  /** Connections that are the owner's because of the unix socket they came through. */
  readonly sockets: OwnerSockets;
  readonly routes: readonly Routes[];
  /** Folder of the built pages; may not exist yet. */
  readonly webFolder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What middleware has found out about a request, in the order it runs. */
interface Answering {
  readonly requestId: string;
  readonly fromSocket: boolean;
  readonly refuse: (refusal: Problem) => void;
}

/**
 * The HTTP side of every door, for the TCP server and for the unix socket. Each answer carries the security headers; every
 * write is guarded before its body is read; whatever a route throws becomes `internal` and stays in the log.
 */
export function httpApp(options: HttpAppOptions): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', false);
  app.set('query parser', 'simple');

  const answered = new WeakMap<ServerResponse, Answering>();
  const answeringOf = (response: ServerResponse): Answering => {
    const answering = answered.get(response);
    assert(answering, 'every response was begun by the first middleware');
    return answering;
  };
  const table: RouteTable = [];
  for (const add of options.routes) add(table);
  const hooks = new Set(table.filter(({ access }) => access === 'hook').map(({ path }) => path));
  app.use((request, response, next) => {
    const answering = begin(options, request, response);
    answered.set(response, answering);
    const caller = answering.fromSocket ? 'socket' : hooks.has(request.path) ? 'machine' : 'page';
    const refusal = guard(options, request, response, caller);
    if (refusal) return answering.refuse(refusal);
    next();
  });

  for (const route of table) mountRoute(app, route, { door: options.door, answeringOf });

  app.use((request, response, next) => {
    if (!isApi(request.path) && !isWrite(request.method)) return next();
    answeringOf(response).refuse(problem('not_found', `There is nothing at ${request.method} ${request.path}.`));
  });
  app.use(staticPages(options.webFolder));
  // Express tells an error handler by its four parameters.
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const { requestId, refuse } = answeringOf(response);
    if (isMalformedPath(error)) return refuse(problem('not_found', 'This address is not one of ours.'));
    refuse(internalProblem(error, { requestId, method: request.method, path: request.path, log: options.log }));
  });
  return app;
}

function begin(options: HttpAppOptions, request: Request, response: Response): Answering {
  const { clock, random, sockets } = options;
  const id = requestId(random);
  return {
    requestId: id,
    fromSocket: sockets.has(request),
    refuse: (refusal) => answerProblem(request, response, refusal, { requestId: id, clock }),
  };
}

/**
 * Sets the headers every answer has, and says why the request may not even be looked at. The socket's requests may; a machine is
 * no page, so only the host that it asks counts, and the rest is for its route to find out.
 */
function guard(
  options: HttpAppOptions,
  request: Request,
  response: Response,
  caller: 'socket' | 'machine' | 'page',
): Problem | null {
  const { headers, method, path } = request;
  const host = guardHost(options.site, headers);
  const https = host.ok && host.value.startsWith('https:');
  response.setHeaders(new Map(Object.entries(securityHeaders({ https, path }))));
  if (caller === 'socket') return null;
  const mustBeOurs = caller === 'page' && isWrite(method);
  const refusal = host.ok ? (mustBeOurs ? guardWrite(host.value, headers) : null) : host.why;
  if (refusal) {
    const asked = { host: clipped(headers.host), origin: clipped(headers.origin), path: clipped(path) };
    options.door.refusals.note('request.refused', { reason: refusal.code, ...asked });
  }
  return refusal;
}

function clipped(text: string | undefined): string | null {
  return text === undefined ? null : text.slice(0, 200);
}

/** A path that cannot be decoded ("/%") is refused by the router itself, with a status below 500. */
function isMalformedPath(error: unknown): boolean {
  return error instanceof URIError || (error instanceof Error && 'status' in error && Number(error.status) < 500);
}
