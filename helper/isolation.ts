/** What starts a sandbox: enters its limits, makes its mounts, gives up root, becomes bubblewrap. */
import type { Limits } from '#contract/helper-wire.ts';
import type { Host } from './host.ts';
import { descriptors, filesToMake, sandboxArguments } from './sandbox-view.ts';
import type { MadeFile } from './sandbox-view.ts';
import { scratch, Sources } from './sources.ts';
import { filesMax, prologue } from './workspace.ts';
import type { Strategy } from './workspace.ts';

// Whoever starts a `Launch` must lay these out.
export { descriptors };

export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  /** bubblewrap's own arguments. They go through a descriptor, because a sandbox can read its init's command line. */
  readonly bwrapArgs: readonly string[];
  /** In the order of their descriptors, from `descriptors.firstFile` on. */
  readonly madeFiles: readonly MadeFile[];
}

interface LaunchRequest {
  readonly strategy: Strategy;
  readonly lower: string;
  readonly delta: string | null;
  readonly limits: Limits;
  readonly command: string;
  /** `cgroup.procs` files that the launcher enters before anything else. */
  readonly groupFiles: readonly string[];
  /** Set where no cgroup holds the number of processes and the memory. */
  readonly resourceLimits: readonly string[];
  /** The tree belongs to another user and root hands it over first. */
  readonly adopt: boolean;
}

/** The whole command line for one step: enter the limits, make the mounts, drop to the run user, become bubblewrap. */
export function planLaunch(host: Host, request: LaunchRequest): Launch {
  const sources = new Sources(host, request.strategy, request);
  const madeFiles = filesToMake(host);
  const { uid, gid } = host.runUser;
  const bwrapArgs = sandboxArguments(request, sources, madeFiles);
  const launcher = [
    [host.tools.sh, '-c', launcherScript, 'launcher'],
    [...request.groupFiles, '--'],
    [request.lower, sources.needed ? scratchOptions(request) : ''],
    [request.strategy === 'overlay' ? overlayOptions(host, request.adopt) : ''],
    [host.asRoot ? `-o ${uid} -g ${gid}` : '', request.adopt ? `${uid}:${gid}` : ''],
    [...sources.moved, '--'],
    host.asRoot ? dropArguments(host) : [],
    [host.tools.bwrap, '--args', `${descriptors.args}`, '--'],
    ['/bin/sh', '-c', prologue, 'prologue'],
    resourceArguments(host, request),
    ['/bin/sh', '-c', request.command],
  ].flat();
  const all = sources.needed ? [...newMountNamespace(host), ...launcher] : launcher;
  const [file = host.tools.sh, ...args] = all;
  return { file, args, bwrapArgs, madeFiles };
}

/**
 * Parameters: cgroup.procs files; "--"; the tree; options of the scratch tmpfs (empty: none); options of the overlay
 * (empty: none); words for install(1) that name who shall own the workspace (empty: whoever runs this); uid:gid to whom
 * the whole tree is given first (empty: it has the right owner); pairs of a folder and its name in the scratch; "--";
 * and the argument list to become. It execs at every step, so that its process id is bubblewrap's in the end.
 * `lowerdir=.` because a path could contain the characters that separate layers.
 */
const launcherScript = `set -eu
umask 022
echo 1000 > /proc/self/oom_score_adj
while [ "$1" != -- ]; do echo 0 > "$1"; shift; done
shift
tree=$1 tmpfs=$2 overlay=$3 owner=$4 adopt=$5
shift 5
if [ -n "$tmpfs" ]; then
  mount -t tmpfs -o "$tmpfs" patchgit ${scratch}
  install -d -m 755 $owner ${scratch}/upper ${scratch}/work ${scratch}/ws
fi
while [ "$1" != -- ]; do mkdir "${scratch}/$2"; mount --bind "$1" "${scratch}/$2"; shift 2; done
shift
if [ -n "$overlay" ]; then
  cd "$tree"
  mount -t overlay -o "$overlay" patchgit ${scratch}/ws
  cd /
  if [ -n "$adopt" ]; then chown -R -P -h "$adopt" ${scratch}/ws; fi
fi
exec "$@"
`;

function newMountNamespace(host: Host): string[] {
  const unshare = host.tools.unshare ?? 'unshare';
  return host.asRoot ? [unshare, '--mount', '--'] : [unshare, '--user', '--map-root-user', '--mount', '--'];
}

/** After this nothing of root is left: bubblewrap started by root would map its inner user to root on the host. */
function dropArguments(host: Host): string[] {
  const { uid, gid } = host.runUser;
  const nothing = ['--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all', '--no-new-privs'];
  return [host.tools.setpriv ?? 'setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...nothing];
}

function scratchOptions({ limits, adopt }: LaunchRequest): string {
  // A tree that is handed over takes one file of the upper layer for each of its own.
  const files = filesMax(adopt ? Number.POSITIVE_INFINITY : limits.diskBytes);
  return `size=${limits.diskBytes},nr_inodes=${files},mode=755`;
}

function overlayOptions(host: Host, adopt: boolean): string {
  const layers = `lowerdir=.,upperdir=${scratch}/upper,workdir=${scratch}/work`;
  // With `redirect_dir` a folder of the tree can be renamed; the kernel keeps that option, and `metacopy` (a change of
  // owner copies no content), from overlays of unprivileged users.
  if (!host.asRoot) return `${layers},userxattr`;
  return `${layers},redirect_dir=on,metacopy=${adopt ? 'on' : 'off'}`;
}

/** A core limit of exactly 1 byte is how the kernel is told not to start the host's crash program (core(5)). */
function resourceArguments({ tools, coresArePiped }: Host, request: LaunchRequest): string[] {
  const wanted = [...(coresArePiped ? ['--core=1:1'] : []), ...request.resourceLimits];
  return tools.prlimit === null || wanted.length === 0 ? [] : [tools.prlimit, ...wanted];
}
