/** Bare repositories of three sizes, the same bytes on every machine, and one patch that fits them all. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ObjectId } from '../../server/contract/ids.ts';
import { withFolder } from './house.ts';

export const sizes = [
  { name: 'small', files: 200 },
  { name: 'medium', files: 7_000 },
  { name: 'large', files: 57_000 },
] as const;

export interface Sized {
  readonly name: (typeof sizes)[number]['name'];
  readonly files: number;
  readonly gitDir: string;
  readonly base: ObjectId;
  /** The same branch, twenty commits later; none of them touches what the patch touches. */
  readonly moved: ObjectId;
}

export interface Repositories {
  readonly folder: string;
  readonly sized: readonly Sized[];
  readonly patch: Buffer;
  /** What it touches; the last one is new. */
  readonly paths: readonly string[];
}

/** In memory where the machine allows it, so that its disk is not what gets measured. */
export async function withRepositories<T>(work: (repositories: Repositories) => Promise<T>): Promise<T> {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : undefined;
  return await withFolder(async (folder) => {
    const sized: Sized[] = [];
    for (const { name, files } of sizes) {
      const gitDir = join(folder, `${name}.git`);
      await git(['init', '--quiet', '--bare', '--initial-branch=main', '--template=', gitDir]);
      await git([`--git-dir=${gitDir}`, '-c', 'fastimport.unpackLimit=0', 'fast-import', '--quiet'], history(files));
      const asked = await git([
        `--git-dir=${gitDir}`,
        'rev-parse',
        'refs/heads/main',
        `refs/heads/main~${laterCommits}`,
      ]);
      const [moved, base] = asked.trim().split('\n');
      sized.push({ name, files, gitDir, base: ObjectId.parse(base), moved: ObjectId.parse(moved) });
    }
    const paths = [...[7, 61, 140].map(pathOf), 'area-3/new-file.ts'];
    return await work({ folder, sized, patch: patchOf(paths), paths });
  }, parent);
}

export type GitOptions = { readonly environment?: Readonly<Record<string, string>>; readonly cwd?: string };

/** git as anybody runs it; rejects when it fails. */
export function git(args: readonly string[], input: string | Buffer = '', options: GitOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env['PATH'], HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', ...options.environment };
    const child = spawn('git', args, { env, ...(options.cwd === undefined ? {} : { cwd: options.cwd }) });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0
        ? resolve(Buffer.concat(out).toString('utf8'))
        : reject(new Error(`git ${args.join(' ')} ended with ${code}: ${Buffer.concat(errors).toString('utf8')}`)),
    );
    // A command that reads nothing may be gone already; its exit code tells the story.
    child.stdin.on('error', () => undefined).end(input);
  });
}

function pathOf(file: number): string {
  return `area-${file % 50}/part-${Math.floor(file / 50) % 40}/file-${file}.ts`;
}

const linesOfFile = 16;
const laterCommits = 20;

function lineOf(path: string, line: number): string {
  return `  const value${line} = compute('${path}', ${line});`;
}

function contentOf(path: string): string {
  return Array.from({ length: linesOfFile }, (_, line) => `${lineOf(path, line)}\n`).join('');
}

function history(files: number): string {
  const parts = ['commit refs/heads/main\ncommitter bench <bench@localhost> 1767225600 +0000\ndata 0\n'];
  for (let file = 0; file < files; file += 1) {
    const content = contentOf(pathOf(file));
    parts.push(`M 100644 inline ${pathOf(file)}\ndata ${content.length}\n${content}\n`);
  }
  for (let commit = 0; commit < laterCommits; commit += 1) {
    const content = `// after ${commit} commits\n`;
    parts.push('commit refs/heads/main\ncommitter bench <bench@localhost> 1767225600 +0000\ndata 0\n');
    parts.push(`M 100644 inline ${pathOf(8 + commit)}\ndata ${content.length}\n${content}\n`);
  }
  return parts.join('');
}

/** One changed line in the middle of each file but the last, which it creates. */
function patchOf(paths: readonly string[]): Buffer {
  const created = paths.at(-1) ?? '';
  const parts = paths.slice(0, -1).map((path) => {
    const context = (from: number, to: number): string =>
      Array.from({ length: to - from }, (_, index) => ` ${lineOf(path, from + index)}\n`).join('');
    const change = `-${lineOf(path, 8)}\n+${lineOf(path, 8).replace('compute', 'recompute')}\n`;
    return `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -6,7 +6,7 @@\n${context(5, 8)}${change}${context(9, 12)}`;
  });
  parts.push(
    `diff --git a/${created} b/${created}\nnew file mode 100644\n--- /dev/null\n+++ b/${created}\n@@ -0,0 +1,2 @@\n+export const one = 1;\n+export const two = 2;\n`,
  );
  return Buffer.from(parts.join(''));
}
