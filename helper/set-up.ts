/** The set-up phase, as the helper does it: where what the command leaves goes, how much it may be, and what becomes of it. */
import { chmodSync, chownSync, lstatSync, mkdirSync } from 'node:fs';
import { basename, dirname, isAbsolute } from 'node:path';
import type { Limits, Removal, SetUp, StepOutcome, Workspace } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';
import { DiskWatch, runTool } from './disk-watch.ts';
import type { FrameWriter } from './frames.ts';
import type { Host } from './host.ts';
import { workFolder } from './isolation.ts';
import { isEmptyFolder, makeLayer } from './keep.ts';
import { checkFolder } from './workspace.ts';

const removeMsMax = 5 * 60_000;

/** The folders of one set-up. `close` gives back what is not kept. */
export class Keeping {
  readonly disk: DiskWatch;
  readonly #setUp: SetUp;

  private constructor(setUp: SetUp, disk: DiskWatch) {
    this.#setUp = setUp;
    this.disk = disk;
  }

  /** Not ok: the sentence for what the assignment names wrongly, or for a disk that is full already. */
  static open(setUp: SetUp, limits: Limits, host: Host): Answer<Keeping> {
    const { tree, home } = setUp.keep;
    for (const folder of [tree, home]) {
      if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) makeFolder(folder, 0o755, host);
    }
    const checked = checkSetUp(setUp, host);
    if (!checked.ok) return checked;
    const disk = new DiskWatch([tree, home], limits);
    if (!disk.hasRoom) return { ok: false, why: 'The disk is nearly full: there is no room for a set-up.' };
    makeFolder(workFolder(tree), 0o700, host);
    return { ok: true, value: new Keeping(setUp, disk) };
  }

  /**
   * To be called when the sandbox has ended. `stirs`: it has not, in truth; then nothing of it can be a layer. A command that
   * succeeded by writing more than it may has not succeeded.
   */
  async conclude(outcome: StepOutcome, workspace: Workspace, stirs: boolean): Promise<Answer<StepOutcome>> {
    if (outcome.exitCode !== 0) return { ok: true, value: outcome };
    if (stirs) return { ok: false, why: 'The set-up did not end with its command.' };
    const judged = await this.disk.judge();
    if (!judged.ok) return judged;
    if (judged.value.isOver) return { ok: true, value: { ...outcome, exitCode: null, limit: 'disk' } };
    const made = await makeLayer(this.#setUp, workspace);
    return made.ok ? { ok: true, value: outcome } : made;
  }

  async close(): Promise<void> {
    // An overlay leaves a folder in it that even its owner cannot enter. Whoever gave the folders removes them, if this fails.
    const removed = await removeFolders([workFolder(this.#setUp.keep.tree)]);
    if (!removed.ok) process.stderr.write(`The work folder of a set-up could not be removed: ${removed.why}\n`);
  }
}

/** For whoever cannot remove what the run user has left: not ok with the sentence that says what stands in the way. */
export async function carryOutRemoval({ folders }: Removal, frames: FrameWriter): Promise<Answer<null>> {
  const wrong = folders.find((folder) => !isAbsolute(folder) || folder.includes('\0'));
  if (wrong !== undefined) return { ok: false, why: `The folder ${JSON.stringify(wrong)} is not an absolute path.` };
  frames.send({ type: 'ready', protocol: 1, isolation: [], missing: [] });
  const removed = await removeFolders(folders);
  return removed.ok
    ? { ok: true, value: null }
    : { ok: false, why: `What a set-up left could not be removed: ${removed.why}` };
}

/** Nothing runs in them any more. By programs that follow no link and get to the bottom of any depth. */
function removeFolders(folders: readonly string[]): Promise<Answer<string>> {
  const script = `for each; do
  if [ -d "$each" ] && [ ! -L "$each" ]; then chmod -R u+rwx -- "$each"; fi
done
rm -rf --one-file-system -- "$@"`;
  return runTool(script, folders, removeMsMax);
}

/** The mode is what it says, whatever this process is told to leave out of modes. */
function makeFolder(folder: string, mode: number, host: Host): void {
  mkdirSync(folder);
  chmodSync(folder, mode);
  if (host.asRoot) chownSync(folder, host.runUser.uid, host.runUser.gid);
}

function checkSetUp({ keep, door }: SetUp, host: Host): Answer<null> {
  for (const folder of [keep.tree, keep.home]) {
    const checked = checkFolder(folder);
    if (!checked.ok) return checked;
    if (!isEmptyFolder(folder)) return { ok: false, why: `The folder ${JSON.stringify(folder)} is not empty.` };
    if (lstatSync(folder).uid !== host.runUser.uid) {
      return { ok: false, why: `The folder ${JSON.stringify(folder)} does not belong to user ${host.runUser.uid}.` };
    }
  }
  const names = [basename(keep.tree), basename(keep.home)];
  const areNeighbours = dirname(keep.tree) === dirname(keep.home) && names[0] !== names[1];
  // The overlay names them in a list of options.
  if (!areNeighbours || !names.every((name) => /^[\w-]+$/.test(name))) {
    return { ok: false, why: 'What a set-up leaves goes to two folders of plain names in one folder.' };
  }
  if (door === null) return { ok: true, value: null };
  if (!isAbsolute(door) || !lstatSync(door, { throwIfNoEntry: false })?.isSocket()) {
    return { ok: false, why: `The door ${JSON.stringify(door)} is not a socket.` };
  }
  return { ok: true, value: null };
}
