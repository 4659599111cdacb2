/**
 * Takes credentials out of text before it is written or sent (DESIGN section 9): published token shapes, and values that are
 * known from elsewhere, such as our own credentials or the secrets of the patch at hand.
 */
import type { Problem } from '#contract/problem.ts';
import { findTokens, joinOverlaps, maskAt, type TokenFound } from '#contract/token-shapes.ts';

/** A value known to be secret. Shorter ones than this are only masked where they were found: they are in every other word. */
export interface KnownSecret {
  readonly name: string;
  readonly value: string;
}
export const knownCharactersMin = 8;

/** The text with every known value and every token shape masked. */
export function redactText(text: string, known: readonly KnownSecret[] = []): string {
  return maskAt(text, secretsIn(text, known));
}

/** Where known values and token shapes stand, in order, without overlaps. */
export function secretsIn(text: string, known: readonly KnownSecret[]): TokenFound[] {
  const values = known.flatMap(({ name, value }) => {
    if (value.length < knownCharactersMin) return [];
    const found: TokenFound[] = [];
    for (let from = text.indexOf(value); from >= 0; from = text.indexOf(value, from + value.length)) {
      found.push({ name, from, to: from + value.length });
    }
    return found;
  });
  const shapes = findTokens(text);
  return values.length === 0 ? shapes : joinOverlaps([...values, ...shapes]);
}

export interface Redactor {
  /** The next piece of a stream in, what may be shown of the stream so far out. */
  readonly push: (text: string) => string;
  /** What was still held back. */
  readonly end: () => string;
}

/** Held back at most, while it may be the beginning of a secret. A private key of 8192 bits is about 6 KiB. */
export const heldCharactersMax = 8192;

/** A stretch at the end that could be the beginning of a token: it grows with the next piece, or ends there. */
const tokenCharacter = /[A-Za-z0-9_+/=:@.-]/;
/** A private key that has begun and not ended, with all that may stand in one. */
const openKey = /^-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s\\"':,._-]*$/;
const endOfKey = /-----END [A-Z0-9 ]{0,80}-----/;
/** Its first line has blanks, so it is held from its dashes on. */
const beginOfKey = /-{1,5}(?:B(?:E(?:G(?:I(?:N[A-Z0-9 ]{0,80}-{0,4})?)?)?)?)?$/;
/** A line of a key that was longer than what is held back. */
const lineOfKey = /^[\s"',\\]{0,40}[A-Za-z0-9+/=]{0,300}[\s"',\\]{0,40}$/;

/**
 * Redacts a stream piece by piece. What may be the first part of a secret waits for the next piece, so that a secret that was cut
 * anywhere is masked all the same. Memory is bounded by `heldCharactersMax` and one piece.
 */
export function redactor(known: readonly KnownSecret[] = []): Redactor {
  let held = '';
  let swallowing: 'key' | 'token' | null = null;
  const take = (isEnd: boolean): string => {
    if (swallowing === 'token') {
      held = held.replace(/^[A-Za-z0-9_+/=:@.-]+/, '');
      if (held !== '') swallowing = null;
    } else if (swallowing === 'key') {
      const rest = afterKey(held, isEnd);
      held = rest ?? held.slice(held.lastIndexOf('\n') + 1).slice(-heldCharactersMax);
      if (rest === null && !isEnd) return '';
      swallowing = null;
    }
    const found = secretsIn(held, known);
    let cut = isEnd ? held.length : openFrom(held, known);
    if (held.length - cut > heldCharactersMax) {
      swallowing = openKeyFrom(held) === null ? 'token' : 'key';
      cut = held.length;
      if (swallowing === 'token' && found.at(-1)?.to !== cut) swallowing = null;
    }
    for (const { from, to } of found) if (from < cut && cut < to) cut = from;
    const shown = maskAt(
      held.slice(0, cut),
      found.filter(({ from }) => from < cut),
    );
    held = held.slice(cut);
    return shown;
  };
  return {
    push: (text) => {
      held += text;
      return take(false);
    },
    end: () => take(true),
  };
}

/** What follows a key that began before this text; null while all of it still belongs to the key. */
function afterKey(text: string, isEnd: boolean): string | null {
  let at = 0;
  for (const line of text.split('\n')) {
    const isWhole = at + line.length < text.length || isEnd;
    const ended = endOfKey.exec(line);
    if (ended) return text.slice(at + ended.index + ended[0].length);
    if (isWhole && !lineOfKey.test(line)) return text.slice(at);
    at += line.length + 1;
  }
  return isEnd ? '' : null;
}

/** Where the last private key of a text begins, when it has not ended yet. */
function openKeyFrom(text: string): number | null {
  const from = text.lastIndexOf('-----BEGIN');
  const key = from < 0 ? null : openKey.exec(text.slice(from));
  return key === null || endOfKey.test(key[0]) ? null : from;
}

/** From where on the end of a text could be the beginning of a secret. */
function openFrom(text: string, known: readonly KnownSecret[]): number {
  const open = [openTokenFrom(text), beginOfKey.exec(text)?.index, openKeyFrom(text)];
  for (const { value } of known) {
    for (let length = Math.min(value.length - 1, text.length); length > 0; length -= 1) {
      if (text.endsWith(value.slice(0, length))) {
        open.push(text.length - length);
        break;
      }
    }
  }
  return Math.min(text.length, ...open.filter((from) => typeof from === 'number'));
}

/** Walks back by hand: the same as a regular expression would try every place of a long word. */
function openTokenFrom(text: string): number {
  let from = text.length;
  while (from > 0 && tokenCharacter.test(text.charAt(from - 1))) from -= 1;
  // Dots alone are how a test runner shows that it goes on.
  while (from < text.length && !/\w/.test(text.charAt(from))) from += 1;
  return from;
}

/** A log as bytes: what is no UTF-8 stays as it is. Known values are looked for as their bytes. */
export function redactLog(log: Uint8Array, known: readonly KnownSecret[] = []): Buffer {
  const asBytes = known.map(({ name, value }) => ({ name, value: Buffer.from(value, 'utf8').toString('latin1') }));
  return Buffer.from(redactText(Buffer.from(log).toString('latin1'), [...known, ...asBytes]), 'latin1');
}

/** A refusal that quotes lines of a patch may quote a secret. */
export function redactProblem(problem: Problem, known: readonly KnownSecret[] = []): Problem {
  return { ...problem, message: redactText(problem.message, known) };
}
