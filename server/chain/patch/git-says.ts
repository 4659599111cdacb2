/** git's own refusals in our words. git's messages are read in the C locale (hardened environment). */
import { type Problem, problem, type ProblemCode } from '#contract/problem.ts';
import type { GitAnswer } from '../../ports.ts';
import { showPath } from './bytes.ts';
import { gitMemoryBytesMax, gitWallMs } from './limits.ts';
import { judgePath } from './names.ts';

interface Saying {
  readonly pattern: RegExp;
  readonly code: ProblemCode;
  /** `$1` is what the pattern caught, as shown to people. */
  readonly sentence: string;
}

const sayings: readonly Saying[] = [
  {
    pattern: /affected file '(.*)' is beyond a symbolic link/,
    code: 'patch_path_symlink',
    sentence: '"$1" lies behind a symlink. A patch may only touch real files.',
  },
  {
    pattern: /invalid path '(.*)'/,
    code: 'patch_path_outside',
    sentence: '"$1" is no path git takes. Use paths from the top of the repository.',
  },
  {
    pattern: /cannot apply binary patch to '(.*)' without full index line/,
    code: 'patch_binary_without_data',
    sentence: '"$1" is binary and its bytes are not in the patch. Make the diff with "git diff --binary".',
  },
  {
    pattern: /the necessary postimage .* for '(.*)' (?:does not exist|cannot be read)/,
    code: 'patch_binary_without_data',
    sentence: '"$1" is binary and its bytes are not in the patch. Make the diff with "git diff --binary".',
  },
  {
    pattern: /the patch applies to '(.*)' \([0-9a-f]+\), which does not match the current contents/,
    code: 'patch_does_not_apply',
    sentence: '"$1" has other bytes here than the binary patch was made for. Make the diff against this base.',
  },
  {
    pattern: /error: (.*): does not exist in index/,
    code: 'patch_file_missing',
    sentence: '"$1" is not in the base.',
  },
  {
    pattern: /error: (.*): already exists in index/,
    code: 'patch_file_exists',
    sentence: 'The patch creates "$1", which the base already has.',
  },
  {
    pattern: /'(.*)' appears as both a file and as a directory/,
    code: 'patch_file_exists',
    sentence: '"$1" would be a file and a folder at once.',
  },
  {
    pattern: /error: (.*): patch does not apply/,
    code: 'patch_does_not_apply',
    sentence: 'git could not apply the patch to "$1": the lines around the change are not in the base.',
  },
  {
    pattern: /removal patch leaves file contents/,
    code: 'patch_does_not_apply',
    sentence: 'The patch deletes a file but does not list all of its lines.',
  },
  {
    pattern: /error: (.*): wrong type/,
    code: 'patch_does_not_apply',
    sentence: '"$1" is of another kind in the base.',
  },
  {
    pattern: /[Oo]ut of memory|malloc failed/,
    code: 'patch_too_large',
    sentence: `The patch asks git for more than ${gitMemoryBytesMax / 1024 / 1024} MiB of memory. Split it, or leave large binary files out.`,
  },
  {
    pattern: /No valid patches in input|unrecognized input/,
    code: 'patch_not_a_diff',
    sentence: 'git found no diff in this text.',
  },
  {
    pattern: /corrupt (?:binary )?patch at (?:line )?(.*)/,
    code: 'patch_corrupt',
    sentence: 'git cannot read the patch at line $1.',
  },
];

/** The problem behind a git process that ended badly. */
export function explainGit(answer: GitAnswer): Problem {
  if (answer.ended === 'aborted') return problem('job_cancelled', 'Stopped while git was reading the patch.');
  if (answer.ended !== null) {
    const seconds = Math.round(gitWallMs / 1000);
    return problem('patch_took_too_long', `git did not finish reading the patch within ${seconds} seconds.`);
  }
  for (const { pattern, code, sentence } of sayings) {
    const found = pattern.exec(answer.stderr);
    if (!found) continue;
    const name = found[1] ?? '';
    const own = code === 'patch_path_outside' ? judgePath(name) : null;
    if (own) return own;
    const file = sentence.startsWith('"$1"') || sentence.includes('"$1"') ? { file: showPath(name) } : {};
    return problem(
      code,
      sentence.replaceAll('$1', () => showPath(name)),
      file,
    );
  }
  const first = showPath((answer.stderr.split('\n')[0] ?? '').replace(/^(?:error|fatal): /, '')).slice(0, 300);
  return problem('patch_corrupt', `git refused the patch: ${first || `exit code ${answer.code}`}.`);
}
