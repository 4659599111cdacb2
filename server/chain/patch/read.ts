/**
 * From pasted bytes to an exact git diff: strictly first, then with the repairs of clean.ts and fold.ts in their order.
 * Pure apart from the reader. What comes out is for git's own apply, which has the last word (apply.ts).
 */
import type { Mend } from '#contract/patch.ts';
import { patchBytesMax } from '#contract/patch.ts';
import { type Problem, problem, type ProblemCode } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { BaseReader } from './base-reader.ts';
import { type Attempt, attempts } from './clean.ts';
import { readBeginPatch, refuseWithoutEnvelope } from './formats/begin-patch.ts';
import { readContextDiff } from './formats/context-diff.ts';
import { readSearchReplace } from './formats/search-replace.ts';
import { readWholeFiles } from './formats/whole-file.ts';
import { halfEncodedAt } from './mail.ts';
import { type MendCode, type MendNote, summariseMends } from './mends.ts';
import type { Results } from './results.ts';
import { type Scan, scan } from './scan.ts';
import { settleFiles } from './settle-files.ts';
import type { FilePatch } from './shape.ts';

export interface ReadPatch {
  /** For `git apply -p1`. */
  readonly bytes: Buffer;
  readonly mends: readonly Mend[];
  /** Every path it touches: old and new, and the sources of renames and copies. */
  readonly files: readonly string[];
  /** What git must make of them. */
  readonly results: Results;
}

/** Refusals that no repair may get around. */
const final: ReadonlySet<ProblemCode> = new Set([
  'patch_path_outside',
  'patch_path_git',
  'patch_path_symlink',
  'patch_name_refused',
  'patch_submodule',
  'patch_mode_refused',
  'patch_symlink_outside',
  'patch_combined_diff',
]);

/** Reads a paste against its base. Never throws for anything that was pasted; rejects when the reader fails. */
export async function readPatch(bytes: Uint8Array, base: BaseReader): Promise<Result<ReadPatch, Problem>> {
  if (bytes.length > patchBytesMax) {
    const mebibytes = patchBytesMax / 1024 / 1024;
    return no(problem('patch_too_large', `The patch is larger than ${mebibytes} MiB. Split it.`));
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!/\S/.test(buffer.toString('latin1'))) {
    return no(problem('patch_empty', 'There is nothing in the patch. Paste a diff, or attach it as a file.'));
  }
  let refusal: Problem | null = null;
  let doubtful: ReadPatch | null = null;
  for (const attempt of attempts(buffer)) {
    const halfAt = attempt.codes.includes('mail_encoding') ? null : halfEncodedAt(attempt.text);
    if (halfAt !== null) return no(refuseHalfEncoded(halfAt));
    const read = await readAttempt(attempt, base);
    if (read.ok && !read.value.isDoubtful) return ok(read.value.patch);
    if (read.ok) {
      doubtful ??= read.value.patch;
      continue;
    }
    if (final.has(read.why.code)) return no(read.why);
    if (refusal === null || (refusal.code === 'patch_not_a_diff' && read.why.code !== 'patch_not_a_diff'))
      refusal = read.why;
  }
  return doubtful ? ok(doubtful) : no(refusal ?? notADiff(''));
}

type Attempted = Result<{ readonly patch: ReadPatch; readonly isDoubtful: boolean }, Problem>;

async function readAttempt(attempt: Attempt, base: BaseReader): Promise<Attempted> {
  const found = recognise(attempt.text);
  if (!found.ok) return found;
  const { files, code } = found.value;
  const settled = await settleFiles(files, attempt, base);
  if (!settled.ok) return settled;
  const notes: MendNote[] = [
    ...attempt.codes.map((one) => ({ code: one })),
    ...(code ? [{ code }] : []),
    ...settled.value.notes,
  ];
  const { bytes, paths, results } = settled.value;
  const patch = { bytes, files: paths, results, mends: summariseMends(notes) };
  return ok({ patch, isDoubtful: settled.value.isDoubtful });
}

/** Which format it is. The first that is seen counts: a unified diff may hold any other format in its lines. */
function recognise(text: string): Result<{ files: readonly FilePatch[]; code: MendCode | null }, Problem> {
  const envelope = readBeginPatch(text);
  if (envelope) return envelope.ok ? ok({ files: envelope.value, code: 'format_begin_patch' }) : envelope;
  const found = scan(text);
  const refused = refuseScan(found);
  if (refused) return no(refused);
  const isContextDiff = found.files.length === 0 || found.files.every((file) => file.hunks.length === 0);
  const context = isContextDiff ? readContextDiff(text) : null;
  if (context) return context.ok ? ok({ files: context.value, code: 'format_context_diff' }) : context;
  if (found.files.length > 0) return ok({ files: found.files, code: null });
  const blocks = readSearchReplace(text);
  if (blocks) return blocks.ok ? ok({ files: blocks.value, code: 'format_search_replace' }) : blocks;
  if (found.orphanAt !== null) {
    const bare = refuseWithoutEnvelope(text);
    if (bare) return no(bare);
    const message = `The hunk at line ${found.orphanAt} belongs to no file. Write "--- a/PATH" and "+++ b/PATH" above it.`;
    return no(problem('patch_corrupt', message, { line: found.orphanAt }));
  }
  const whole = readWholeFiles(text);
  return whole.length > 0
    ? ok({ files: whole, code: 'format_whole_file' })
    : no(refuseWithoutEnvelope(text) ?? notADiff(text));
}

function refuseScan(found: Scan): Problem | null {
  if (found.combinedAt !== null) {
    const message =
      'This is the combined diff of a merge, which git cannot apply. Make it with "git diff PARENT MERGE".';
    return problem('patch_combined_diff', message, { line: found.combinedAt });
  }
  if (found.tooMany !== null) return problem('patch_too_large', `The patch has too many ${found.tooMany}. Split it.`);
  if (found.mixedAt !== null) {
    const message = `Line ${found.mixedAt} belongs to a header without its "diff --git" line, so it would count for another file. Paste all of it.`;
    return problem('patch_corrupt', message, { line: found.mixedAt });
  }
  if (found.files.length === 0 || found.orphanAt === null) return null;
  const message = `The hunk at line ${found.orphanAt} belongs to no file. Write "--- a/PATH" and "+++ b/PATH" above it.`;
  return problem('patch_corrupt', message, { line: found.orphanAt });
}

function refuseHalfEncoded(line: number): Problem {
  const message = `Line ${line} says that the text is quoted-printable, but only a part of it is, so added lines may be wrong. Attach the mail as it was sent, or paste the decoded diff without its headers.`;
  return problem('patch_corrupt', message, { line });
}

function notADiff(text: string): Problem {
  const normal = /^\d+(?:,\d+)?[acd]\d+(?:,\d+)?\n[<>] /m.exec(text);
  if (normal) {
    const line = text.slice(0, normal.index).split('\n').length;
    const message =
      'This is the output of "diff" without context, which names no lines around a change. Use "diff -u".';
    return problem('patch_not_a_diff', message, { line });
  }
  if (/\\n(?:@@ -|--- |\+\+\+ |\*\*\* )/.test(text)) {
    const message =
      'The diff stands in quotation marks, with \\n for its line ends. Paste the text itself, line by line.';
    return problem('patch_not_a_diff', message);
  }
  return problem(
    'patch_not_a_diff',
    'No diff was found in this text. Paste the output of "git diff", or a patch in another known format.',
  );
}
