/**
 * Which names a patch may touch. Decided on the result's paths (judge.ts), and already on the patch's own names so that
 * the refusal can say the line. Rules: security note T1, T4, T5, T6, T14.
 */
import { type Problem, problem } from '#contract/problem.ts';
import { pathToBytes } from '../../lib/path-bytes.ts';
import { showPath } from './bytes.ts';
import { nameBytesMax, pathBytesMax } from './limits.ts';

/** Code points that HFS+ leaves out when it compares names: `.g<U+200C>it` is `.git` there. */
const hfsIgnored = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;
/** Other characters nobody sees. */
const invisible = /\p{Default_Ignorable_Code_Point}|\p{Cf}/gu;

/** The refusal for a path that no patch may touch, or null. `at` is the line in the paste, when it is known. */
export function judgePath(path: string, at?: number): Problem | null {
  // A refusal is a sentence, whatever length a name has.
  const shown = showPath(path.length > pathBytesMax ? `${path.slice(0, 80)}…` : path);
  const where = { file: shown, ...(at === undefined ? {} : { line: at }) };
  const parts = path.split('/');
  if (path === '' || path.startsWith('/') || /^[a-z]:[\\/]/i.test(path) || path.startsWith('\\\\')) {
    return problem(
      'patch_path_outside',
      `"${shown}" is not a path inside the repository. Use paths from its top.`,
      where,
    );
  }
  if (parts.some((part) => part.split('\\').some((piece) => piece === '..'))) {
    return problem('patch_path_outside', `"${shown}" leaves the repository with "..". Use paths from its top.`, where);
  }
  if (parts.some((part) => part === '' || part === '.')) {
    return problem('patch_path_outside', `"${shown}" has an empty or "." part, which git does not take.`, where);
  }
  if (/\p{Cc}/u.test(path)) {
    return problem('patch_name_refused', `The name "${shown}" has control characters. Rename the file.`, where);
  }
  const bytes = pathToBytes(path).length;
  if (bytes > pathBytesMax || parts.some((part) => pathToBytes(part).length > nameBytesMax)) {
    const rule = `${nameBytesMax} bytes between slashes and ${pathBytesMax} in all`;
    return problem('patch_name_refused', `The name "${shown.slice(0, 80)}…" is too long: at most ${rule}.`, where);
  }
  const pieces = parts.flatMap((part) => disguises(part));
  if (pieces.some(isGitFolder)) {
    return problem('patch_path_git', `"${shown}" reaches into git's own folder. No patch may touch it.`, where);
  }
  if (pieces.some(isGitModules)) {
    return problem('patch_submodule', `"${shown}" sets up submodules. A patch may not change them here.`, where);
  }
  return null;
}

/** The names some file system takes a part for: Windows splits at backslashes and cuts streams, trailing dots and blanks. */
function disguises(part: string): string[] {
  return part
    .split('\\')
    .flatMap((piece) => [piece, piece.replace(hfsIgnored, ''), piece.replace(invisible, '')])
    .flatMap((piece) => [piece, piece.normalize('NFKC'), piece.normalize('NFC')])
    .map((piece) => (piece.split(':')[0] ?? '').replace(/[. ]+$/, '').toLowerCase());
}

/** `.git`, its Windows short name, and what folds to it. */
function isGitFolder(name: string): boolean {
  return name === '.git' || /^git~\d+$/.test(name) || foldName(name) === '.git';
}

/** `.gitmodules` and the short names Windows gives it: `gitmod~N`, or from the fifth on `gi7eba~N`. */
function isGitModules(name: string): boolean {
  return (
    name === '.gitmodules' ||
    foldName(name) === '.gitmodules' ||
    /^gitmod~\d+$/.test(name) ||
    /^gi7eb.?~\d+$/.test(name)
  );
}

/** One form for all names that some file system takes for the same: letter case and Unicode composition ignored. */
export function foldName(name: string): string {
  // Upper case first: it joins what lower case alone keeps apart (ß and SS, ſ and s, dotless i).
  return name.replace(hfsIgnored, '').normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}

/** Every folder above a path, from the top down: `a/b/c` gives `a`, `a/b`. */
export function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) parents.push(path.slice(0, at));
  return parents;
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

/** The refusal for a mode git would not store as it stands (T12: it rewrites 777, and breaks on 040000), or null. */
export function judgeMode(mode: string, path: string, at?: number): Problem | null {
  const where = { file: showPath(path), ...(at === undefined ? {} : { line: at }) };
  if (mode === '160000') {
    return problem('patch_submodule', `"${showPath(path)}" is a submodule. A patch may not change them here.`, where);
  }
  if (mode === '100644' || mode === '100755' || mode === '120000') return null;
  return problem(
    'patch_mode_refused',
    `"${showPath(path)}" asks for mode ${showPath(mode)}. Files here are 100644, 100755 or 120000 (a symlink).`,
    where,
  );
}
