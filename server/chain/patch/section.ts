/** Settles one file of a patch: from what was pasted to a section that git takes, with the file's new content. */
import { type Problem, problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { joinLines, showPath, splitLines } from './bytes.ts';
import { writeDeletion } from './binary.ts';
import { type Added, addedOf, type Damage } from './damage.ts';
import type { Desk, Sheet } from './desk.ts';
import { baseText } from './locate.ts';
import type { MendNote } from './mends.ts';
import { isAddedElision, refuseConflict, refuseElided, where } from './refuse.ts';
import { checkSeal, findSealed, isSealFor } from './seal.ts';
import { settleHunks, type SettledText } from './settle.ts';
import type { FilePatch, Hunk, HunkLine } from './shape.ts';
import type { Target } from './target.ts';
import { hashObject } from './tree.ts';
import { type Change, writeHead, writeSection } from './write.ts';

export interface Section {
  /** Byte string for git; null: take the paste's own section unchanged. */
  readonly written: string | null;
  readonly notes: readonly MendNote[];
  readonly changes: boolean;
  /** It has an index line that does not agree, and that nothing else vouches for. */
  readonly isDoubtful?: boolean;
  /** What its old lines show of the way here; and its added lines, unless its index line proves them (damage.ts). */
  readonly damage?: ReadonlySet<Damage>;
  readonly added?: readonly Added[];
}

export interface SectionJob {
  readonly file: FilePatch;
  readonly target: Target;
  readonly desk: Desk;
  /** Some part of the paste has an index line that names the base's blob: git made this diff, on this base. */
  readonly isGenuine: boolean;
}

/** Changed or deleted text files, also renamed and copied ones. `before` is what the desk has at the old path. */
export function settleChange(job: SectionJob, before: Sheet): Result<Section, Problem> {
  const { file, target, desk } = job;
  const path = target.newPath;
  const change: Change = {
    kind: target.kind,
    oldPath: target.oldPath,
    newPath: path,
    oldMode: before.mode,
    newMode: (target.kind === 'delete' ? null : file.header.newMode) ?? before.mode,
  };
  if (file.hunks.length === 0) return withoutHunks(job, change, before);
  if (before.content === null) return tooLarge(job, change);
  const other = judgeIndex(job, before);
  if (other) return no(other);
  const base = baseText(before.content);
  const settled = settleHunks(path, base, file.hunks, sealOf(job, before, before.content));
  if (!settled.ok) return settled;
  const sealed = applySeal(job, before, before.content, settled.value);
  if (!sealed.ok) return sealed;
  const { lines, finalNewline, edits, isProved, notes } = sealed.value;
  const after = joinLines({ lines, finalNewline });
  if (target.kind === 'delete' && after !== '') {
    const message = `The patch deletes "${showPath(path)}" but lists only some of its lines (${lines.length} would be left). Delete it whole, or make it a change.`;
    return no(problem('patch_does_not_apply', message, { file: showPath(path), hunk: 1, line: file.at }));
  }
  const refused = isProved ? null : judgeAddedLines(path, file.hunks);
  if (refused) return no(refused);
  const taken = settled.value.asWritten && !sealed.value.isOther && isRegular(job);
  desk.put(path, target.kind === 'delete' ? null : { mode: change.newMode, oid: null, content: after });
  return ok({
    written: taken ? null : writeSection(change, before.content, after, edits),
    notes: taken || notes.length > 0 || file.raw === null ? notes : [{ code: 'headers', path }],
    changes: after !== before.content || change.newMode !== change.oldMode || target.kind !== 'modify',
    damage: settled.value.damage,
    added: isProved ? [] : settled.value.added,
  });
}

/** The paste's own section can go to git as it is, as far as its header goes. */
function isRegular({ file, target }: SectionJob): boolean {
  if (file.irregular || !target.asWritten || file.raw === null) return false;
  if (file.hunks.length === 0) return file.header.git !== null;
  return file.header.minus !== null && file.header.plus !== null;
}

function withoutHunks(job: SectionJob, change: Change, before: Sheet): Result<Section, Problem> {
  const { file, desk, target } = job;
  const path = change.newPath;
  const seal = file.header.index;
  if (change.kind === 'delete') {
    const isNamed = seal !== null && seal.old.length >= 7 && before.oid?.startsWith(seal.old) === true;
    if (before.content !== '' && !isNamed && !file.wish) {
      const message = `The patch deletes "${showPath(path)}" without listing its lines, so it cannot be checked. Make it with "git diff".`;
      return no(problem('patch_does_not_apply', message, { file: showPath(path), line: file.at }));
    }
    desk.put(path, null);
    const isTaken = before.content === '' && isRegular(job);
    return ok({
      written: isTaken ? null : writeDeletion(change, before),
      notes: isTaken || file.wish ? [] : [{ code: 'headers', path }],
      changes: true,
    });
  }
  const isEmptied = file.header.minus !== null || file.header.plus !== null || (seal !== null && seal.old !== seal.new);
  if ((change.kind === 'modify' && change.newMode === change.oldMode) || isEmptied) {
    if (!isEmptied && file.header.newMode !== null) {
      const message = `"${showPath(path)}" already has mode ${change.newMode}. Nothing to do.`;
      return no(problem('patch_already_applied', message, { file: showPath(path), line: file.at }));
    }
    const message = `The part for "${showPath(path)}" has a header but no change under it. Paste all of it.`;
    return no(problem('patch_truncated', message, { file: showPath(path), line: file.at }));
  }
  desk.put(path, { ...before, mode: change.newMode });
  // git takes no new mode without the old one.
  const isHalf = file.header.newMode !== null && file.header.oldMode === null;
  const isTaken = isRegular(job) && !isHalf;
  return ok({
    written: isTaken ? null : writeHead(change),
    notes: isTaken || (target.asWritten && !isHalf) ? [] : [{ code: 'headers', path }],
    changes: true,
  });
}

/**
 * Why the index line says that the hunks are not for this file, or null. Hunks with little or no context would fit all the
 * same: a second time where the base is their result already, and on top of a file that was empty when they were made.
 */
function judgeIndex({ file, target }: SectionJob, { oid, content }: Sheet): Problem | null {
  const seal = file.header.index;
  const at = { file: showPath(target.newPath), line: file.at };
  if (target.kind !== 'modify' || oid === null || !seal) return null;
  if (isSealFor({ old: seal.new, new: seal.old }, oid) && !oid.startsWith(seal.old)) {
    const message = `"${at.file}" is already what the diff makes of it: its "index" line names the file as the base has it. Nothing to do.`;
    return problem('patch_already_applied', message, at);
  }
  const fills = file.hunks[0]?.numbers?.oldCount === 0 && file.hunks[0].numbers.oldStart === 0;
  const wasEmpty = isSealFor(seal, hashObject('blob', Buffer.alloc(0), oid.length / 2));
  if (!fills || !wasEmpty || content === '') return null;
  const message = `The diff was made when "${at.file}" was empty, and here it is not. Make it against this base.`;
  return problem('patch_does_not_apply', message, at);
}

/** A file we do not search: git's own word on an untouched section is as good. */
function tooLarge(job: SectionJob, change: Change): Result<Section, Problem> {
  const { file } = job;
  if (isRegular(job) && file.hunks.every((hunk) => hunk.counts === 'exact' && !hunk.extra?.near)) {
    job.desk.put(change.newPath, { mode: change.newMode, oid: null, content: null });
    return ok({ written: null, notes: [], changes: true });
  }
  const message = `"${showPath(change.newPath)}" is too large, or was changed as binary before, to mend this diff. Make it with "git diff --binary".`;
  return no(problem('patch_does_not_apply', message, { file: showPath(change.newPath), line: file.at }));
}

type Sealed = Pick<SettledText, 'lines' | 'finalNewline' | 'edits'> & {
  readonly isProved: boolean;
  readonly isOther: boolean;
  readonly notes: readonly MendNote[];
};

/** An earlier part of a series may have written this file: its index line starts from there. */
function oidOf({ desk }: SectionJob, before: Sheet, content: string): string {
  return before.oid ?? hashObject('blob', Buffer.from(content, 'latin1'), desk.oidBytes);
}

/** Whether a content is what the index line of this file names; null when that starts from another base, or names nothing. */
function sealOf(job: SectionJob, before: Sheet, content: string): ((after: string) => boolean) | null {
  const seal = job.file.header.index;
  const oid = oidOf(job, before, content);
  return isSealFor(seal, oid) ? (after) => checkSeal(seal, oid, job.desk.oidBytes, after) === 'proved' : null;
}

function applySeal(job: SectionJob, before: Sheet, content: string, settled: SettledText): Result<Sealed, Problem> {
  const { file, target } = job;
  const seal = file.header.index;
  const { oidBytes } = job.desk;
  const oid = oidOf(job, before, content);
  const isSealed = (after: string): boolean => checkSeal(seal, oid, oidBytes, after) === 'proved';
  const verdict = checkSeal(seal, oid, oidBytes, joinLines(settled));
  if (verdict !== 'broken') return ok({ ...settled, isProved: verdict === 'proved', isOther: false });
  const path = target.newPath;
  const other = findSealed(splitLines(content).lines, settled, isSealed);
  if (other)
    return ok({
      ...other,
      isProved: true,
      isOther: true,
      notes: [...settled.notes, { code: 'context_line_ends', path }],
    });
  return no(refuseBroken(path, file.at));
}

function refuseBroken(path: string, at: number): Problem {
  const message = `The lines for "${showPath(path)}" do not give the file that its "index" line names: some are missing, or were changed on their way here (blanks or line ends). Attach the diff as a file, or remove the "index" line if it was edited on purpose.`;
  return problem('patch_corrupt', message, { file: showPath(path), line: at });
}

/** New files. Everything the hunk has must be an added line. */
export function settleAddition(job: SectionJob): Result<Section, Problem> {
  const { file, target, desk } = job;
  const path = target.newPath;
  const [hunk, second] = file.hunks;
  const at = { file: showPath(path), line: file.at };
  if (second)
    return no(
      problem('patch_corrupt', `The new file "${showPath(path)}" has more than one hunk. Write it as one.`, at),
    );
  const added = hunk ? addedLines(path, hunk) : ok([]);
  if (!added.ok) return added;
  const lines = added.value.map((line) => line.text);
  const content = joinLines({ lines, finalNewline: added.value.at(-1)?.noNewline !== true });
  const blocked = judgeFreePlace(job, content);
  if (blocked) return no(blocked);
  if (job.isGenuine && file.header.git !== null && file.header.index !== null && file.header.newFileMode === null) {
    const message = `The header of the new file "${showPath(path)}" lost its "new file mode" line, so nothing says whether it is executable. Paste all of it.`;
    return no(problem('patch_corrupt', message, at));
  }
  const mode = file.header.newFileMode ?? '100644';
  const change: Change = { kind: 'add', oldPath: path, newPath: path, oldMode: '000000', newMode: mode };
  const other = file.header.index ? sealedAddition(file.header.index, lines, content) : null;
  const after = other ?? content;
  const verdict = checkSeal(file.header.index, null, oidBytesOf(file), after);
  // Models invent short index lines for new files: such a one is only believed beside another that names a blob of the base.
  if (verdict === 'broken' && (job.isGenuine || isInFull(file))) return no(refuseBroken(path, file.at));
  const refused = verdict === 'proved' ? null : judgeAddedLines(path, file.hunks);
  if (refused) return no(refused);
  desk.put(path, { mode, oid: null, content: after });
  const isPlain =
    !hunk || (hunk.counts === 'exact' && hunk.extra === null && added.value.every((line) => line.sign === '+'));
  const isTaken = isPlain && (other ?? content) === content && isRegular(job) && hunkStartsFile(hunk);
  const edits = [{ from: 0, to: 0, lines: splitLines(after).lines }];
  const note: MendNote[] = isTaken ? [] : isPlain ? [{ code: 'headers', path }] : [{ code: 'counts', path, hunk: 1 }];
  return ok({
    written: isTaken ? null : writeSection(change, '', after, edits),
    notes: note,
    changes: true,
    isDoubtful: verdict === 'broken',
    added: verdict === 'proved' ? [] : [addedOf(path, 1, added.value, null)],
  });
}

/** `git diff --full-index`, as nobody writes it by hand. */
function isInFull({ header: { index } }: FilePatch): boolean {
  return index !== null && [40, 64].includes(index.old.length) && index.old.length === index.new.length;
}

function oidBytesOf(file: FilePatch): number {
  return (file.header.index?.new.length ?? 0) > 40 ? 32 : 20;
}

function hunkStartsFile(hunk: Hunk | undefined): boolean {
  if (!hunk) return true;
  return hunk.numbers !== null && hunk.numbers.oldCount === 0 && hunk.numbers.oldStart === 0;
}

/** The reading of a new file that its index line names, when the transport left more than one open. */
function sealedAddition(seal: { old: string; new: string }, lines: readonly string[], content: string): string | null {
  const oidBytes = seal.new.length > 40 ? 32 : 20;
  if (checkSeal(seal, null, oidBytes, content) !== 'broken') return null;
  const edits = [{ from: 0, to: 0, lines }];
  const found = findSealed(
    [],
    { edits, finalNewline: content.endsWith('\n') },
    (after) => checkSeal(seal, null, oidBytes, after) === 'proved',
  );
  return found && joinLines(found);
}

function addedLines(path: string, hunk: Hunk): Result<readonly HunkLine[], Problem> {
  const here = { path, hunk: 1 };
  const extra = hunk.extra?.near ? hunk.extra.lines() : [];
  const all = [...hunk.lines(), ...extra];
  const end = all.findLastIndex((line) => line.sign === '+') + 1;
  const lines = all.slice(0, Math.max(end, 0));
  const odd = lines.find((line) => line.sign === '-' || (line.sign === ' ' && line.text.trim() !== ''));
  if (odd) {
    const message = `Line ${odd.at} of the new file "${showPath(path)}" does not begin with "+". A new file has added lines only.`;
    return no(problem('patch_corrupt', message, where(here, odd.at)));
  }
  if (
    (hunk.atEndOfPaste || hunk.textFollows) &&
    hunk.counts !== 'exact' &&
    hunk.numbers &&
    lines.length < hunk.numbers.newCount
  ) {
    const message = `The new file "${showPath(path)}" should have ${hunk.numbers.newCount} lines, but only ${lines.length} came. Paste all of it, or correct the number if that is all.`;
    return no(problem('patch_truncated', message, where(here, lines.at(-1)?.at ?? hunk.at)));
  }
  return ok(lines);
}

/** Why a new file cannot stand at its place, or null. */
export function judgeFreePlace(
  { file, target, desk }: Pick<SectionJob, 'file' | 'target' | 'desk'>,
  content: string | null,
): Problem | null {
  const path = target.newPath;
  const at = { file: showPath(path), line: file.at };
  const blocked = desk.blocker(path, file.at);
  if (blocked) return blocked;
  const there = desk.sheet(path, false);
  if (there && !desk.frees(path)) {
    if (content !== null && there.content === content) {
      return problem(
        'patch_already_applied',
        `"${showPath(path)}" is already in the base with this content. Nothing to do.`,
        at,
      );
    }
    const message = `The patch creates "${showPath(path)}", which the base already has. Make a diff that changes it.`;
    return problem('patch_file_exists', message, at);
  }
  return null;
}

function judgeAddedLines(path: string, hunks: readonly Hunk[]): Problem | null {
  for (const [at, hunk] of hunks.entries()) {
    const here = { path, hunk: at + 1 };
    const removed = new Set(hunk.lines().flatMap((line) => (line.sign === '+' ? [] : [line.text.trim()])));
    const conflict = refuseConflict(here, hunk.lines(), removed);
    if (conflict) return conflict;
    const elided = hunk
      .lines()
      .find((line) => line.sign === '+' && isAddedElision(line.text) && !removed.has(line.text.trim()));
    if (elided) return refuseElided(here, elided);
  }
  return null;
}
