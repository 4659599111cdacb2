import { pinLengthMax, pinLengthMin } from '#contract/door.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { commonWords, keyboardWalks } from './pin-words.ts';

/**
 * Why this cannot be the PIN, or null when it can. Length is in Unicode characters; there is no rule about kinds of
 * characters, and nothing is trimmed or normalised (NIST SP 800-63B, 5.1.1.2). What every guesser tries first is refused.
 */
export function pinTrouble(pin: string): Problem | null {
  const characters = Array.from(pin);
  if (characters.length < pinLengthMin) {
    return problem(
      'pin_too_short',
      `A PIN has at least ${pinLengthMin} characters; this one has ${characters.length}.`,
    );
  }
  if (characters.length > pinLengthMax) {
    return problem('invalid_body', `A PIN has at most ${pinLengthMax} characters; this one has ${characters.length}.`);
  }
  if (!pin.isWellFormed()) {
    // Two different broken texts would become the same bytes, and so the same PIN.
    return problem('invalid_body', 'This PIN holds half a character that cannot be stored exactly. Type another one.');
  }
  const why = whyCommon(characters.map((character) => character.toLowerCase()));
  return why === null ? null : problem('pin_too_common', `Guessers try this PIN first: ${why}. Choose another one.`);
}

type Text = readonly string[];

/** In words what makes it one of the first guesses, or null. */
function whyCommon(text: Text): string | null {
  if (new Set(text).size <= 2) return 'it uses only one or two different characters';
  for (let unit = 3; unit <= 4; unit += 1) {
    if (text.every((character, at) => character === text[at % unit])) return 'it repeats one short piece';
  }
  if (isDate(text)) return 'it is a date';
  if (isWalk(text)) return 'it follows the alphabet, the numbers or the keyboard';
  if (text.length % 2 === 0 && text.every((character, at) => at % 2 === 0 || character === text[at - 1])) {
    if (isWalk(text.filter((_, at) => at % 2 === 0))) return 'it counts with every character doubled';
  }
  if (isWalk(text.filter((_, at) => at % 2 === 0)) && isWalk(text.filter((_, at) => at % 2 === 1))) {
    return 'it mixes two rows of the keyboard';
  }
  return hasCommonCore(text) ? 'it is a well-known word with little added' : null;
}

const walkLengthMin = 3;

/** Nothing but pieces, each at least three long, of one repeated character or of a walk forwards or backwards. */
function isWalk(text: Text): boolean {
  let at = 0;
  while (at < text.length) {
    const length = longestPiece(text, at);
    if (length < walkLengthMin) return false;
    at += length;
  }
  return text.length >= walkLengthMin;
}

function longestPiece(text: Text, from: number): number {
  let longest = 1;
  while (from + longest < text.length && text[from + longest] === text[from]) longest += 1;
  for (const walk of walksBothWays) {
    const start = walk.indexOf(text[from] ?? '');
    if (start < 0) continue;
    let length = 1;
    while (from + length < text.length && text[from + length] === walk[start + length]) length += 1;
    longest = Math.max(longest, length);
  }
  return longest;
}

const walksBothWays = keyboardWalks.flatMap((walk) => [walk, Array.from(walk).toReversed().join('')]);

/** 31121999, 12311999, 19991231, also with dots, dashes or slashes between. */
function isDate(text: Text): boolean {
  const joined = text.join('');
  const yearFirst = /^(?<year>\d{4})[./ -]?(?<one>\d{2})[./ -]?(?<two>\d{2})$/.exec(joined);
  const yearLast = /^(?<one>\d{2})[./ -]?(?<two>\d{2})[./ -]?(?<year>\d{4})$/.exec(joined);
  return [yearFirst, yearLast].some((parts) => {
    if (!parts?.groups) return false;
    const { year, one, two } = parts.groups;
    const [smaller = 0, larger = 0] = [Number(one), Number(two)].toSorted((a, b) => a - b);
    return Number(year) >= 1900 && Number(year) <= 2099 && smaller >= 1 && smaller <= 12 && larger <= 31;
  });
}

const lookAlikes: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};
const addedMax = 5;

/**
 * A well-known word (or two), or a walk, with at most five characters around it: "P@ssw0rd!", "Summer2026", "aa123456".
 * Longer additions are what makes a passphrase, and stay allowed.
 */
function hasCommonCore(text: Text): boolean {
  for (let start = 0; start <= Math.min(addedMax, text.length); start += 1) {
    for (let end = text.length; start + text.length - end <= addedMax && end > start; end -= 1) {
      const core = text.slice(start, end);
      const added = text.length - core.length;
      if (added <= 2 && core.length >= 6 && isWalk(core)) return true;
      if (isWords(core.join('')) || isWords(core.map((character) => lookAlikes[character] ?? character).join(''))) {
        return true;
      }
    }
  }
  return false;
}

/** One well-known word, the same twice, or two of them, or a word and a walk of digits. */
function isWords(core: string): boolean {
  if (commonWords.has(core)) return true;
  for (let cut = 3; cut <= core.length - 3; cut += 1) {
    const [left, right] = [core.slice(0, cut), core.slice(cut)];
    const known = (piece: string): boolean => commonWords.has(piece) || isWalk(Array.from(piece));
    if (known(left) && known(right) && (commonWords.has(left) || commonWords.has(right))) return true;
  }
  return false;
}
