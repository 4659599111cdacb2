import { createHash } from 'node:crypto';

const domain = 'patchgit ledger 1';

/** What the hash of an entry covers, as it is stored: `body` is the exact text in the row, never serialised again. */
export interface LedgerRow {
  readonly seq: number;
  readonly at_ms: number;
  readonly kind: string;
  readonly actor: string;
  readonly subject: string | null;
  readonly job_id: string | null;
  readonly body: string;
  readonly prev_hash: string;
  readonly hash: string;
}

/**
 * sha256 over a domain tag and every field with its length in front, so that no two different entries share a text
 * (a null and an empty text differ: null has no length).
 */
export function linkHash(row: Omit<LedgerRow, 'hash'>): string {
  const hash = createHash('sha256');
  for (const field of [
    domain,
    row.prev_hash,
    row.seq,
    row.at_ms,
    row.kind,
    row.actor,
    row.subject,
    row.job_id,
    row.body,
  ]) {
    const bytes = field === null ? null : Buffer.from(String(field), 'utf8');
    hash.update(bytes === null ? '-;' : `${bytes.length};`);
    if (bytes !== null) hash.update(bytes);
  }
  return hash.digest('hex');
}

export type FirstBad = { readonly seq: number; readonly why: string };

/** Checks one link against the one before it. Returns what is wrong, in words, or null. */
export function checkLink(previous: { readonly seq: number; readonly hash: string }, row: LedgerRow): FirstBad | null {
  const expected = previous.seq + 1;
  if (row.seq !== expected) {
    return { seq: expected, why: `entry ${expected} is missing: after ${previous.seq} comes ${row.seq}` };
  }
  if (row.prev_hash !== previous.hash) {
    return {
      seq: row.seq,
      why: `entry ${row.seq} does not follow entry ${previous.seq}: one of the two was replaced or moved`,
    };
  }
  if (row.hash !== linkHash(row)) return { seq: row.seq, why: `entry ${row.seq} was changed after it was written` };
  return null;
}
