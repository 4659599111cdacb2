/** What was read out of a paste, before the base is asked. All text is byte strings (bytes.ts). */

export interface HunkLine {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
  /** 1-based line in the paste. */
  readonly at: number;
  /** The file has no line feed after this line. */
  readonly noNewline: boolean;
  /** It came without a sign: context that lost its blank, or text that does not belong here. */
  readonly unsigned: boolean;
}

export interface HunkNumbers {
  readonly oldStart: number;
  readonly oldCount: number;
  readonly newStart: number;
  readonly newCount: number;
}

export interface Hunk {
  /** 1-based line of its header in the paste. */
  readonly at: number;
  /** null when the header carries none, as models write it. */
  readonly numbers: HunkNumbers | null;
  /** Text after the second `@@`. */
  readonly heading: string;
  /** Lines that stand above the hunk, from the outside in; used by the `*** Begin Patch` format. */
  readonly anchors: readonly string[];
  /** `exact`: the header's counts hold. `short`: fewer lines came. `wrong`: the counts do not add up. */
  readonly counts: 'exact' | 'short' | 'wrong';
  /** The paste ended inside this hunk. */
  readonly atEndOfPaste: boolean;
  /** A line of other text stands right behind it: perhaps a line that lost its sign. */
  readonly textFollows: boolean;
  /** The old lines must end with the file. */
  readonly toEndOfFile: boolean;
  readonly lines: () => readonly HunkLine[];
  /**
   * Lines that follow although the counts are satisfied: part of the hunk if they fit the file, else text around it.
   * `near` when no blank line is between.
   */
  readonly extra: { readonly near: boolean; readonly lines: () => readonly HunkLine[] } | null;
}

/** One half of a `GIT binary patch`: forward, or the way back. */
export interface BinaryPart {
  readonly kind: 'literal' | 'delta';
  /** Bytes it says it unpacks to. */
  readonly size: number;
  /** Base 85 lines as written. */
  readonly lines: readonly string[];
  readonly at: number;
}

/** The names and facts a header states, as written. */
export interface Header {
  /** After `diff --git`, undivided. */
  readonly git: string | null;
  readonly minus: string | null;
  readonly plus: string | null;
  readonly renameFrom: string | null;
  readonly renameTo: string | null;
  readonly copyFrom: string | null;
  readonly copyTo: string | null;
  readonly oldMode: string | null;
  readonly newMode: string | null;
  readonly newFileMode: string | null;
  readonly deletedFileMode: string | null;
  readonly index: { readonly old: string; readonly new: string } | null;
  /** From `Index:` or a path on its own line above the hunks. */
  readonly named: string | null;
}

export interface FilePatch {
  /** 1-based line where it starts in the paste. */
  readonly at: number;
  readonly header: Header;
  readonly hunks: readonly Hunk[];
  /** `absent`: it says that binary files differ, and brings no data. */
  readonly binary: 'none' | 'absent' | readonly BinaryPart[];
  /** Offsets in the text that was read; null for formats that are no unified diff. */
  readonly raw: { readonly from: number; readonly to: number } | null;
  /** Something in it that git would stumble over or read differently: it is written anew. */
  readonly irregular: boolean;
  /** For formats without unified headers: what they ask for. */
  readonly wish: Wish | null;
}

/** What a format other than a unified diff asks for. `content` is the whole new file. */
export type Wish =
  | { readonly kind: 'update'; readonly path: string; readonly moveTo: string | null }
  | { readonly kind: 'add'; readonly path: string; readonly content: string; readonly orReplace: boolean }
  | { readonly kind: 'delete'; readonly path: string };

export const emptyHeader: Header = {
  git: null,
  minus: null,
  plus: null,
  renameFrom: null,
  renameTo: null,
  copyFrom: null,
  copyTo: null,
  oldMode: null,
  newMode: null,
  newFileMode: null,
  deletedFileMode: null,
  index: null,
  named: null,
};
