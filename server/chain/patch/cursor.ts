/** Lines of a byte string, one after the other, without cutting them out. */

const RETURN = 13;

/** Where a reader stands in a byte string: the offset of a line's first character and its 1-based number. */
export interface Cursor {
  offset: number;
  line: number;
}

export function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end;
}

/** One line without its line feed and without a carriage return before it. */
export function lineAt(text: string, offset: number, end = lineEnd(text, offset)): string {
  return text.slice(offset, end > offset && text.charCodeAt(end - 1) === RETURN ? end - 1 : end);
}

export function advance(text: string, cursor: Cursor): void {
  cursor.offset = lineEnd(text, cursor.offset) + 1;
  cursor.line += 1;
}

/** `text.startsWith(word, offset)` for short words, at a fraction of its cost: asked at every header of a long diff. */
export function standsAt(text: string, word: string, offset: number): boolean {
  for (let at = 0; at < word.length; at += 1) {
    if (text.charCodeAt(offset + at) !== word.charCodeAt(at)) return false;
  }
  return true;
}
