/** The repairs a paste may get, in the words the owner reads. Every one that was made is part of the proposal. */
import type { Mend } from '#contract/patch.ts';
import { showPath } from './bytes.ts';

/** Listed in the order in which they are tried: each tolerates more than the one before (issue 3, item 2). */
export const mendSentences = {
  text_around: 'Text around the diff was left out.',
  byte_order_mark: 'A byte order mark at the start was left out.',
  utf16: 'The paste was UTF-16 and was converted to UTF-8.',
  line_ends_of_paste: 'The whole paste had Windows line ends; lines were given the ends of their files.',
  colours: 'Terminal colours were removed.',
  quoting: 'Quoting marks of a mail were removed.',
  shift_of_paste: 'The whole diff was indented; the indentation was removed.',
  mail_encoding: 'The mail encoding (quoted-printable) was undone.',
  html_escapes: 'HTML escapes such as &lt; were undone.',
  line_number_prefixes: 'Line numbers in front of the lines were removed.',
  format_begin_patch: 'Read from the "*** Begin Patch" format.',
  format_search_replace: 'Read from SEARCH/REPLACE blocks.',
  format_context_diff: 'Read from a context diff.',
  format_whole_file: 'Read from whole files.',
  headers: 'File headers were written anew',
  final_newline: 'The line feed at the end of the paste or of a file was settled',
  counts: 'Hunk counts were recomputed',
  line_numbers: 'Line numbers were recomputed',
  shared_context: 'Hunks that show the same lines of context were joined',
  context_lost_blank: 'Context lines got their leading blank back',
  context_line_ends: 'Lines took the line ends of the file',
  context_trailing_blanks: 'Blanks at line ends were taken from the file',
  context_encoding: 'Characters in context were taken from the file, which is not UTF-8,',
  context_lost_characters: 'Unreadable characters in context were taken from the file',
  context_typography: 'Typographic quotes, dashes or blanks in context were taken from the file',
  context_blanks: 'Tabs and blanks in context were taken from the file',
} as const;

export type MendCode = keyof typeof mendSentences;

/** One repair in one place; `path` and `hunk` (1-based) where they are known. */
export interface MendNote {
  readonly code: MendCode;
  readonly path?: string;
  readonly hunk?: number;
}

const filesNamedMax = 3;

/** One line per kind of repair, in the documented order, with how many hunks and which files. */
export function summariseMends(notes: readonly MendNote[]): Mend[] {
  const codes = Object.keys(mendSentences) as MendCode[];
  return codes.flatMap((code) => {
    const ofCode = notes.filter((note) => note.code === code);
    if (ofCode.length === 0) return [];
    const sentence = mendSentences[code];
    if (sentence.endsWith('.')) return [{ code, message: sentence }];
    const paths = [...new Set(ofCode.flatMap((note) => (note.path === undefined ? [] : [showPath(note.path)])))];
    const hunks = new Set(ofCode.filter((note) => note.hunk !== undefined).map((note) => `${note.path} ${note.hunk}`))
      .size;
    const count = hunks === 0 ? '' : ` in ${hunks} ${hunks === 1 ? 'hunk' : 'hunks'} of`;
    const named = paths.slice(0, filesNamedMax).join(', ');
    const more = paths.length > filesNamedMax ? ` and ${paths.length - filesNamedMax} more files` : '';
    const where = paths.length === 0 ? '' : `${count === '' ? ' in' : count} ${named}${more}`;
    return [{ code, message: `${sentence}${where}.` }];
  });
}
