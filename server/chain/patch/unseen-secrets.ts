/**
 * Secrets that no line of a rendering shows: in the names of files, and in files that git takes for binary. Only published
 * token shapes are looked for there; guessing at passwords in such bytes would cry at every picture.
 */
import { setImmediate } from 'node:timers/promises';
import type { ObjectId } from '#contract/ids.ts';
import type { FileChange, SecretReport } from '#contract/patch.ts';
import { redactText } from '../../lib/redact.ts';
import { findTokens } from '#contract/token-shapes.ts';
import type { Git } from '../../ports.ts';
import { type BaseReader, gitBaseReader } from './base-reader.ts';
import { showPath } from './bytes.ts';
import { binaryScanBytesMax } from './limits.ts';
import { type ObjectsPlace, withObjects } from './objects.ts';

/**
 * The report with what stands outside of lines added to it, as places on line 0. `files`: what the patch changes between the
 * trees `base` and `tree`. Names in the whole report are as they may be shown. Rejects with PortError when git fails.
 */
export async function addUnseen(
  work: ObjectsPlace & { readonly git: Git; readonly base: ObjectId; readonly tree: ObjectId },
  files: readonly FileChange[],
  report: SecretReport,
): Promise<SecretReport> {
  const named = files.flatMap(({ path, oldPath, status }) => {
    const isNew = status === 'added' || oldPath !== null;
    return isNew ? kindsIn(path).map((kind) => placeOf(path, `${kind} in its name`)) : [];
  });
  const binary = files.filter((file) => file.binary && file.status !== 'deleted' && file.newMode !== '160000');
  const inside = binary.length === 0 ? { found: [], left: [] } : await lookInside(work, binary);
  const left = inside.left.map((path) => `"${showPath(path)}"`).slice(0, 3);
  const why = left.length === 0 ? null : `Binary files are too large to look into: ${left.join(', ')}.`;
  return {
    known: report.known && why === null,
    why: [report.why, why].filter((each) => each !== null).join(' ') || null,
    found: [...report.found.map((one) => ({ ...one, path: redactText(one.path) })), ...named, ...inside.found],
  };
}

function placeOf(path: string, kind: string): SecretReport['found'][number] {
  return { path: redactText(path), kind, line: 0, lastLine: 0, column: 0, columnEnd: 0 };
}

function kindsIn(text: string): string[] {
  return [...new Set(findTokens(text).map(({ name }) => name))];
}

async function lookInside(
  work: ObjectsPlace & { readonly git: Git; readonly base: ObjectId; readonly tree: ObjectId },
  files: readonly FileChange[],
): Promise<{ readonly found: SecretReport['found']; readonly left: readonly string[] }> {
  const { git, gitDir, base, tree, signal } = work;
  return await withObjects(git, work, async (objects) => {
    const readerOf = (at: ObjectId): BaseReader => gitBaseReader(git, gitDir, at, signal, { contents: false, objects });
    const after = await readerOf(tree).entries(files.map(({ path }) => path));
    const before = await readerOf(base).entries(files.map(({ path, oldPath }) => oldPath ?? path));
    const oids = [...after.values(), ...before.values()].flatMap(({ oid, type }) => (type === 'blob' ? [oid] : []));
    const contents = await objects.blobs(oids, binaryScanBytesMax);
    const found: SecretReport['found'] = [];
    const left: string[] = [];
    for (const { path, oldPath } of files) {
      const fresh = contents.get(after.get(path)?.oid ?? '');
      if (!fresh) {
        left.push(path);
        continue;
      }
      const tokens = await tokensIn(fresh);
      if (tokens.size === 0) continue;
      const old = contents.get(before.get(oldPath ?? path)?.oid ?? '');
      const known = old ? await tokensIn(old) : new Map<string, string>();
      const kinds = [...tokens].flatMap(([value, kind]) => (known.has(value) ? [] : [kind]));
      for (const kind of new Set(kinds)) found.push(placeOf(path, `${kind} in binary data`));
    }
    return { found, left };
  });
}

const sliceBytes = 128 * 1024;
/** Longer than any token but a private key with all its lines, whose first ones are enough. */
const overlapBytes = 2048;

/** Value to kind. A piece at a time, so that others get their turn in between. */
async function tokensIn(content: Buffer): Promise<Map<string, string>> {
  const tokens = new Map<string, string>();
  for (let at = 0; at < content.length; at += sliceBytes) {
    const piece = content.toString('latin1', at, at + sliceBytes + overlapBytes);
    // What programs write with two bytes a character is binary to git, and text to everybody else.
    const texts = piece.includes('\0') ? [piece, piece.replaceAll('\0', '')] : [piece];
    for (const text of texts) for (const { name, from, to } of findTokens(text)) tokens.set(text.slice(from, to), name);
    await setImmediate();
  }
  return tokens;
}
