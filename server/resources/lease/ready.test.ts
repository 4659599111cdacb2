import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ok } from '../../lib/result.ts';
import type { HelperConnection } from '../../ports-cloud.ts';
import { fakeClock } from '../../testing/fake-clock.ts';
import { whenReady } from './ready.ts';
import { pass } from './testing/house.ts';

/** Answers one after the other; the last one stays. */
function answering(...answers: readonly (readonly [number | null, string])[]): HelperConnection {
  let at = 0;
  return {
    start: (_, { onOutput }) => {
      const [code, text] = answers[Math.min(at, answers.length - 1)] ?? [null, ''];
      at += 1;
      onOutput(Buffer.from(text));
      return Promise.resolve(
        ok({ input: new PassThrough(), ended: Promise.resolve({ code, signal: null }), stop: () => undefined }),
      );
    },
    forward: () => Promise.resolve({ ok: false, why: 'not here' }),
    isOpen: () => true,
    close: () => Promise.resolve(),
  };
}

describe('a machine that answers', () => {
  it.each([
    ['is ready when its orders say so', [[0, '{"machine":"pg-1"}']], { ok: true }],
    [
      'is asked again until then',
      [
        [3, ''],
        [3, ''],
        [0, '{"machine":"pg-1"}'],
      ],
      { ok: true },
    ],
    [
      'tells where it gave up',
      [
        [3, ''],
        [4, 'No bubblewrap.\n'],
      ],
      { ok: false, why: 'The helper could not set itself up: No bubblewrap.' },
    ],
    ['is another one', [[0, '{"machine":"pg-2"}']], { ok: false, why: expect.stringMatching(/^Another machine/) }],
    ['says nothing that can be read', [[0, '{']], { ok: false }],
    ['is lost', [[null, '']], { ok: false, why: expect.stringMatching(/was lost/) }],
  ] as const)('%s', async (_, answers, expected) => {
    const clock = fakeClock();
    const outcome = whenReady(answering(...answers), 'pg-1', clock, new AbortController().signal);
    await pass(clock, 5_000, 1_000);
    expect(await outcome).toMatchObject(expected);
  });

  it('is not waited for any longer than somebody wants it', async () => {
    const stop = new AbortController();
    const clock = fakeClock();
    const outcome = whenReady(answering([3, '']), 'pg-1', clock, stop.signal);
    await pass(clock, 3_000, 1_000);
    stop.abort();
    expect(await outcome).toEqual({ ok: false, why: 'The helper was not ready in time.' });
  });
});
