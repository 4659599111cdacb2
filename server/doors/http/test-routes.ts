import { createHash } from 'node:crypto';
import { z } from 'zod';
import { problem } from '#contract/problem.ts';
import { no, ok } from '../../lib/result.ts';
import { messageBytesMax, rawRoute, route, type Routes } from './route.ts';

const Note = z.strictObject({ text: z.string().max(10), tags: z.array(z.int()).optional() });

/** A route of every kind, for tests of what happens around routes. `ran` collects what was really carried out. */
export function testRoutes(ran: string[]): Routes {
  return (table) => {
    route(table, 'get', '/api/things/:id/:part', {}, ({ params, owner }) => {
      ran.push(`read ${params.id} ${params.part}`);
      return ok({ params, by: owner.by });
    });
    route(table, 'post', '/api/notes', { body: Note, status: 202 }, ({ body }) => {
      ran.push(`note ${body.text}`);
      return ok(body);
    });
    route(table, 'post', '/api/large', { body: z.unknown(), bodyBytesMax: messageBytesMax }, () => ok({}));
    rawRoute(table, 'post', '/api/raw', { rawBytesMax: 10 * 1024 * 1024, tooLarge: 'patch_too_large' }, ({ body }) =>
      ok({ bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') }),
    );
    route(table, 'get', '/api/query', { query: z.strictObject({ limit: z.coerce.number().int() }) }, ({ query }) =>
      ok(query),
    );
    route(table, 'get', '/api/refuses', {}, () =>
      no(problem('stale_digest', 'The proposal changed.', { current: 'abc' })),
    );
    route(table, 'get', '/api/throws', {}, () => {
      throw new Error('the secret inside', { cause: new Error('the cause') });
    });
    route(table, 'get', '/api/rejects', {}, () => Promise.reject(new Error('the secret inside')));
  };
}
