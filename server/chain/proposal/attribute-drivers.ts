import { showPath } from '../patch/bytes.ts';

export interface AttributeDriver {
  readonly path: string;
  /** "filter=lfs on *.bin". */
  readonly what: string;
}

/**
 * Attributes that name a program for git to run, or change what a checkout, an archive or a reviewer gets to see
 * (gitattributes(5), security note T7). Line ends (`text`, `eol`) are how files are kept, and are not among them.
 */
const acting =
  /^(?:(?:filter|diff|merge|conflict-marker-size|working-tree-encoding)=.*|[-!]?(?:diff|merge|ident|export-subst|export-ignore|binary)|-text|(?:[-!])?linguist-[\w-]+(?:=.*)?|gitlab-[\w-]+(?:=.*)?)$/;
const shownCharactersMax = 80;

/** What the added lines of `.gitattributes` files set, one by one. */
export function attributeDrivers(
  addedLines: readonly { readonly path: string; readonly text: string }[],
): AttributeDriver[] {
  return addedLines.flatMap(({ path, text }) => {
    // git reads a name with blanks to the tab behind it.
    const file = path.replace(/\t$/, '');
    if (!/(?:^|\/)\.gitattributes$/i.test(file)) return [];
    const line = text.trim();
    if (line === '' || line.startsWith('#')) return [];
    const [, pattern = '', rest = ''] = /^("(?:[^"\\]|\\.)*"|\S+)\s*(.*)$/.exec(line) ?? [];
    return rest
      .split(/\s+/)
      .filter((word) => acting.test(word))
      .map((word) => ({ path: file, what: showPath(`${word} on ${pattern}`).slice(0, shownCharactersMax) }));
  });
}
