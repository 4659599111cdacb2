import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { PortError, type Git, type GitRequest } from '../../ports.ts';

/** Fixed, so that the sample is the same commit everywhere. 2026-01-01T00:00:00Z. */
const identity = { name: 'patchgit', email: 'patchgit@localhost', atMs: 1_767_225_600_000 };

/**
 * Makes the bundled sample a real bare repository on the local forge, once. `source`: the folder with its files, ours and
 * unchanged; `gitDir`: where the repository goes.
 */
export async function makeSample(git: Git, source: string, gitDir: string): Promise<void> {
  if (existsSync(gitDir)) return;
  const building = `${gitDir}.new`;
  await rm(building, { recursive: true, force: true });
  await mkdir(building, { recursive: true, mode: 0o700 });
  const run = async (request: Omit<GitRequest, 'gitDir'>): Promise<string> => {
    const answer = await git.run({ gitDir: building, ...request });
    if (answer.code !== 0)
      throw new PortError('git', 'make the sample repository', { cause: new Error(answer.stderr) });
    return answer.stdout.toString('utf8').trim();
  };
  await run({ args: ['init', '--quiet', '--bare', '--template=', '--initial-branch=main'] });
  await run({ workTree: source, args: ['add', '--all', '--force', '.'] });
  const tree = await run({ args: ['write-tree'] });
  const commit = await run({ args: ['commit-tree', '-m', 'A till that adds up baskets', tree], identity });
  await run({ args: ['update-ref', 'refs/heads/main', commit] });
  await run({ args: ['symbolic-ref', 'HEAD', 'refs/heads/main'] });
  await rename(building, gitDir);
}
