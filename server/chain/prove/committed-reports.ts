/** Files of a tree that stand where a check will leave its test reports: what they say was not seen in any run here. */
import type { ObjectId } from '#contract/ids.ts';
import { PortError, type Git, type GitRequest } from '../../ports.ts';

type Place = Pick<GitRequest, 'gitDir'> & { readonly objectsDir?: string };

/** As long a listing as a tree of about half a million files has. */
const listBytesMax = 64 * 1024 * 1024;

/** The paths of `tree` (a tree or a commit) that one of `patterns` means; no git runs where there is no pattern. */
export async function committedReports(
  git: Git,
  place: Place,
  tree: ObjectId,
  patterns: readonly string[],
): Promise<string[]> {
  if (patterns.length === 0) return [];
  const args = ['ls-tree', '-r', '-z', '--name-only', '--full-tree', tree];
  const answer = await git.run({ ...place, args, outputBytesMax: listBytesMax });
  if (answer.code !== 0 || answer.ended !== null)
    throw new PortError('git', 'list the files of a tree', {
      cause: new Error(answer.stderr || `ended by: ${answer.ended}`),
    });
  return [...pathsEnding(answer.stdout, patterns)].filter((path) => isReport(path, patterns));
}

/** Those that end as a pattern does. The others of a large tree would be most of the memory of a job, were they made into text. */
function* pathsEnding(list: Buffer, patterns: readonly string[]): Generator<string> {
  const endings = patterns.map((pattern) => Buffer.from(pattern.slice(pattern.lastIndexOf('*') + 1)));
  for (let from = 0, to = list.indexOf(0); to >= 0; from = to + 1, to = list.indexOf(0, from)) {
    const isOne = endings.some((ending) => to - from >= ending.length && endsWith(list, to, ending));
    if (isOne) yield list.toString('utf8', from, to);
  }
}

function endsWith(list: Buffer, to: number, ending: Buffer): boolean {
  return list.compare(ending, 0, ending.length, to - ending.length, to) === 0;
}

/** As `helper/report-search.ts` understands a pattern: `*` within a name, `**` for any folders, also none. Pure. */
export function isReport(path: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => expressionOf(pattern).test(path));
}

function expressionOf(pattern: string): RegExp {
  const parts = pattern.split('/').filter((part) => part !== '' && part !== '.');
  const expression = parts.map((part, index) => {
    const isLast = index === parts.length - 1;
    if (part === '**') return isLast ? '.*' : '(?:.*/)?';
    const name = part
      .split(/\*+/)
      .map((text) => text.replaceAll(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`))
      .join('[^/]*');
    return isLast ? name : `${name}/`;
  });
  return new RegExp(`^${expression.join('')}$`, 's');
}
