import { describe, expect, it } from 'vitest';
import { maskEntry } from './ledger-mask.ts';
import { LedgerEntry } from './ledger.ts';

const token = `dop_v1_${'0a'.repeat(32)}`;
const entryOf = (more: object): LedgerEntry =>
  LedgerEntry.parse({
    seq: 1,
    atMs: 1,
    kind: 'repository.added',
    actor: 'owner',
    subject: null,
    jobId: null,
    body: {},
    prevHash: '',
    hash: 'a'.repeat(64),
    ...more,
  });

describe('an entry as it is shown', () => {
  it.each([
    ['a text', { why: `remote said ${token}` }, { why: 'remote said [masked: DigitalOcean token]' }],
    ['a list in a list', { a: [[token], 7, null] }, { a: [['[masked: DigitalOcean token]'], 7, null] }],
    ['the name of a member', { [`x/${token}`]: true }, { 'x/[masked: DigitalOcean token]': true }],
    [
      'an address',
      { url: 'https://me:hunter22@example.org/r' },
      { url: 'https://me:[masked: password in an address]@example.org/r' },
    ],
  ])('has no credential in %s, and says that it is masked', (_, body, shown) => {
    const entry = entryOf({ body });
    const masked = maskEntry(entry);
    expect(masked).toEqual({ ...entry, body: shown, isMasked: true });
    expect(maskEntry(masked)).toEqual(masked);
    expect(JSON.stringify(entry)).toContain(JSON.stringify(body));
  });

  it('has none in its subject either', () => {
    expect(maskEntry(entryOf({ subject: token }))).toMatchObject({
      subject: '[masked: DigitalOcean token]',
      isMasked: true,
    });
  });

  it('is the very same when there is nothing to mask', () => {
    const entry = entryOf({ body: { sha256: 'b'.repeat(64), files: [{ path: 'src/token.ts' }], n: 1 } });
    expect(maskEntry(entry)).toBe(entry);
  });
});
