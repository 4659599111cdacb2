import type { ObjectId } from '#contract/ids.ts';
import type { Repository } from '#contract/repository.ts';
import { PortError, type Git } from '../../ports.ts';
import { gitBaseReader } from '../patch/base-reader.ts';

/** What fits into the input of any assistant, with room for its answer. */
export const promptCharactersMax = 60_000;
const fileBytesMax = 20_000;
const filesMax = 6;
const listedPathsMax = 400;
const wordsMax = 12;

/** Words that say nothing about which file is meant. */
const commonWords = new Set(
  'about after again all also and any are because been before being both but can change code could does done each file files fix for from function get has have here how into its just like make more most need needs new not now one only other our out over please run same should since some such than that the their them then there these they this through too under until use used using was way well were what when where which while will with would you your add remove update instead'.split(
    ' ',
  ),
);

/** How an assistant must answer so that its answer can be pasted back. */
const answerFormat = `Answer with one unified diff in a single code block, as \`git diff\` prints it:
- paths start with a/ and b/, new files use /dev/null as the old side;
- at least three unchanged lines of context around each change, copied exactly;
- no "..." and no omitted code inside the diff; no other text in the code block.`;

export interface Prompt {
  readonly text: string;
  /** Paths whose content is in it. */
  readonly files: string[];
}

/**
 * A prompt for any assistant: the request, the exact files that seem meant, and the answer format. Files are chosen by the
 * request's own words (paths named in it first, then names and contents that match); nothing is sent anywhere.
 */
export async function writePrompt(
  git: Git,
  gitDir: string,
  repository: Repository,
  commit: ObjectId,
  request: string,
): Promise<Prompt> {
  const paths = await listPaths(git, gitDir, commit);
  const chosen = await choosePaths(git, gitDir, commit, paths, request);
  const parts = [
    `You are changing the repository "${repository.name}" at commit ${commit} (branch ${repository.defaultBranch}).`,
    `The request:\n${request.trim()}`,
    answerFormat,
    `Paths in the repository${paths.length > listedPathsMax ? ` (the first ${listedPathsMax} of ${paths.length})` : ''}:\n${paths.slice(0, listedPathsMax).join('\n')}`,
  ];
  const files: string[] = [];
  const blobs = await gitBaseReader(git, gitDir, commit).blobs(chosen);
  let length = parts.join('\n\n').length;
  for (const path of chosen) {
    const blob = blobs.get(path);
    // What is no text, or too long to be read by anybody, is only listed.
    if (blob === undefined || blob.length > fileBytesMax || blob.includes(0)) continue;
    if (length + blob.length > promptCharactersMax) continue;
    parts.push(`File ${path}:\n${fence(blob.toString('utf8'))}`);
    files.push(path);
    length += blob.length;
  }
  return { text: parts.join('\n\n'), files };
}

async function listPaths(git: Git, gitDir: string, commit: ObjectId): Promise<string[]> {
  const listed = await git.run({ gitDir, args: ['ls-tree', '-r', '-z', '--name-only', '--full-tree', commit] });
  if (listed.code !== 0) throw new PortError('git', 'list the files of a commit', { cause: new Error(listed.stderr) });
  return listed.stdout.toString('utf8').split('\0').filter(Boolean);
}

async function choosePaths(
  git: Git,
  gitDir: string,
  commit: ObjectId,
  paths: readonly string[],
  request: string,
): Promise<string[]> {
  const words = wordsOf(request);
  const score = new Map<string, number>();
  const add = (path: string, points: number): void => {
    score.set(path, (score.get(path) ?? 0) + points);
  };
  for (const path of paths) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (request.includes(path)) add(path, 100);
    else if (name.includes('.') && request.includes(name)) add(path, 50);
    for (const word of words) if (path.toLowerCase().includes(word)) add(path, 5);
  }
  if (words.length > 0) {
    const found = await git.run({
      gitDir,
      args: ['grep', '-z', '-l', '-i', '-I', '-F', ...words.flatMap((word) => ['-e', word]), commit],
      wallMs: 5_000,
    });
    for (const row of found.stdout.toString('utf8').split('\0').filter(Boolean))
      add(row.slice(row.indexOf(':') + 1), 3);
  }
  return [...score]
    .toSorted(([onePath, one], [otherPath, other]) => other - one || onePath.length - otherPath.length)
    .slice(0, filesMax)
    .map(([path]) => path);
}

function wordsOf(request: string): string[] {
  const words = request.toLowerCase().match(/[\p{L}_][\p{L}\p{N}_-]{2,}/gu) ?? [];
  return [...new Set(words)].filter((word) => !commonWords.has(word)).slice(0, wordsMax);
}

/** A fence longer than any run of backticks inside (CommonMark, fenced code blocks). */
function fence(content: string): string {
  const longest = Math.max(2, ...(content.match(/`+/g) ?? []).map((run) => run.length));
  const marks = '`'.repeat(longest + 1);
  return `${marks}\n${content.endsWith('\n') ? content : `${content}\n`}${marks}`;
}
