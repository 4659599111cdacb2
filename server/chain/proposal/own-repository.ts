import type { ObjectId } from '#contract/ids.ts';
import { PortError, type Git } from '../../ports.ts';

/** Together they are in no other project: what stands in front of every sandbox, and how the daemon is locked in. */
const marks = ['helper/main.ts', 'server/contract/helper-wire.ts', 'systemd/patchgit.service'];

/** Whether the base is patchgit itself, under whatever name it was added: what could break the patching system is judged strictest. */
export async function isOwnRepository(git: Git, gitDir: string, base: ObjectId): Promise<boolean> {
  const listed = await git.run({ gitDir, args: ['ls-tree', '--name-only', '-z', base, '--', ...marks] });
  if (listed.code !== 0) throw new PortError('git', 'look for patchgit itself', { cause: new Error(listed.stderr) });
  const there = new Set(listed.stdout.toString('utf8').split('\0'));
  return marks.every((mark) => there.has(mark));
}
