/**
 * The `index` line of a git diff names the blobs before and after. Where it names the base's blob, it decides what the
 * result must be: the only way to see that a transport cut blanks or changed line ends in added lines.
 */
import { joinLines } from './bytes.ts';
import type { SettledText } from './settle.ts';
import { hashObject } from './tree.ts';
import { type Edit, editedLines } from './write.ts';

export interface Seal {
  readonly old: string;
  readonly new: string;
}

/** `proved`: the result is what the diff was made from. `broken`: the diff starts at this base but ends elsewhere. */
export type SealVerdict = 'proved' | 'broken' | 'unknown';

/** Shortest abbreviation that counts: what git prints at least. */
const abbreviationMin = 7;

/** Whether the seal was made for the blob with this id (null: for a file that was not there). */
export function isSealFor(seal: Seal | null, oid: string | null): seal is Seal {
  if (!seal || seal.old.length < abbreviationMin || seal.new.length < abbreviationMin) return false;
  if (/^0+$/.test(seal.new)) return false;
  return oid === null ? /^0+$/.test(seal.old) : oid.startsWith(seal.old);
}

export function checkSeal(seal: Seal | null, oid: string | null, oidBytes: number, after: string): SealVerdict {
  if (!isSealFor(seal, oid)) return 'unknown';
  return hashObject('blob', Buffer.from(after, 'latin1'), oidBytes).startsWith(seal.new) ? 'proved' : 'broken';
}

/**
 * Other readings of a settled text that a lossy transport leaves open: other line ends of all added lines, another end of
 * the file. The one that the seal names, or null.
 */
export function findSealed(
  before: readonly string[],
  settled: Pick<SettledText, 'edits' | 'finalNewline'>,
  isSealed: (after: string) => boolean,
): { readonly edits: readonly Edit[]; readonly lines: readonly string[]; readonly finalNewline: boolean } | null {
  const plain = (line: string): string => line.replace(/\r$/, '');
  const ends: readonly ((line: string) => string)[] = [(line) => line, plain, (line) => `${plain(line)}\r`];
  for (const end of ends) {
    const edits = settled.edits.map((edit) => ({ ...edit, lines: edit.lines.map(end) }));
    const lines = editedLines(before, edits);
    for (const finalNewline of [settled.finalNewline, !settled.finalNewline]) {
      // An empty last line without its line feed is the same bytes as one line less: the edits would not lead there.
      if (!finalNewline && lines.at(-1) === '') continue;
      if (isSealed(joinLines({ lines, finalNewline }))) return { edits, lines, finalNewline };
    }
  }
  return null;
}
