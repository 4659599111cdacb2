import type { Need } from './access.ts';
import type { Credential } from './credentials.ts';
import type { Operation } from './faults.ts';
import type { Quota } from './rate.ts';
import type { Reply } from './replies.ts';
import { pageOf, type Json } from './shapes.ts';
import type { FakeRepository, World } from './world.ts';

export interface Asked {
  readonly world: World;
  /** With the address that the client used, for links. */
  readonly url: URL;
  /** What the path names after the repository, decoded: a ref, a number, an id. */
  readonly id: string;
  readonly body: Json;
  readonly accept: string;
  readonly credential: Credential | null;
  readonly quota: Quota;
}

export interface AskedOfRepository extends Asked {
  readonly repository: FakeRepository;
  /** Login of the caller. */
  readonly by: string;
}

export type Route =
  | {
      readonly operation: Operation;
      readonly method: string;
      readonly path: RegExp;
      readonly need: Need;
      readonly run: (asked: AskedOfRepository) => Reply;
    }
  | {
      readonly operation: Operation;
      readonly method: string;
      readonly path: RegExp;
      readonly need: null;
      readonly run: (asked: Asked) => Reply;
    };

/** `path` is what follows the repository; `:id` is the one place to fill in, and `*id` one that takes slashes too: a ref. */
export function ofRepository(
  operation: Operation,
  method: string,
  path: string,
  need: Need,
  run: (asked: AskedOfRepository) => Reply,
): Route {
  return { operation, method, path: pattern(path), need, run };
}

export function ofAccount(operation: Operation, method: string, path: string, run: (asked: Asked) => Reply): Route {
  return { operation, method, path: pattern(path), need: null, run };
}

function pattern(path: string): RegExp {
  return new RegExp(`^${path.replace('*id', '(.+)').replace(':id', '([^/]+)')}$`);
}

export const reads = (...permissions: string[]): Need => ({ anyOf: permissions.map((one) => [one, 'read'] as const) });
export const writes = (...permissions: string[]): Need => ({
  anyOf: permissions.map((one) => [one, 'write'] as const),
});

/** One page as a plain array, the way most lists of this API answer. */
export function listed<Row>(url: URL, rows: readonly Row[], shape: (row: Row) => Json): Reply {
  const page = pageOf(url, rows);
  return {
    status: 200,
    body: page.rows.map((row) => shape(row)),
    ...(page.link === null ? {} : { headers: { link: page.link } }),
  };
}

/** One page inside an object that says how many there are. */
export function counted<Row>(url: URL, key: string, rows: readonly Row[], shape: (row: Row) => Json): Reply {
  const page = pageOf(url, rows);
  return {
    status: 200,
    body: { total_count: rows.length, [key]: page.rows.map((row) => shape(row)) },
    ...(page.link === null ? {} : { headers: { link: page.link } }),
  };
}

export function textOf(body: Json, key: string): string {
  const value = body[key];
  return typeof value === 'string' ? value : '';
}

export function textOrNull(body: Json, key: string): string | null {
  const value = body[key];
  return typeof value === 'string' ? value : null;
}
