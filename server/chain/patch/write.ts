/** Writes the exact git diff that turns one content into another, from edits at known places. */
import { type Lines, quoteName, splitLines } from './bytes.ts';

/** Lines `from` up to `to` (0-based, `to` not included) give way to `lines`. Edits are ascending and do not touch. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly lines: readonly string[];
}

export interface Change {
  readonly kind: 'modify' | 'add' | 'delete' | 'rename' | 'copy';
  readonly oldPath: string;
  readonly newPath: string;
  readonly oldMode: string;
  readonly newMode: string;
}

const contextLines = 3;

/** The head of a file's section, up to and without `---`. */
export function writeHead(change: Change): string {
  const { kind, oldPath, newPath, oldMode, newMode } = change;
  const head = [`diff --git ${quoteName(`a/${oldPath}`)} ${quoteName(`b/${newPath}`)}`];
  if (kind === 'add') head.push(`new file mode ${newMode}`);
  else if (kind === 'delete') head.push(`deleted file mode ${oldMode}`);
  else if (oldMode !== newMode) head.push(`old mode ${oldMode}`, `new mode ${newMode}`);
  if (kind === 'rename') head.push(`rename from ${quoteName(oldPath)}`, `rename to ${quoteName(newPath)}`);
  if (kind === 'copy') head.push(`copy from ${quoteName(oldPath)}`, `copy to ${quoteName(newPath)}`);
  return `${head.join('\n')}\n`;
}

/** A whole section. Contents are byte strings; equal contents give a section without hunks. */
export function writeSection(change: Change, before: string, after: string, edits: readonly Edit[]): string {
  const head = writeHead(change);
  if (before === after) return head;
  const old = change.kind === 'add' ? '/dev/null' : quoteTab(`a/${change.oldPath}`);
  const fresh = change.kind === 'delete' ? '/dev/null' : quoteTab(`b/${change.newPath}`);
  return `${head}--- ${old}\n+++ ${fresh}\n${writeHunks(before, after, edits)}`;
}

/** git ends an unquoted name with a blank in it with a tab. */
function quoteTab(path: string): string {
  const name = quoteName(path);
  return name.includes(' ') && !name.startsWith('"') ? `${name}\t` : name;
}

function writeHunks(before: string, after: string, wished: readonly Edit[]): string {
  const old = splitLines(before);
  const fresh = splitLines(after);
  const edits = withFinalLine(wished, old, fresh);
  const mark = (sign: string, line: string, isLast: boolean, finalNewline: boolean): string =>
    isLast && !finalNewline ? `${sign}${line}\n\\ No newline at end of file\n` : `${sign}${line}\n`;
  const oldLine = (sign: ' ' | '-', at: number): string =>
    mark(sign, old.lines[at] ?? '', at === old.lines.length - 1, old.finalNewline);
  let written = '';
  let drift = 0;
  for (const group of grouped(edits)) {
    const first = group[0]?.from ?? 0;
    const from = Math.max(first - contextLines, 0);
    const to = Math.min((group.at(-1)?.to ?? 0) + contextLines, old.lines.length);
    let body = '';
    let at = from;
    let added = 0;
    for (const edit of group) {
      for (; at < edit.from; at += 1) body += oldLine(' ', at);
      const freshFrom = edit.from + drift + added;
      for (; at < edit.to; at += 1) body += oldLine('-', at);
      edit.lines.forEach((line, index) => {
        body += mark('+', line, freshFrom + index === fresh.lines.length - 1, fresh.finalNewline);
      });
      added += edit.lines.length - (edit.to - edit.from);
    }
    for (; at < to; at += 1) body += oldLine(' ', at);
    const count = to - from;
    written += `@@ -${range(from, count)} +${range(from + drift, count + added)} @@\n${body}`;
    drift += added;
  }
  return written;
}

/** A last line that gains or loses its line feed is a change of that line, although its text stays. */
function withFinalLine(edits: readonly Edit[], old: Lines, fresh: Lines): readonly Edit[] {
  const last = old.lines.length - 1;
  const tail = edits.at(-1);
  if (last < 0) return edits;
  if (tail && tail.from <= last && tail.to > last) {
    if (tail.lines.length > 0 || tail.from === 0 || fresh.finalNewline) return edits;
    // Only lines behind it are removed, and the line that is last now loses its line feed.
    const lost = tail.from - 1;
    return [...edits.slice(0, -1), { from: lost, to: tail.to, lines: [old.lines[lost] ?? ''] }];
  }
  const follows = tail?.from === old.lines.length ? tail.lines : [];
  const staysEnded = follows.length > 0 || fresh.finalNewline;
  if (staysEnded === old.finalNewline) return edits;
  const kept = follows.length > 0 ? edits.slice(0, -1) : edits;
  return [...kept, { from: last, to: last + 1, lines: [old.lines[last] ?? '', ...follows] }];
}

/** `start,count` of a hunk header: an empty range names the line before it. */
function range(from: number, count: number): string {
  return `${count === 0 ? from : from + 1},${count}`;
}

/** Edits whose contexts would meet share a hunk. */
function grouped(edits: readonly Edit[]): Edit[][] {
  const groups: Edit[][] = [];
  for (const edit of edits) {
    const last = groups.at(-1);
    const before = last?.at(-1);
    if (last && before && edit.from - before.to <= contextLines * 2) last.push(edit);
    else groups.push([edit]);
  }
  return groups;
}

/** The content after the edits. A last line without line feed keeps it that way only if it is not followed by others. */
export function editedLines(lines: readonly string[], edits: readonly Edit[]): string[] {
  const result: string[] = [];
  let at = 0;
  for (const edit of edits) {
    for (; at < edit.from; at += 1) result.push(lines[at] ?? '');
    for (const line of edit.lines) result.push(line);
    at = edit.to;
  }
  for (; at < lines.length; at += 1) result.push(lines[at] ?? '');
  return result;
}
