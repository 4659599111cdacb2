/** Which paths of the base a section of a diff means: its names as written, the usual prefixes, and what the base has. */
import { type Problem, problem } from '#contract/problem.ts';
import { pathFromBytes } from '../../lib/path-bytes.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { showPath, unquote } from './bytes.ts';
import { pathBytesMax } from './limits.ts';
import { judgeMode, judgePath } from './names.ts';
import type { FilePatch, Header } from './shape.ts';

export interface Target {
  readonly kind: 'modify' | 'add' | 'delete' | 'rename' | 'copy';
  readonly oldPath: string;
  readonly newPath: string;
  /** git's own reading with `-p1` gives these names. */
  readonly asWritten: boolean;
}

/** A name as a header states it: every reading of it, the likeliest first; null for /dev/null. */
interface Reading {
  readonly paths: readonly string[];
  /** What git reads with -p1. */
  readonly strict: string;
  readonly isPrefixed: boolean;
}

type Named = Reading | null | undefined;

/** `./src/x.js`, as tools that walk folders write it. */
export function fromTop(path: string): string {
  return path.replace(/^\.\//, '');
}

/** Every path a section could mean, so that the base can be asked about all of them at once. */
export function pathsMeant(file: FilePatch): string[] {
  if (file.wish)
    return (
      file.wish.kind === 'update' && file.wish.moveTo ? [file.wish.path, file.wish.moveTo] : [file.wish.path]
    ).map(fromTop);
  const { old, fresh } = namesOf(file.header);
  return [...(old?.paths ?? []), ...(fresh?.paths ?? [])];
}

/**
 * The folders that stand above the whole tree in the names of this paste, as in `curl.orig/lib/x.c` and `curl/lib/x.c`: some
 * name in them is only known to the base without them, and none with them.
 */
export function foldersOnTop(files: readonly FilePatch[], has: (path: string) => boolean): ReadonlySet<string> {
  const above = new Set<string>();
  const within = new Set<string>();
  for (const file of files) {
    const { git, minus, plus } = file.header;
    // Nearly every part of a long diff ends here, before its names are read.
    if (file.wish || git?.startsWith('a/') === true || (minus ?? plus)?.startsWith('a/') === true) continue;
    const { old, fresh } = namesOf(file.header);
    for (const name of [old, fresh]) {
      const [whole, below] = name?.isPrefixed === false ? name.paths : [];
      if (whole === undefined || below === undefined) continue;
      if (has(whole)) within.add(topOf(whole));
      else if (has(below)) above.add(topOf(whole));
    }
  }
  return new Set([...above].filter((folder) => !within.has(folder)));
}

function topOf(path: string): string {
  return path.slice(0, path.indexOf('/'));
}

function belowTop(path: string): string {
  return path.slice(path.indexOf('/') + 1);
}

/**
 * Decides what a section of a unified diff is about. `has`: the base, or an earlier part of the patch, has this path.
 * `above`: what foldersOnTop found; a new file is only told apart by it.
 */
export function findTarget(
  file: FilePatch,
  has: (path: string) => boolean,
  above: ReadonlySet<string> = new Set(),
): Result<Target, Problem> {
  const { header } = file;
  const { old, fresh } = namesOf(header);
  const moved = header.renameFrom !== null || header.copyFrom !== null;
  const reading = old ?? fresh;
  if (!reading) {
    const message = 'A part of the diff names no file. Add "--- a/PATH" and "+++ b/PATH" above its hunks.';
    return no(problem('patch_corrupt', message, { line: file.at }));
  }
  const refused = [old, fresh]
    .flatMap((name) => (name ? [judgePath(name.paths[0] ?? '', file.at)] : []))
    .find((found) => found !== null);
  if (refused) return no(refused);
  const disguised = judgeHeaderNames(header, file.at);
  if (disguised) return no(disguised);
  const modes = judgeModes(header, reading.paths[0] ?? '', file.at);
  if (modes) return no(modes);
  const existing = (name: Reading): string => name.paths.find(has) ?? name.paths[0] ?? '';
  if (moved && old && fresh) {
    const kind = header.renameFrom === null ? 'copy' : 'rename';
    return ok({ kind, oldPath: existing(old), newPath: fresh.paths[0] ?? '', asWritten: header.git !== null });
  }
  // Below `diff --git` only the line of the mode says so to git: "/dev/null" alone is the file "dev/null" there.
  const isAdd = old === null || header.newFileMode !== null;
  const isDelete = fresh === null || header.deletedFileMode !== null || isGone(file);
  if (isAdd && isDelete) {
    return no(problem('patch_corrupt', 'A part of the diff both creates and deletes its file.', { line: file.at }));
  }
  if (isDelete) {
    const path = existing(old ?? reading);
    const asWritten = (old ?? reading).strict === path && (header.git === null || header.deletedFileMode !== null);
    return ok({ kind: 'delete', oldPath: path, newPath: path, asWritten });
  }
  const name = fresh ?? reading;
  if (isAdd) {
    const [whole = '', below = whole] = name.paths;
    const path = !name.isPrefixed && above.has(topOf(whole)) ? below : whole;
    const asWritten = name.strict === path && (header.git === null || header.newFileMode !== null);
    return ok({ kind: 'add', oldPath: path, newPath: path, asWritten });
  }
  return modifyTarget(file, old ?? name, name, has);
}

/** A change in place: both names must mean one file of the base. */
function modifyTarget(
  file: FilePatch,
  old: Reading,
  fresh: Reading,
  has: (path: string) => boolean,
): Result<Target, Problem> {
  const common = old.paths.filter((path) => fresh.paths.includes(path));
  const shared = common.find(has) ?? common[0];
  if (shared !== undefined) {
    const asWritten = old.strict === shared && fresh.strict === shared;
    const added = !has(shared) && addsOnly(file);
    return ok({ kind: added ? 'add' : 'modify', oldPath: shared, newPath: shared, asWritten: asWritten && !added });
  }
  // `file.orig` beside `file`, as `diff -u` is often called: the one that the base has.
  const present = [...new Set([...fresh.paths, ...old.paths])].filter(has);
  if (file.header.git === null && present.length === 1 && present[0] !== undefined) {
    return ok({ kind: 'modify', oldPath: present[0], newPath: present[0], asWritten: false });
  }
  const fresher = fresh.paths[0] ?? '';
  // The same beside a file that is not there yet.
  if (file.header.git === null && present.length === 0 && addsOnly(file) && isKeptCopy(old.paths[0] ?? '', fresher))
    return ok({ kind: 'add', oldPath: fresher, newPath: fresher, asWritten: false });
  const names = `"${showPath(old.paths[0] ?? '')}" and "${showPath(fresher)}"`;
  const message = `One part of the diff names two files, ${names}, without saying that it renames. Write one name.`;
  return no(problem('patch_corrupt', message, { file: showPath(fresher), line: file.at }));
}

/** `path.orig`, `path~`: what people call the file before the change. */
function isKeptCopy(copy: string, path: string): boolean {
  return copy.startsWith(path) && /^(?:\.orig|\.old|\.bak|~)$/.test(copy.slice(path.length));
}

/** A "change" of a file that is not there and only brings lines: its header forgot /dev/null. */
function addsOnly(file: FilePatch): boolean {
  const [hunk] = file.hunks;
  if (!hunk || file.hunks.length !== 1) return false;
  const startsAtNothing = hunk.numbers === null || hunk.numbers.oldCount <= 0 || hunk.numbers.oldStart === 0;
  return startsAtNothing && hunk.lines().length > 0 && hunk.lines().every((line) => line.sign === '+');
}

/**
 * `diff -N` gives a file that is not there the first second of 1970, in its own time zone, instead of /dev/null; git's apply
 * removes such a file (its documentation of `diff` formats does not say so; t4132 of its tests does).
 */
function isGone({ header, hunks }: FilePatch): boolean {
  if (header.git !== null || header.plus === null) return false;
  const [, day, hours, minutes, sign, zoneHours, zoneMinutes] = epoch.exec(header.plus) ?? [];
  if (day === undefined) return false;
  const local = Number(hours) * 60 + Number(minutes) - (day === '1969-12-31' ? 24 * 60 : 0);
  const zone = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === '-' ? -1 : 1);
  return local === zone && hunks.length > 0 && hunks.every((hunk) => hunk.lines().every((line) => line.sign === '-'));
}

const epoch = /\s(1969-12-31|1970-01-01) ([0-2]\d):([0-5]\d):00(?:\.0+)? ([-+])([0-2]\d):?([0-5]\d)\r?$/;

function escapedNames(at: number): Problem {
  return problem('patch_corrupt', 'The names in a header have HTML escapes in them. Make the diff again.', {
    line: at,
  });
}

/** `diff --git` that names one file above `---` and `+++` that name another: git would follow the second pair (T10). */
function judgeHeaderNames(header: Header, at: number): Problem | null {
  const { minus, plus, renameFrom, renameTo, copyFrom, copyTo } = header;
  // git's own quotation mark in front of a name, turned into an escape: nobody's folder begins like that.
  const written = [header.git, minus, plus, renameFrom, renameTo, copyFrom, copyTo];
  if (written.some((name) => name !== null && /^(?:&quot;|&#34;)/.test(name))) return escapedNames(at);
  if (header.git !== null && written.some((name) => name !== null && lostQuotes(name))) {
    const message =
      'A name in a header has a backslash and no quotation marks, which git writes around such names. Make the diff again.';
    return problem('patch_corrupt', message, { line: at });
  }
  const isMoved = header.renameFrom !== null || header.copyFrom !== null;
  const moved = isMoved ? judgeMovedNames(header, at) : null;
  if (moved) return moved;
  const git = header.git === null ? null : splitGitNames(header.git);
  if (!git) return null;
  const isAlone = !isMoved && header.minus === null && header.plus === null;
  // Quotation marks that became escapes: one file whose name would be taken for two others.
  if (
    isAlone &&
    header.git?.includes('&quot;') &&
    readName(git[0], 'git')?.paths[0] !== readName(git[1], 'git')?.paths[0]
  )
    return escapedNames(at);
  for (const [one, other] of [
    [git[0], header.minus],
    [git[1], header.plus],
  ] as const) {
    const [first, second] = [readName(one, 'git'), other === null ? null : readName(other, 'line')];
    if (!first || !second || first.paths.some((path) => second.paths.includes(path))) continue;
    const names = `"${showPath(first.paths[0] ?? '')}" and "${showPath(second.paths[0] ?? '')}"`;
    const message = `The header of one part names two different files, ${names}. Make the diff again.`;
    return problem('patch_corrupt', message, { file: showPath(second.paths[0] ?? ''), line: at });
  }
  return null;
}

/** Whoever took the quotation marks left the escapes, which would be taken for the name. */
function lostQuotes(written: string): boolean {
  const name = written.split('\t')[0] ?? '';
  return name.includes('\\') && !name.includes('"') && !isWindowsName(name);
}

/** Windows tools write `a\src\x.js`; no file has such a name by intention. */
function isWindowsName(name: string): boolean {
  return /^[ab]\\[^\\]/.test(name) && !name.includes('/');
}

/** `diff --git` names what `rename` or `copy` names, too: otherwise one of them was changed on the way. */
function judgeMovedNames({ git, renameFrom, renameTo, copyFrom, copyTo }: Header, at: number): Problem | null {
  const moved = [renameFrom ?? copyFrom, renameTo ?? copyTo].map((name) =>
    name === null ? null : (readName(name, 'rename')?.strict ?? null),
  );
  const [from = null, to = null] = moved;
  if (git === null || from === null || to === null) return null;
  const means = (written: string, name: string): boolean => {
    const read = readName(written, 'git');
    return read?.strict === name || read?.paths.includes(name) === true;
  };
  const quoted = git.includes('"') ? splitGitNames(git) : null;
  // Longer than two names can be: refused for that.
  if (!quoted && git.length > pathBytesMax * 2 + 100) return null;
  const blanks = quoted ? [] : [...git.matchAll(/ /g)].map(({ index }) => index);
  const pairs = quoted ? [quoted] : blanks.map((blank) => [git.slice(0, blank), git.slice(blank + 1)] as const);
  if (pairs.some(([one, other]) => means(one, from) && means(other, to))) return null;
  const names = `"${showPath(from)}" and "${showPath(to)}"`;
  const message = `The header of one part moves ${names}, but its "diff --git" line names other files. Make the diff again.`;
  return problem('patch_corrupt', message, { file: showPath(to), line: at });
}

function judgeModes(header: Header, path: string, at: number): Problem | null {
  const modes = [header.oldMode, header.newMode, header.newFileMode, header.deletedFileMode];
  for (const mode of modes) {
    const refused = mode === null ? null : judgeMode(mode.trim(), path, at);
    if (refused) return refused;
  }
  if (header.oldMode === null || header.newMode !== null) return null;
  const message = `The header of "${showPath(path)}" says its old mode and not its new one. Paste all of it.`;
  return problem('patch_corrupt', message, { file: showPath(path), line: at });
}

function namesOf(header: Header): { old: Named; fresh: Named } {
  const git = header.git === null ? null : splitGitNames(header.git);
  // git writes two prefixes, so one name twice has none: `b` is a folder there (--no-prefix).
  const isBare =
    git !== null && git[0] === git[1] && [header.minus, header.plus].every((name) => isNameOr(name, git[0]));
  // Two names that only differ in their first folder: those are the prefixes (--src-prefix, --dst-prefix).
  const isTopped = !isBare && git !== null && git[0] !== git[1] && belowTop(git[0]) === belowTop(git[1]);
  const read = (written: string, source: Source): Named => {
    const name = readName(written, source);
    return isTopped && name?.isPrefixed === false
      ? { ...name, paths: name.paths.toReversed(), isPrefixed: true }
      : name;
  };
  const pick = (plain: string | null, written: string | null, fromGit: string | undefined): Named => {
    if (plain !== null) return readName(plain, 'rename');
    if (isBare) return written === null ? readBareName(git[0], 'git') : readBareName(written, 'line');
    if (written !== null) return read(written, header.git === null ? 'plain_line' : 'line');
    if (fromGit !== undefined) return read(fromGit, 'git');
    return undefined;
  };
  const old = pick(header.renameFrom ?? header.copyFrom, header.minus, git?.[0]);
  const fresh = pick(header.renameTo ?? header.copyTo, header.plus, git?.[1]);
  if (old === undefined && fresh === undefined && header.named !== null) {
    const named = { paths: [pathFromBytes(header.named)], strict: '', isPrefixed: false };
    return { old: named, fresh: named };
  }
  return { old, fresh };
}

function isNameOr(written: string | null, name: string): boolean {
  return written === null || written === '/dev/null' || written.replace(/\t$/, '') === name;
}

/** A name without a prefix first; a model that wrote `a/x` twice means what the base has. */
function readBareName(written: string, source: Source): Named {
  const read = readName(written, source);
  return read && { ...read, paths: read.isPrefixed ? read.paths.toReversed() : read.paths };
}

const prefix = /^(?:[abciwo]|\.|[12])\//;

/** Where a name stands: after `rename from`, after `diff --git`, or after `---` with or without `diff --git` above. */
type Source = 'rename' | 'git' | 'line' | 'plain_line';

/** No longer than a name can be with every byte escaped: the pattern for it takes as much stack as the name is long. */
function unquoteName(written: string): ReturnType<typeof unquote> {
  return unquote(written.slice(0, pathBytesMax * 10));
}

/** Reads one name as its source writes it. */
function readName(written: string, source: Source): Named {
  const quoted = unquoteName(written);
  const asIs = quoted ? quoted.name : withoutStamp(written, source);
  const isWindows = !quoted && isWindowsName(asIs);
  // git ends a name with blanks in it with a tab; blanks without one were added on the way.
  const isPadded = !quoted && source.endsWith('line') && !written.includes('\t');
  const name = isWindows ? asIs.replaceAll('\\', '/') : isPadded ? asIs.trimEnd() : asIs;
  if (name === '/dev/null') return null;
  // What is longer is refused for its length, and need not be decoded to its end.
  const path = pathFromBytes(name.slice(0, pathBytesMax * 2));
  if (source === 'rename') return { paths: [path], strict: path, isPrefixed: false };
  const isExact = quoted !== null || written.split('\t')[0] === name;
  const below = belowTop(path);
  const strict = isExact ? below : '';
  if (path.startsWith('/') || /^[a-z]:[\\/]/i.test(path)) return { paths: [path], strict: '', isPrefixed: false };
  if (prefix.test(path)) return { paths: [path.replace(prefix, ''), path], strict, isPrefixed: true };
  return {
    paths: path.includes('/') ? [path, below] : [path],
    strict: path.includes('/') ? strict : '',
    isPrefixed: false,
  };
}

/** Cuts what tools write behind a name: a tab and a time, `(revision 12)`, `(working copy)`. */
function withoutStamp(written: string, source: Source): string {
  // A name may have tabs in it; the last one stands in front of the time.
  const timed = source === 'plain_line' ? written.lastIndexOf('\t') : -1;
  const isTimed = timed > 0 && /^\t\d{4}-\d\d-\d\d[ T]\d\d:\d\d/.test(written.slice(timed, timed + 20));
  const name = isTimed ? written.slice(0, timed) : (written.split('\t')[0] ?? '');
  // Longer than any name: nothing to cut, and the patterns below would take quadratic time on a line of blanks.
  if (source !== 'plain_line' || name.length > pathBytesMax * 2) return name;
  return name
    .replace(
      / +\((?:revision|rev\.?|working copy|original|modified|old|new|before|after|updated|nonexistent|r\d)[^()]*\)\s*$/i,
      '',
    )
    .replace(/ +\d{4}-\d\d-\d\d[ T]\d\d:\d\d.*$/, '')
    .replace(/ +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} +\d.*$/, '')
    .replace(/ +$/, '');
}

/** The two names after `diff --git`; without quotes they are only told apart when they are the same file, or have no blanks. */
function splitGitNames(written: string): [string, string] | null {
  const first = unquoteName(written);
  if (first) return [written.slice(0, first.end), written.slice(first.end + 1)];
  const quotedSecond = written.indexOf(' "');
  if (quotedSecond > 0) return [written.slice(0, quotedSecond), written.slice(quotedSecond + 1)];
  const half = (written.length - 1) / 2;
  const [one, other] = [written.slice(0, half), written.slice(half + 1)];
  if (written[half] === ' ' && one.replace(prefix, '') === other.replace(prefix, '')) return [one, other];
  const parts = written.split(' ');
  return parts.length === 2 ? [parts[0] ?? '', parts[1] ?? ''] : splitBelowTop(written);
}

/** Two names with blanks in them that are the same below their first folders, as git's apply tells them apart. */
function splitBelowTop(written: string): [string, string] | null {
  if (written.length > pathBytesMax * 2 + 100) return null;
  const top = written.indexOf('/') + 1;
  if (top === 0) return null;
  const found: [string, string][] = [];
  for (let at = written.indexOf(' ', top); at > 0; at = written.indexOf(' ', at + 1)) {
    const start = written.length - (at - top);
    // Looked at first, because nearly every blank ends here: a line of blanks must not take quadratic time.
    if (start <= at + 1 || written[start - 1] !== '/') continue;
    if (written.slice(at + 1, start - 1).includes('/') || written.slice(top, at) !== written.slice(start)) continue;
    found.push([written.slice(0, at), written.slice(at + 1)]);
  }
  return found.length === 1 ? (found[0] ?? null) : null;
}
