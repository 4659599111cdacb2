/** A stretch of text, either as it is or standing for one character that would not be seen (or would mislead). */
export interface Stretch {
  readonly text: string;
  readonly hidden: boolean;
}

/** First and last code point of each range that is not seen, or makes text read as what it is not. */
const ranges: readonly (readonly [number, number])[] = [
  [0x0000, 0x0008], // control characters, without tab and line feed
  [0x000b, 0x001f],
  [0x007f, 0x009f],
  [0x00ad, 0x00ad], // soft hyphen
  [0x034f, 0x034f], // grapheme joiner
  [0x061c, 0x061c], // Arabic letter mark
  [0x115f, 0x1160], // Hangul fillers
  [0x17b4, 0x17b5], // Khmer inherent vowels
  [0x180b, 0x180e], // Mongolian selectors
  [0x200b, 0x200f], // zero-width spaces and joiners, direction marks
  [0x2028, 0x202e], // separators, direction embeddings and overrides
  [0x2060, 0x206f], // invisible operators, direction isolates
  [0x3164, 0x3164],
  [0xd800, 0xdfff], // halves of a pair that stand alone
  [0xfe00, 0xfe0e], // variation selectors, without the one of emoji
  [0xfeff, 0xfeff], // byte order mark
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb], // interlinear annotation
  [0xe0000, 0xe0fff], // tags
];
const escaped = ranges.map(([from, to]) => `\\u{${from.toString(16)}}-\\u{${to.toString(16)}}`).join('');
const invisible = new RegExp(`[${escaped}]`, 'gu');

/** "⟦U+202E⟧": what is shown in the place of a character that cannot be seen. */
export function mark(character: string): string {
  return `⟦U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟧`;
}

/** Cuts text into what can be shown and what must be marked. Untrusted text always passes through here (notes 3.5). */
export function stretches(text: string): Stretch[] {
  const found: Stretch[] = [];
  let from = 0;
  for (const match of text.matchAll(invisible)) {
    if (match.index > from) found.push({ text: text.slice(from, match.index), hidden: false });
    found.push({ text: mark(match[0]), hidden: true });
    from = match.index + match[0].length;
  }
  if (from < text.length || found.length === 0) found.push({ text: text.slice(from), hidden: false });
  return found;
}

export function hasInvisible(text: string): boolean {
  return text.search(invisible) >= 0;
}
