/**
 * Secrets in what a patch adds: found on the rendering of BASE..TREE by a process of its own, and masked in the rendering before
 * it is kept, so that no page, log or ledger row ever has them. The patch itself stays exact: it must apply.
 */
import { setImmediate } from 'node:timers/promises';
import type { SecretReport } from '#contract/patch.ts';
import { pathFromBytes } from '../../lib/path-bytes.ts';
import { type KnownSecret, knownCharactersMin, redactText, secretsIn } from '../../lib/redact.ts';
import { joinOverlaps, maskAt, type TokenFound } from '#contract/token-shapes.ts';
import type { Secrets } from '../../ports.ts';
import { unquote } from './bytes.ts';

export interface Hidden {
  /** The rendering with every secret replaced by "[masked: GitHub token]"; all other bytes as they were. */
  readonly diff: Buffer;
  readonly report: SecretReport;
  /** For whoever writes logs and texts of the same job. Never to be stored. */
  readonly values: readonly KnownSecret[];
}

/**
 * Looks for secrets in the added lines of a rendering and masks them in it, wherever their values stand. When they could not be
 * looked for, published token shapes are masked all the same, and the report says that the rest is not known.
 * `truncated`: the rendering was cut, so what follows was not looked at.
 */
export async function hideSecrets(
  secrets: Secrets,
  diff: { readonly text: Buffer; readonly truncated: boolean },
  signal?: AbortSignal,
): Promise<Hidden> {
  const text = diff.text.toString('latin1');
  const files = addedFiles(text);
  const answer = await secrets.find(
    files.map(({ path, lines }) => ({ path, lines: lines.map((line) => line.text) })),
    signal,
  );
  if (!answer.ok) {
    const masked = maskAt(text, await standsIn(text, []));
    return {
      diff: Buffer.from(masked, 'latin1'),
      report: { known: false, why: answer.why, found: [] },
      values: [],
    };
  }
  const places = answer.value.found.flatMap((place): Placed[] => {
    const file = files[place.file];
    const first = file?.lines[place.from.line];
    const last = file?.lines[place.to.line];
    return file && first && last ? [{ ...place, path: file.path, first, last, lines: file.lines }] : [];
  });
  const values = valuesOf(places);
  const why = diff.truncated
    ? 'The change is so long that only its first part was looked at.'
    : answer.value.more
      ? 'There are more than are listed.'
      : null;
  const masks = joinOverlaps([...places.flatMap(inDiff), ...(await standsIn(text, values))]);
  const found = places.map(({ path, kind, first, last, from, to }) => ({
    path,
    kind,
    line: first.number,
    lastLine: last.number,
    column: from.column,
    columnEnd: to.column,
  }));
  return {
    diff: Buffer.from(maskAt(text, masks), 'latin1'),
    report: { known: why === null, why, found },
    values,
  };
}

/** The values again, from the same rendering and the report on it; what does not fit any more is left out. */
export function secretValues(diff: Buffer, report: SecretReport): KnownSecret[] {
  // Under the names that the report has: it is kept, and a token in a name is masked in it (unseen-secrets.ts).
  const byPath = new Map(addedFiles(diff.toString('latin1')).map(({ path, lines }) => [redactText(path), lines]));
  const places = report.found.flatMap((one): Placed[] => {
    const lines = byPath.get(one.path) ?? [];
    const from = lines.findIndex(({ number }) => number === one.line);
    const to = lines.findIndex(({ number }) => number === one.lastLine);
    const [first, last] = [lines[from], lines[to]];
    if (!first || !last) return [];
    return [
      {
        kind: one.kind,
        path: one.path,
        first,
        last,
        lines,
        from: { line: from, column: one.column },
        to: { line: to, column: one.columnEnd },
      },
    ];
  });
  return valuesOf(places);
}

interface AddedLine {
  readonly text: string;
  /** In the new file, from 1. */
  readonly number: number;
  /** Where its text starts in the rendering. */
  readonly at: number;
}

interface Placed {
  readonly kind: string;
  readonly path: string;
  readonly from: { readonly line: number; readonly column: number };
  readonly to: { readonly line: number; readonly column: number };
  readonly first: AddedLine;
  readonly last: AddedLine;
  readonly lines: readonly AddedLine[];
}

/** Each line of a secret on its own: between them stand the signs of the diff. */
function stretches(place: Placed): { text: string; at: number }[] {
  return place.lines.slice(place.from.line, place.to.line + 1).map((line, index, all) => {
    const from = index === 0 ? place.from.column : 0;
    const to = index === all.length - 1 ? place.to.column : line.text.length;
    return { text: line.text.slice(from, to), at: line.at + from };
  });
}

function inDiff(place: Placed): TokenFound[] {
  return stretches(place).map(({ text, at }) => ({ name: place.kind, from: at, to: at + text.length }));
}

/** As text and not as bytes: this is what logs and sentences have. A line too short to be told from others is no value. */
function valuesOf(places: readonly Placed[]): KnownSecret[] {
  const byValue = new Map<string, string>();
  for (const place of places) {
    for (const { text } of stretches(place)) {
      const value = text.trim();
      if (value.length < knownCharactersMin || /^-----(?:BEGIN|END) [A-Z ]+-----$/.test(value)) continue;
      byValue.set(value, place.kind);
      const decoded = Buffer.from(value, 'latin1').toString('utf8');
      if (!decoded.includes('\uFFFD')) byValue.set(decoded, place.kind);
    }
  }
  return [...byValue].map(([value, name]) => ({ name, value }));
}

/** The added lines of a rendering by file. Lines are byte strings, as git wrote them. */
function addedFiles(diff: string): { path: string; lines: AddedLine[] }[] {
  const files: { path: string; lines: AddedLine[] }[] = [];
  let lines: AddedLine[] = [];
  let number = 0;
  let inHunk = false;
  for (let at = 0, end = 0; at < diff.length; at = end + 1) {
    end = diff.indexOf('\n', at);
    if (end < 0) end = diff.length;
    const sign = diff.charAt(at);
    if (inHunk && sign === '+') {
      lines.push({ text: diff.slice(at + 1, end), number, at: at + 1 });
      number += 1;
    } else if (inHunk && sign === ' ') {
      number += 1;
    } else if (sign === '@') {
      inHunk = true;
      number = Number(/^@@ -\S+ \+(\d+)/.exec(diff.slice(at, Math.min(end, at + 80)))?.[1] ?? 0);
    } else if (sign === 'd') {
      inHunk = false;
    } else if (!inHunk && diff.startsWith('+++ ', at)) {
      lines = [];
      files.push({ path: newName(diff.slice(at + 4, end)), lines });
    }
  }
  return files.filter((file) => file.lines.length > 0);
}

/** `b/name`, or C-quoted; a tab follows a name with blanks. */
function newName(header: string): string {
  const name = header.startsWith('"') ? (unquote(header)?.name ?? header) : header.replace(/\t$/, '');
  return pathFromBytes(name.replace(/^b\//, ''));
}

/** The signs at the starts of lines are the diff's own: a mask over several lines leaves them, or its hunks would not add up. */
function byLine(text: string, found: readonly TokenFound[]): TokenFound[] {
  return found.flatMap(({ name, from, to }) => {
    const parts: TokenFound[] = [];
    for (let at = from; at < to;) {
      const feed = text.indexOf('\n', at);
      const end = feed < 0 || feed > to ? to : feed;
      if (end > at) parts.push({ name, from: at, to: end });
      at = end === to ? to : end + 2;
    }
    return parts;
  });
}

const sliceCharacters = 128 * 1024;

/**
 * Where known values and published shapes stand in a rendering. A piece at a time, so that others get their turn in between; pieces
 * end with a line, and before a private key that goes on.
 */
async function standsIn(diff: string, values: readonly KnownSecret[]): Promise<TokenFound[]> {
  const found: TokenFound[] = [];
  for (let at = 0; at < diff.length;) {
    const feed = diff.indexOf('\n', at + sliceCharacters);
    let piece = feed < 0 ? diff.slice(at) : diff.slice(at, feed + 1);
    const begun = piece.lastIndexOf('-----BEGIN');
    const keyGoesOn = feed >= 0 && begun > piece.lastIndexOf('-----END');
    if (keyGoesOn) piece = piece.slice(0, piece.lastIndexOf('\n', begun) + 1) || piece;
    for (const one of byLine(piece, secretsIn(piece, values))) {
      found.push({ name: one.name, from: at + one.from, to: at + one.to });
    }
    at += piece.length;
    await setImmediate();
  }
  return found;
}
