import type { ObjectId } from '#contract/ids.ts';
import type { FileChange } from '#contract/patch.ts';
import { assert } from '../../lib/assert.ts';
import { pathFromBytes } from '../../lib/path-bytes.ts';
import { PortError, type Git } from '../../ports.ts';

/** Longest rendering kept for the screen; the tree is what counts, and the patch itself is always kept whole. */
export const diffBytesMax = 8 * 1024 * 1024;

interface Place {
  readonly git: Git;
  readonly gitDir: string;
  readonly objectsDir?: string;
  readonly signal?: AbortSignal;
}

/** The change as git's own `diff-tree BASE TREE` sees it, with renames found: what the owner is shown and the policy judges. */
export async function changesBetween(place: Place, before: ObjectId, after: ObjectId): Promise<FileChange[]> {
  const raw = await diffTree(place, ['--raw', '--numstat', '-z', '-M', '--no-abbrev'], before, after);
  return parseChanges(raw.stdout);
}

/** git's own rendering of BASE..TREE as a patch, for reading. */
export async function renderDiff(
  place: Place,
  before: ObjectId,
  after: ObjectId,
): Promise<{ text: Buffer; truncated: boolean }> {
  const rendered = await diffTree(
    place,
    ['--patch', '-M', '--no-color', '--src-prefix=a/', '--dst-prefix=b/'],
    before,
    after,
    diffBytesMax,
  );
  return { text: rendered.stdout, truncated: rendered.ended === 'output' };
}

async function diffTree(place: Place, options: string[], before: ObjectId, after: ObjectId, outputBytesMax?: number) {
  const { git, gitDir, objectsDir, signal } = place;
  const answer = await git.run({
    gitDir,
    args: ['diff-tree', '-r', '--no-ext-diff', '--no-textconv', ...options, before, after],
    ...(objectsDir === undefined ? {} : { objectsDir }),
    ...(signal === undefined ? {} : { signal }),
    ...(outputBytesMax === undefined ? {} : { outputBytesMax }),
  });
  if (answer.code !== 0 && answer.ended !== 'output') {
    throw new PortError('git', 'compare two trees', { cause: new Error(answer.ended ?? answer.stderr) });
  }
  return answer;
}

const statusWords: Readonly<Record<string, FileChange['status']>> = {
  A: 'added',
  M: 'modified',
  D: 'deleted',
  R: 'renamed',
  C: 'copied',
  T: 'type_changed',
};

/**
 * Output of `diff-tree -z --raw --numstat`: first all raw records (`:mode mode oid oid S NUL path NUL [path NUL]`), then the
 * counts (`added TAB deleted TAB path NUL`, or with an empty path and two more for a rename).
 */
export function parseChanges(output: Buffer): FileChange[] {
  const fields = output.toString('latin1').split('\0');
  const changes: FileChange[] = [];
  let at = 0;
  for (; fields[at]?.startsWith(':');) {
    const [oldMode = '', newMode = '', , , status = ''] = (fields[at] ?? '').slice(1).split(' ');
    const paired = status.startsWith('R') || status.startsWith('C');
    const first = pathFromBytes(fields[at + 1] ?? '');
    const second = paired ? pathFromBytes(fields[at + 2] ?? '') : null;
    const word = statusWords[status.charAt(0)];
    assert(word !== undefined, `diff-tree gives a known status, not ${status}`);
    changes.push({
      path: second ?? first,
      oldPath: second === null ? null : first,
      status: word,
      oldMode,
      newMode,
      additions: null,
      deletions: null,
      binary: false,
    });
    at += paired ? 3 : 2;
  }
  for (const change of changes) {
    const [added = '', deleted = '', path] = (fields[at] ?? '').split('\t');
    at += path === '' ? 3 : 1;
    change.binary = added === '-';
    change.additions = change.binary ? null : Number(added);
    change.deletions = change.binary ? null : Number(deleted);
  }
  return changes;
}

/** The added lines of a rendered diff with the file they are in; used by the rules that look for secrets and hidden text. */
export function addedLines(diff: Buffer): { path: string; text: string }[] {
  const lines: { path: string; text: string }[] = [];
  let path = '';
  let inHunk = false;
  for (const line of diff.toString('utf8').split('\n')) {
    if (line.startsWith('diff --git ')) {
      inHunk = false;
    } else if (line.startsWith('@@')) {
      inHunk = true;
    } else if (!inHunk && line.startsWith('+++ ')) {
      path = line
        .slice(4)
        .replace(/^"?b\//, '')
        .replace(/"$/, '');
    } else if (inHunk && line.startsWith('+')) {
      lines.push({ path, text: line.slice(1) });
    }
  }
  return lines;
}
