/** How an entry of the ledger is shown: what has the shape of a credential is masked in it, and it says so. */
import type { LedgerEntry, ShownEntry } from './ledger.ts';
import { findTokens, maskAt } from './token-shapes.ts';

/**
 * The entry with every token shape masked in its body (names of members too) and its subject, and `isMasked` set when there was one;
 * else the very same entry. The row in the database stays as it is: the hashes of the chain are over its true bytes, so what this gives
 * back no longer has the hash that stands in it. Masking twice is masking once.
 */
export function maskEntry(entry: ShownEntry): ShownEntry {
  const seen = { found: false };
  const body = maskValue(entry.body, seen) as LedgerEntry['body']; // A record stays one.
  const subject = entry.subject === null ? null : maskText(entry.subject, seen);
  return seen.found ? { ...entry, subject, body, isMasked: true } : entry;
}

function maskValue(value: unknown, seen: { found: boolean }): unknown {
  if (typeof value === 'string') return maskText(value, seen);
  if (Array.isArray(value)) return value.map((one) => maskValue(one, seen));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [maskText(name, seen), maskValue(member, seen)]),
  );
}

function maskText(text: string, seen: { found: boolean }): string {
  const found = findTokens(text);
  if (found.length > 0) seen.found = true;
  return maskAt(text, found);
}
