/**
 * The `proc-receive` hook of every repository of the fake forge (githooks(5)): git hands every change of a push to it, and it says
 * yes or no to each with the forge's own words, which a `pre-receive` hook cannot. A program of its own, run by git.
 */
import { spawnSync } from 'node:child_process';
import { readSync, writeSync } from 'node:fs';

/** Handed over as JSON in FORGE_RULES. */
export interface PushRules {
  /** Words of the refusal with `%` for the path; null where workflows may be touched. */
  readonly workflowWords: string | null;
  readonly protectedBranches: readonly string[];
  readonly rules: readonly { readonly prefix: string; readonly words: string }[];
  readonly fileBytesMax: number;
  readonly rulesUrl: string;
  readonly docsUrl: string;
}

interface Command {
  readonly before: string;
  readonly after: string;
  readonly ref: string;
}

const none = '0'.repeat(40);

function read(count: number): Buffer {
  const bytes = Buffer.alloc(count);
  let at = 0;
  while (at < count) {
    const got = readSync(0, bytes, at, count - at, null);
    if (got === 0) process.exit(1);
    at += got;
  }
  return bytes;
}

/** One packet line without its line end, or null for a flush. */
function readLine(): string | null {
  const length = Number.parseInt(read(4).toString('latin1'), 16);
  return length === 0
    ? null
    : read(length - 4)
        .toString('utf8')
        .replace(/\n$/, '');
}

function writeLine(text: string | null): void {
  if (text === null) writeSync(1, '0000');
  else writeSync(1, `${(Buffer.byteLength(text) + 4).toString(16).padStart(4, '0')}${text}`);
}

function git(...args: string[]): string {
  const { stdout } = spawnSync('git', args, { maxBuffer: 1 << 28 });
  return stdout.toString('utf8').trim();
}

/** Files under `.github/workflows` that the new commits change, unless a branch already holds the same file. */
function workflowTouched({ after }: Command): string | null {
  const commits = git('rev-list', after, '--not', '--all').split('\n').filter(Boolean);
  const tips = git('for-each-ref', '--format=%(objectname)', 'refs/heads/').split('\n').filter(Boolean);
  for (const commit of commits) {
    const paths = git(
      'diff-tree',
      '--root',
      '-m',
      '-r',
      '--no-commit-id',
      '--raw',
      '-z',
      commit,
      '--',
      '.github/workflows',
    );
    const parts = paths.split('\0');
    for (let at = 0; at + 1 < parts.length; at += 2) {
      const object = (parts[at] ?? '').split(' ')[3] ?? '';
      const path = parts[at + 1] ?? '';
      const isKnown = tips.some((tip) => git('rev-parse', '--verify', '--quiet', `${tip}:${path}`).startsWith(object));
      if (!isKnown) return path;
    }
  }
  return null;
}

function tooLarge({ after }: Command, bytesMax: number): string | null {
  const objects = git('rev-list', '--objects', after, '--not', '--all').split('\n').filter(Boolean);
  const asked = spawnSync('git', ['cat-file', '--batch-check=%(objecttype) %(objectsize) %(rest)'], {
    input: objects.join('\n'),
  });
  for (const line of asked.stdout.toString('utf8').split('\n')) {
    const [type, size, ...path] = line.split(' ');
    if (type === 'blob' && Number(size) > bytesMax) {
      const megabytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(2);
      return `File ${path.join(' ')} is ${megabytes(Number(size))} MB; this exceeds GitHub's file size limit of ${megabytes(bytesMax)} MB`;
    }
  }
  return null;
}

/** The reason git prints in parentheses, or null; what stands behind `remote:` goes to standard error. */
function refusal(command: Command, rules: PushRules): string | null {
  const say = (...lines: string[]): void => console.error(lines.join('\n'));
  const branch = command.ref.replace(/^refs\/heads\//, '');
  const rule = rules.rules.find(({ prefix }) => branch.startsWith(prefix));
  if (rule) {
    say(
      `error: GH013: Repository rule violations found for ${command.ref}.`,
      `Review all repository rules at ${rules.rulesUrl}?ref=${encodeURIComponent(command.ref)}`,
      '',
      `- ${rule.words}`,
      '',
    );
    return 'push declined due to repository rule violations';
  }
  if (rules.protectedBranches.includes(branch) && command.before !== none) {
    const words =
      command.after === none ? 'Cannot delete a protected branch' : 'Changes must be made through a pull request.';
    say(`error: GH006: Protected branch update failed for ${command.ref}.`, '', `- ${words}`);
    return 'protected branch hook declined';
  }
  if (command.after === none) return null;
  const large = tooLarge(command, rules.fileBytesMax);
  if (large !== null) {
    say(`error: Trace: ${command.after}`, `error: See ${rules.docsUrl} for more information.`, `error: ${large}`);
    say('error: GH001: Large files detected. You may want to try Git Large File Storage - https://git-lfs.github.com.');
    return 'pre-receive hook declined';
  }
  const path = rules.workflowWords === null ? null : workflowTouched(command);
  return path === null ? null : (rules.workflowWords ?? '').replace('%', path);
}

const rules = JSON.parse(process.env['FORGE_RULES'] ?? '{}') as PushRules;
const hello = readLine() ?? '';
readLine();
const isPushOptions = /\0.*\bpush-options\b/.test(hello);
writeLine('version=1\n');
writeLine(null);
const commands: Command[] = [];
for (let line = readLine(); line !== null; line = readLine()) {
  const [before = '', after = '', ref = ''] = line.split(' ');
  commands.push({ before, after, ref });
}
// We did not take the capability, so no options follow.
if (isPushOptions) console.error('push options are not used here');
for (const command of commands) {
  const why = refusal(command, rules);
  if (why === null) {
    writeLine(`ok ${command.ref}\n`);
    writeLine('option fall-through\n');
  } else writeLine(`ng ${command.ref} ${why}\n`);
}
writeLine(null);
