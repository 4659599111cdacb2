/** The text around the parts of a paste: what it may be, and traces of parts that were cut off. */
import { type Problem, problem } from '#contract/problem.ts';
import { advance } from './cursor.ts';
import type { FilePatch } from './shape.ts';

/** The refusal for text around the parts that shows that something is missing, or null. */
export function judgeAround(files: readonly FilePatch[], text: string): Problem | null {
  const lost =
    files.map((file, at) => lostHeader(file, files[at - 1], text)).find((at) => at !== null) ?? strayAt(files, text);
  if (lost !== null) {
    const message = `Line ${lost} belongs to a header without its "diff --git" line, so it would not count. Paste all of it.`;
    return problem('patch_corrupt', message, { line: lost });
  }
  const marker = strayMarkerAt(files, text);
  if (marker !== null) {
    const message = `Line ${marker} says that a file has no line feed at its end, but stands below no line of a hunk. Paste all of it as it was.`;
    return problem('patch_corrupt', message, { line: marker });
  }
  const above = cutBefore(files, text);
  if (above !== null) {
    const message = `Line ${above} looks like the end of a part whose beginning is missing. Paste all of it, or leave a blank line under other text.`;
    return problem('patch_truncated', message, { line: above });
  }
  const unread = unreadAt(files, text);
  if (unread !== null) {
    const message = `Line ${unread} looks like a part of a hunk, but stands below no "@@" line, so it would not count. Write "@@ ... @@" above its hunk.`;
    return problem('patch_corrupt', message, { line: unread });
  }
  const below = cutAt(files, text);
  if (below === null) return null;
  return problem('patch_truncated', `The diff ends within the header at line ${below}. Paste all of it.`, {
    line: below,
  });
}

/** The line of a mode or a rename right above `---` that no `diff --git` stands above, or null: git would not see it. */
function lostHeader(file: FilePatch, before: FilePatch | undefined, text: string): number | null {
  if (!file.raw || file.header.git !== null) return null;
  const above = text
    .slice(before?.raw?.to ?? 0, file.raw.from)
    .split('\n')
    .slice(0, -1);
  const start = above.findLastIndex((line) => !extendedHeader.test(line)) + 1;
  const told = above.findIndex(
    (line, at) => at >= start && !/^(?:index|(?:dis)?similarity|new file mode 100644|deleted)/.test(line),
  );
  return told < 0 ? null : file.at - (above.length - told);
}

/** The line of a header that stands outside of all parts: its own part lost its first line. Null when there is none. */
function strayAt(files: readonly FilePatch[], text: string): number | null {
  let from = 0;
  for (const file of [...files, null]) {
    const to = file ? file.raw?.from : text.length;
    if (to === undefined) return null;
    // Right above `---` without `diff --git` stands what lostHeader has looked at.
    const end = file?.header.git === null ? startOfHeader(text, from, to) : to;
    const at = text.slice(from, end).search(strayHeader);
    if (at >= 0) return text.slice(0, from + at).split('\n').length;
    from = file?.raw?.to ?? to;
  }
  return null;
}

const strayHeader =
  /^(?:(?:old|new|new file|deleted file) mode [0-7]{6}|(?:dis)?similarity index \d+%|GIT binary patch|(?:rename|copy) from .+\n(?:rename|copy) to .+)\r?$/m;

/** The line of a marker that came apart from its hunk: that one would end its file with a line feed. */
function strayMarkerAt(files: readonly FilePatch[], text: string): number | null {
  let from = 0;
  for (const file of [...files, null]) {
    const to = file ? file.raw?.from : text.length;
    if (to === undefined) return null;
    const at = text.slice(from, to).search(/^\\ No newline at end of file$/m);
    if (at >= 0) return text.slice(0, from + at).split('\n').length;
    from = file?.raw?.to ?? to;
  }
  return null;
}

/** Where the lines of a header begin that reach to `to`. */
function startOfHeader(text: string, from: number, to: number): number {
  let start = to;
  while (start > from) {
    const line = Math.max(text.lastIndexOf('\n', start - 2) + 1, from);
    if (line === start || !extendedHeader.test(text.slice(line, start))) break;
    start = line;
  }
  return start;
}

const extendedHeader =
  /^(?:index [0-9a-f]|(?:dis)?similarity index |(?:old|new|new file|deleted file) mode \d|(?:rename|copy) (?:from|to) )/;

/**
 * Lines with signs, changed and unchanged ones, that touch the first header: the rest of a part that was cut off above.
 * A list in a text stands there without lines that begin with a blank, or with a blank line between.
 */
function cutBefore(files: readonly FilePatch[], text: string): number | null {
  const first = files[0]?.raw;
  if (!first) return null;
  const above = text.slice(0, first.from).split('\n').slice(0, -1);
  const start = above.findLastIndex((line) => !/^[-+ \\]/.test(line)) + 1;
  const run = above.slice(start);
  const changed = run.findIndex((line) => /^[-+](?![-+]| [A-Z`*[]|$)/.test(line));
  return changed >= 0 && run.some((line) => line.startsWith(' ')) ? start + changed + 1 : null;
}

/**
 * The first changed line of a hunk without its "@@" line: right below a header, or behind a part among lines of context. A list
 * in a text has one blank behind its dashes, and no context. Null when there is none.
 */
function unreadAt(files: readonly FilePatch[], text: string): number | null {
  const counted = { offset: 0, line: 1 };
  for (const [index, file] of files.entries()) {
    const next = files[index + 1];
    const to = next ? next.raw?.from : text.length;
    if (!file.raw || to === undefined) return null;
    const gap = text.slice(file.raw.to, to);
    // Nearly always nothing is between two parts.
    if (!/^[-+][^-+]/m.test(gap)) continue;
    // On from the part before, because there may be thousands of them.
    while (counted.offset < file.raw.to) advance(text, counted);
    const begin = counted.line;
    const lines = gap.split('\n');
    if (file.hunks.length === 0 && file.binary === 'none' && /^[-+][^-+]/.test(lines[0] ?? '')) return begin;
    const extra = file.hunks.at(-1)?.extra?.lines().at(-1)?.at ?? 0;
    let from = Math.max(extra - begin + 1, 0);
    for (let at = from; at <= lines.length; at += 1) {
      if (/^[-+ ]/.test(lines[at] ?? '')) continue;
      const run = lines.slice(from, at);
      const changed = run.findIndex((line) => /^[-+](?:[^-+ ]| {2,}\S|\t)/.test(line));
      if (changed >= 0 && run.some((line) => /^ .*\S/.test(line))) return begin + from + changed;
      from = at + 1;
    }
  }
  return null;
}

/** The line of a header that stands behind the last part and has nothing below it, or null. */
function cutAt(files: readonly FilePatch[], text: string): number | null {
  const last = files.at(-1)?.raw;
  if (!last) return null;
  const found = /^(?:diff -|--- [ab]\/|\+\+\+ [ab]\/|@@ -)/m.exec(text.slice(last.to));
  return found ? text.slice(0, last.to + found.index).split('\n').length : null;
}

/** Something besides blank lines stands before, between or after the sections. */
export function hasTextAround(files: readonly FilePatch[], text: string): boolean {
  let at = 0;
  for (const file of files) {
    if (!file.raw) return false;
    if (/\S/.test(text.slice(at, file.raw.from))) return true;
    at = file.raw.to;
  }
  return /\S/.test(text.slice(at));
}
