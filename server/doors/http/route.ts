import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import type { DeviceId } from '#contract/ids.ts';
import type { Problem } from '#contract/problem.ts';
import { assert } from '../../lib/assert.ts';
import type { Result } from '../../lib/result.ts';

/** Who asks: the one person, over the unix socket or with an open session on an enrolled device. */
export interface Owner {
  /** For ledger entries and decisions: 'socket', or the device's name. */
  readonly by: string;
  readonly deviceId: DeviceId | null;
  /** When this session's PIN was typed; null over the socket, where there is no PIN to ask for. */
  readonly sessionPinAtMs: number | null;
}

export interface PublicContext<Params, Body, Query> {
  readonly params: Params;
  /** Parsed by the route's schema; `undefined` when the route takes none. */
  readonly query: Query;
  readonly body: Body;
  readonly requestId: string;
  /** Aborted when the client goes away before it was answered. */
  readonly signal: AbortSignal;
  /** The Cookie header as it came; only the door reads it. */
  readonly cookies: string | undefined;
  readonly fromSocket: boolean;
}

/** What a machine sends by itself: it has no session, and says by a signature over these very bytes who it is. */
export interface HookContext {
  readonly body: Buffer;
  readonly headers: IncomingHttpHeaders;
  readonly requestId: string;
}

export interface RouteContext<Params, Body, Query> extends PublicContext<Params, Body, Query> {
  readonly owner: Owner;
}

export interface RouteOptions<Body, Query> {
  /** Schema of a JSON body. */
  readonly body?: z.ZodType<Body>;
  /** Schema of the query; values arrive as text, so numbers need `z.coerce`. Without one, the query is ignored. */
  readonly query?: z.ZodType<Query>;
  /** Longest JSON body; 64 KiB unless said. */
  readonly bodyBytesMax?: number;
  /** Status of a good answer; 200 unless said. */
  readonly status?: 200 | 202;
  /** Only over the unix socket: to everybody else the route does not exist. */
  readonly socketOnly?: boolean;
}

export interface RawRouteOptions<Query> extends Omit<RouteOptions<never, Query>, 'body' | 'bodyBytesMax'> {
  /** The body is raw bytes (application/octet-stream), at most this many. */
  readonly rawBytesMax: number;
  /** What a longer body is refused with; `payload_too_large` unless said. */
  readonly tooLarge?: 'payload_too_large' | 'patch_too_large';
}

export type Method = 'get' | 'post' | 'patch' | 'put' | 'delete';

/** `/api/jobs/:id` gives `{ id: string }`. */
export type PathParams<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? { readonly [Key in Name]: string } & PathParams<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? { readonly [Key in Name]: string }
    : object;

/** A value is sent as JSON; a `Reply` is sent as it says (other media types, cookies). */
export type RouteOutcome = Result<unknown, Problem>;
type Handler<Context> = (context: Context) => RouteOutcome | Promise<RouteOutcome>;

/** A route with its types forgotten, as `httpApp` mounts it. */
export interface MountedRoute {
  readonly method: Method;
  readonly path: string;
  readonly access: 'owner' | 'anybody' | 'socket' | 'hook';
  readonly body: { readonly kind: 'json'; readonly schema: z.ZodType; readonly bytesMax: number } | RawBody | null;
  readonly query: z.ZodType | null;
  readonly status: 200 | 202;
  readonly run: (
    context: PublicContext<never, never, never> & Pick<HookContext, 'headers'>,
    owner: Owner | null,
  ) => ReturnType<Handler<never>>;
}

export interface RawBody {
  readonly kind: 'raw';
  readonly bytesMax: number;
  readonly tooLarge: 'payload_too_large' | 'patch_too_large';
  readonly mediaType?: string;
}

export type RouteTable = MountedRoute[];
/** One file's routes: called once with the table it adds to. */
export type Routes = (table: RouteTable) => void;

export const jsonBytesMax = 64 * 1024;
/** For messages that carry a patch as base64. */
export const messageBytesMax = 15 * 1024 * 1024;

/**
 * Adds a route that only the owner may use. `run` answers with a Result: a value (JSON) or a `Reply`, or a Problem that
 * travels with the status of its code. What it throws is our fault: `internal`, logged once with the request's id.
 *
 *   route(table, 'post', '/api/proposals/:id/go', { body: Decide, status: 202 }, ({ params, body, owner }) => …)
 */
export function route<const Path extends string, Body = undefined, Query = undefined>(
  table: RouteTable,
  method: Method,
  path: Path,
  options: RouteOptions<Body, Query>,
  run: Handler<RouteContext<PathParams<Path>, Body, Query>>,
): void {
  table.push({
    ...mounted(method, path, options),
    access: options.socketOnly === true ? 'socket' : 'owner',
    run: ownerOnly(run),
  });
}

/** As `route`, for a body of raw bytes: `body` is the whole of it as a Buffer. */
export function rawRoute<const Path extends string, Query = undefined>(
  table: RouteTable,
  method: Method,
  path: Path,
  options: RawRouteOptions<Query>,
  run: Handler<RouteContext<PathParams<Path>, Buffer, Query>>,
): void {
  const { rawBytesMax: bytesMax, tooLarge = 'payload_too_large', ...rest } = options;
  table.push({
    ...mounted(method, path, rest),
    body: { kind: 'raw', bytesMax, tooLarge },
    access: options.socketOnly === true ? 'socket' : 'owner',
    run: ownerOnly(run),
  });
}

/** As `route`, for anybody who can reach us: the door itself. There is no `owner` to rely on. */
export function publicRoute<const Path extends string, Body = undefined, Query = undefined>(
  table: RouteTable,
  method: Method,
  path: Path,
  options: Omit<RouteOptions<Body, Query>, 'socketOnly'>,
  run: Handler<PublicContext<PathParams<Path>, Body, Query>>,
): void {
  // The table forgets the types that `options` and `run` share: what was parsed by these schemas goes to this handler.
  table.push({ ...mounted(method, path, options), access: 'anybody', run: run as unknown as MountedRoute['run'] });
}

/**
 * A POST of another machine. No page can have caused it and no cookie counts, so the guards against foreign pages do not apply;
 * `run` must find out itself, from the bytes, whether it may be believed.
 */
export function hookRoute(
  table: RouteTable,
  path: string,
  options: { readonly bytesMax: number },
  run: Handler<HookContext>,
): void {
  table.push({
    ...mounted('post', path, { status: 202 }),
    body: { kind: 'raw', bytesMax: options.bytesMax, tooLarge: 'payload_too_large', mediaType: 'application/json' },
    access: 'hook',
    // The body of a raw route is a Buffer.
    run: ({ body, headers, requestId }) => run({ body: body as unknown as Buffer, headers, requestId }),
  });
}

function mounted(
  method: Method,
  path: string,
  options: Pick<RouteOptions<unknown, unknown>, 'body' | 'query' | 'bodyBytesMax' | 'status'>,
): Omit<MountedRoute, 'access' | 'run'> {
  return {
    method,
    path,
    body: options.body ? { kind: 'json', schema: options.body, bytesMax: options.bodyBytesMax ?? jsonBytesMax } : null,
    query: options.query ?? null,
    status: options.status ?? 200,
  };
}

function ownerOnly<Params, Body, Query>(run: Handler<RouteContext<Params, Body, Query>>): MountedRoute['run'] {
  return (context, owner) => {
    assert(owner !== null, 'an owner route is only run for the owner');
    // As above: params, body and query were parsed by the schemas this handler was typed with.
    return run({ ...(context as unknown as PublicContext<Params, Body, Query>), owner });
  };
}
