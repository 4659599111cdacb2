import { describe, expect, it } from 'vitest';
import { canonicalJson, sha256 } from './digest.ts';

describe('canonical JSON', () => {
  it('gives one text for one value, whatever order its keys were written in', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: 0.25 })).toBe('{"a":0.25,"b":[1,{"c":"x","d":null}]}');
    expect(canonicalJson({ a: 0.25, b: [1, { c: 'x', d: null }] })).toBe(
      canonicalJson({ b: [1, { d: null, c: 'x' }], a: 0.25 }),
    );
  });
  it('refuses what has no unique text', () => {
    expect(() => canonicalJson(Number.NaN)).toThrow(/no JSON text/);
    expect(() => canonicalJson({ f: () => 1 })).toThrow(/cannot be digested/);
  });
  it('hashes text as UTF-8', () => {
    expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});
