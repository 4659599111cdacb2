import { describe, expect, it } from 'vitest';
import { assert, AssertionError, never } from './assert.ts';
import { no, ok } from './result.ts';

describe('what cannot be', () => {
  it('throws an error that says the rule, and nothing else does', () => {
    expect(() => assert(false, 'a funded lease holds money')).toThrow(
      new AssertionError('cannot be: a funded lease holds money'),
    );
    for (const falsy of [0, '', null, undefined, Number.NaN]) expect(() => assert(falsy, 'x')).toThrow(AssertionError);
    for (const truthy of [1, 'x', {}, []]) expect(() => assert(truthy, 'x')).not.toThrow();
  });
  it('includes a member outside of a closed set, which is named', () => {
    expect(() => never('surprise' as never)).toThrow(/"surprise"/);
  });
});

describe('an expected outcome', () => {
  it('is a value or a reason', () => {
    expect(ok(1)).toEqual({ ok: true, value: 1 });
    expect(no('why')).toEqual({ ok: false, why: 'why' });
  });
});
