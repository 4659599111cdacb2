/** Settles all files of a paste, in order, and puts the sections together for git. */
import { type Problem, problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { BaseReader } from './base-reader.ts';
import { joinLines, showPath, splitLines } from './bytes.ts';
import { judgeBinary, writeBinary } from './binary.ts';
import type { Attempt } from './clean.ts';
import { hasTextAround, judgeAround } from './around.ts';
import { type Added, addedOf, type Damage, judgeByDamage } from './damage.ts';
import { type Desk, openDesk } from './desk.ts';
import { hunkLine } from './formats/lines.ts';
import { binaryBytesMax, filesMax, repeatedBytesMax } from './limits.ts';
import { baseText } from './locate.ts';
import type { MendNote } from './mends.ts';
import { judgePath } from './names.ts';
import { isElision, refuseConflict } from './refuse.ts';
import { judgeFreePlace, type Section, type SectionJob, settleAddition, settleChange } from './section.ts';
import type { FilePatch } from './shape.ts';
import { isSealFor } from './seal.ts';
import { joinSeries, judgeMoved, type Part } from './series.ts';
import { findTarget, foldersOnTop, fromTop, pathsMeant, type Target } from './target.ts';
import { blobOf, type Results, resultsOf } from './results.ts';
import { type Change, writeHead, writeSection } from './write.ts';

export interface SettledFiles {
  readonly bytes: Buffer;
  readonly paths: readonly string[];
  readonly notes: readonly MendNote[];
  /** What git must make of the paths that are sure: their blobs, null where nothing may be left. */
  readonly results: Results;
  /** New files have index lines that do not agree with them: perhaps invented, perhaps a sign of damage. */
  readonly isDoubtful: boolean;
}

/** Asks the base once about everything the paste could mean, then settles file after file. */
export async function settleFiles(
  files: readonly FilePatch[],
  attempt: Attempt,
  base: BaseReader,
): Promise<Result<SettledFiles, Problem>> {
  if (files.length > filesMax) return no(problem('patch_too_large', 'The patch has too many files. Split it.'));
  const desk = await openDesk(
    base,
    files.flatMap(pathsMeant).filter((path) => judgePath(path) === null),
  );
  const targets: Target[] = [];
  const created = new Set<string>();
  const above = foldersOnTop(files, desk.has);
  for (const file of files) {
    const found = file.wish
      ? wishTarget(file, desk)
      : findTarget(file, (path) => desk.has(path) || created.has(path), above);
    if (!found.ok) return found;
    targets.push(found.value);
    created.add(found.value.newPath);
    if (found.value.kind === 'delete' || found.value.kind === 'rename') desk.markFreed(found.value.oldPath);
  }
  const all = await settleAll(files, targets, attempt, desk);
  if (!all.ok) return all;
  const { notes, parts, isSeries, isDoubtful } = all.value;
  const around = judgeAround(files, attempt.text) ?? judgeByDamage(all.value.added, all.value.damage);
  if (around) return no(around);
  if (!all.value.changes)
    return no(problem('patch_changes_nothing', 'The patch changes nothing: its result is what the base already has.'));
  if (hasTextAround(files, attempt.text)) notes.push({ code: 'text_around' });
  const paths = [...new Set(targets.flatMap((target) => [target.oldPath, target.newPath]))];
  const joined = isSeries ? joinSeries(parts, desk) : ok(parts.map((part) => part.text));
  if (!joined.ok) return joined;
  const results = resultsOf(targets, desk);
  return ok({ bytes: Buffer.from(joined.value.join(''), 'latin1'), paths, results, notes, isDoubtful });
}

interface Settled {
  readonly notes: MendNote[];
  readonly parts: readonly Part[];
  /** A part deletes what an earlier one wrote. */
  readonly isSeries: boolean;
  readonly isDoubtful: boolean;
  readonly changes: boolean;
  readonly damage: ReadonlySet<Damage>;
  readonly added: readonly Added[];
}

async function settleAll(
  files: readonly FilePatch[],
  targets: readonly Target[],
  attempt: Attempt,
  desk: Desk,
): Promise<Result<Settled, Problem>> {
  const isGenuine = files.some((file, at) => {
    const oid = desk.entry(targets[at]?.oldPath ?? '')?.oid;
    return oid !== undefined && isSealFor(file.header.index, oid);
  });
  const notes: MendNote[] = [];
  const parts: Part[] = [];
  let isSeries = false;
  let changes = false;
  let isDoubtful = false;
  let binaryBytes = 0;
  let repeatedBytes = 0;
  const known = new Set<string>();
  const seen = new Set<string>();
  /** New files where the base still has one, as a file that becomes a symlink: the part that removes it stands above. */
  const createdOver = new Set<string>();
  const damage = new Set<Damage>();
  const added: Added[] = [];
  for (const [at, file] of files.entries()) {
    const target = targets[at];
    if (!target) continue;
    // Each file once is bounded by what is read of the base.
    if (known.has(target.oldPath)) repeatedBytes += desk.sheet(target.oldPath, false)?.content?.length ?? 0;
    known.add(target.oldPath).add(target.newPath);
    if (repeatedBytes > repeatedBytesMax) return no(refuseRepeating(target.oldPath, file.at));
    if (target.kind === 'delete' && createdOver.has(target.oldPath)) return no(refuseSwapped(target, file.at));
    if (target.kind === 'add' && desk.has(target.newPath)) createdOver.add(target.newPath);
    // git's apply removes first and writes then, so that a file which one part changes and a later one deletes would stay.
    isSeries ||= target.kind === 'delete' && desk.isWritten(target.oldPath);
    const moved = judgeMoved(target, file, desk, attempt.text, () => targets.slice(0, at));
    if (moved) return no(moved);
    const section = await settleFile({ file, target, desk, isGenuine });
    if (!section.ok) return section;
    const isRepeated = isSecond(file, attempt.text, seen);
    if (isRepeated && section.value.written !== null) return no(refuseSecond(target, file.at));
    if (typeof file.binary === 'object') {
      for (const part of file.binary) binaryBytes += part.size;
      if (binaryBytes > binaryBytesMax)
        return no(
          problem('patch_too_large', 'The binary data of the patch is too large. Split it.', { line: file.at }),
        );
    }
    notes.push(...section.value.notes);
    changes ||= section.value.changes;
    isDoubtful ||= section.value.isDoubtful === true;
    for (const one of section.value.damage ?? []) damage.add(one);
    added.push(...(section.value.added ?? []));
    const text = section.value.written ?? pasted(file, attempt.text, notes);
    parts.push({ text, paths: [target.oldPath, target.newPath] });
  }
  return ok({ notes, parts, isSeries, isDoubtful, changes, damage, added });
}

function refuseSwapped(target: Target, line: number): Problem {
  const path = showPath(target.newPath);
  const message = `The part at line ${line} deletes "${path}" after another one has created it. Put the parts in their order again.`;
  return problem('patch_corrupt', message, { file: path, line });
}

function refuseRepeating(path: string, line: number): Problem {
  const message = `The patch changes "${showPath(path)}" and other large files again and again, more than can be followed. Make one diff of it.`;
  return problem('patch_took_too_long', message, { file: showPath(path), line });
}

/** The same bytes stood above already: git would do it twice where it can, but no repair may bring that about. */
function isSecond(file: FilePatch, text: string, seen: Set<string>): boolean {
  if (!file.raw) return false;
  const section = text.slice(file.raw.from, file.raw.to).trimEnd();
  if (seen.has(section)) return true;
  seen.add(section);
  return false;
}

function refuseSecond(target: Target, line: number): Problem {
  const path = showPath(target.newPath);
  const message = `The part for "${path}" at line ${line} stands in the paste twice. Leave one of them out.`;
  return problem('patch_already_applied', message, { file: path, line });
}

/** The section as it came, with the line feed that a paste loses at its end. */
function pasted(file: FilePatch, text: string, notes: MendNote[]): string {
  const section = text.slice(file.raw?.from ?? 0, file.raw?.to ?? 0);
  if (section.endsWith('\n')) return section;
  notes.push({ code: 'final_newline' });
  return `${section}\n`;
}

async function settleFile(job: SectionJob): Promise<Result<Section, Problem>> {
  const { file, target, desk } = job;
  const { kind, oldPath, newPath } = target;
  for (const path of [oldPath, newPath]) {
    const refused = judgePath(path, file.at) ?? judgeEntry(path, desk, file.at);
    if (refused) return no(refused);
  }
  if (file.binary === 'absent') return settleAbsent(job);
  if (typeof file.binary === 'object') return settleBinary(job, file.binary);
  if (file.wish?.kind === 'add') return settleWish(job, file.wish.content, file.wish.orReplace);
  if (kind === 'add') return settleAddition(job);
  const before = desk.sheet(oldPath, kind === 'rename' || kind === 'copy');
  if (!before) {
    const blocked = desk.blocker(oldPath, file.at);
    if (blocked) return no(blocked);
    if (desk.entry(oldPath)?.type === 'tree') {
      return no(
        problem('patch_file_missing', `"${showPath(oldPath)}" is a folder in the base, not a file.`, {
          file: showPath(oldPath),
          line: file.at,
        }),
      );
    }
    return no(await desk.missing(oldPath, file.at));
  }
  if (kind === 'rename' || kind === 'copy') {
    const taken = judgeFreePlace(job, null);
    if (taken) return no(taken);
  }
  const section = settleChange(job, before);
  if (section.ok && kind === 'rename') desk.put(oldPath, null);
  return section;
}

/** What the base has at a touched path can already forbid it. */
function judgeEntry(path: string, desk: Desk, at: number): Problem | null {
  if (desk.entry(path)?.type !== 'commit') return null;
  const message = `"${showPath(path)}" is a submodule. A patch may not change it here.`;
  return problem('patch_submodule', message, { file: showPath(path), line: at });
}

/** "Binary files differ": git can only do it when both blobs are named in full and it happens to have them. */
function settleAbsent(job: SectionJob): Result<Section, Problem> {
  const { file, target, desk } = job;
  const index = file.header.index;
  if (index && index.new.length >= 40 && index.old.length >= 40 && !file.irregular) {
    desk.put(
      target.newPath,
      target.kind === 'delete' ? null : { mode: file.header.newMode ?? '100644', oid: null, content: null },
    );
    return ok({ written: null, notes: [], changes: true });
  }
  const message = `"${showPath(target.newPath)}" is binary and its bytes are not in the diff. Make the diff with "git diff --binary".`;
  return no(problem('patch_binary_without_data', message, { file: showPath(target.newPath), line: file.at }));
}

async function settleBinary(
  job: SectionJob,
  parts: Exclude<FilePatch['binary'], string>,
): Promise<Result<Section, Problem>> {
  const { file, target, desk } = job;
  const { kind, oldPath, newPath } = target;
  const size = judgeBinary(newPath, parts, file);
  if ('code' in size) return no(size);
  const names = file.header.index;
  if (names && (isNone(names.new) !== (kind === 'delete') || isNone(names.old) !== (kind === 'add'))) {
    const message = `The "index" line of "${showPath(newPath)}" creates or deletes it, but the header's line about its mode is missing. Paste all of it.`;
    return no(problem('patch_corrupt', message, { file: showPath(newPath), line: file.at }));
  }
  const before = kind === 'add' ? null : desk.sheet(oldPath, kind === 'rename' || kind === 'copy');
  if (kind !== 'add' && !before) return no(await desk.missing(oldPath, file.at));
  // What the base has there git compares itself; what an earlier part wrote it may never see (series.ts).
  const there = before && desk.isWritten(oldPath) ? blobOf(before, desk) : null;
  if (there !== null && names && names.old !== there) {
    const message = `The binary part for "${showPath(newPath)}" does not start from what an earlier part made of it. Send the patches of a series one by one.`;
    return no(problem('patch_does_not_apply', message, { file: showPath(newPath), line: file.at }));
  }
  if (kind === 'add' || kind === 'rename' || kind === 'copy') {
    const taken = judgeFreePlace(job, null);
    if (taken) return no(taken);
  }
  const mode = file.header.newFileMode ?? file.header.newMode ?? before?.mode ?? '100644';
  const change: Change = { kind, oldPath, newPath, oldMode: before?.mode ?? '000000', newMode: mode };
  // git takes the data only when they give this blob.
  desk.put(newPath, kind === 'delete' ? null : { mode, oid: names?.new ?? null, content: null });
  if (kind === 'rename') desk.put(oldPath, null);
  const isTaken = !file.irregular && target.asWritten;
  return ok({
    written: isTaken ? null : writeBinary(file, parts, change),
    notes: isTaken ? [] : [{ code: 'headers', path: newPath }],
    changes: true,
  });
}

/** Zeros stand for a file that is not there. */
function isNone(oid: string): boolean {
  return /^0+$/.test(oid);
}

/** What the other formats ask for, in the base's paths. */
function wishTarget(file: FilePatch, desk: Desk): Result<Target, Problem> {
  const wish = file.wish;
  if (!wish) return findTarget(file, desk.has);
  const path = fromTop(wish.path);
  const refused = judgePath(path, file.at);
  if (refused) return no(refused);
  const moveTo = wish.kind === 'update' ? wish.moveTo : null;
  const newPath = fromTop(moveTo ?? path);
  const kind = wish.kind === 'update' ? (moveTo === null ? 'modify' : 'rename') : wish.kind;
  return ok({ kind, oldPath: path, newPath, asWritten: false });
}

function settleWish(job: SectionJob, content: string, orReplace: boolean): Result<Section, Problem> {
  const { target, desk, file } = job;
  const path = target.newPath;
  const there = desk.sheet(path, false);
  if (orReplace && there?.content !== undefined && there.content !== null)
    return settleWhole(job, there.content, there.mode, content);
  const taken = judgeFreePlace(job, content);
  if (taken) return no(taken);
  const hole = splitLines(content).lines.findIndex(isElision);
  if (orReplace && hole >= 0) return no(elided(path, file.at + hole + 1));
  const edits = [{ from: 0, to: 0, lines: splitLines(content).lines }];
  const added = splitLines(content).lines.map((line, at) => hunkLine('+', line, file.at + at + 1));
  const conflict = refuseConflict({ path, hunk: 1 }, added, new Set());
  if (conflict) return no(conflict);
  desk.put(path, { mode: '100644', oid: null, content });
  const change: Change = { kind: 'add', oldPath: path, newPath: path, oldMode: '000000', newMode: '100644' };
  return ok({
    written: content === '' ? writeHead(change) : writeSection(change, '', content, edits),
    notes: [],
    changes: true,
    added: [addedOf(path, 1, added, null)],
  });
}

function elided(path: string, line: number): Problem {
  const message = `Line ${line} stands for code that was left out of "${showPath(path)}". Send a diff, or the whole file.`;
  return problem('patch_elided', message, { file: showPath(path), line });
}

/** A whole file takes the place of one that is there, if it clearly is the whole file and not a piece of it. */
function settleWhole(
  { target, desk, file }: SectionJob,
  before: string,
  mode: string,
  pastedText: string,
): Result<Section, Problem> {
  const path = target.newPath;
  const base = baseText(before);
  const pastedLines = splitLines(pastedText).lines;
  const known = new Set(base.lines.map((line) => line.trimEnd()));
  const hole = pastedLines.findIndex((line) => isElision(line) && !known.has(line.trimEnd()));
  if (hole >= 0) return no(elided(path, file.at + hole + 1));
  const all = pastedLines.map((line, at) => hunkLine('+', line, file.at + at + 1));
  const conflict = refuseConflict({ path, hunk: 1 }, all, new Set(base.lines.map((line) => line.trim())));
  if (conflict) return no(conflict);
  const fresh = new Set(pastedLines.map((line) => line.trimEnd()));
  const old = base.lines.map((line) => line.trimEnd()).filter((line) => line !== '');
  const kept = old.filter((line) => fresh.has(line)).length;
  const ends = [old[0], old.at(-1)].every((line) => line === undefined || fresh.has(line));
  if (!ends || kept * 2 < old.length) {
    const message = `The block for "${showPath(path)}" does not look like the whole file, so the rest would be lost. Send a diff, or the whole file.`;
    return no(problem('patch_elided', message, { file: showPath(path), line: file.at }));
  }
  const ending = base.crlf === 'all' ? pastedLines.map((line) => `${line.replace(/\r$/, '')}\r`) : pastedLines;
  let start = 0;
  while (start < ending.length && start < base.lines.length && ending[start] === base.lines[start]) start += 1;
  let tail = 0;
  while (tail < Math.min(ending.length, base.lines.length) - start && ending.at(-1 - tail) === base.lines.at(-1 - tail))
    tail += 1;
  const edits = [{ from: start, to: base.lines.length - tail, lines: ending.slice(start, ending.length - tail) }];
  const after = joinLines({ lines: ending, finalNewline: base.finalNewline });
  desk.put(path, { mode, oid: null, content: after });
  const change: Change = { kind: 'modify', oldPath: path, newPath: path, oldMode: mode, newMode: mode };
  return ok({ written: writeSection(change, before, after, edits), notes: [], changes: after !== before });
}
