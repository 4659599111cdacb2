/** What starts a sandbox: enters its limits, makes its mounts, gives up root, becomes bubblewrap. */
import { constants } from 'node:os';
import type { Layer, Limits, SetUp } from '#contract/helper-wire.ts';
import type { Host } from './host.ts';
import { prologue } from './prologue.ts';
import { descriptors, filesToMake, sandboxArguments } from './sandbox-view.ts';
import type { MadeFile } from './sandbox-view.ts';
import { layered, scratch, Sources } from './sources.ts';
import { filesMax, inside } from './workspace.ts';
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
  /** The tree is not in it yet: it comes through `descriptors.tree` once the sandbox stands (`treeInput`). */
  readonly awaitsTree: boolean;
  /** Where in the sandbox something can be written into memory. */
  readonly places: readonly string[];
}

interface LaunchRequest {
  readonly strategy: Strategy;
  /** For `copy`, where bubblewrap shows the sandbox what is copied. An overlay gets both later. */
  readonly lower: string | null;
  readonly delta: string | null;
  /** What an earlier set-up left, or what this one leaves; never both. */
  readonly layer?: Layer | null;
  readonly setUp?: SetUp | null;
  readonly limits: Limits;
  /** `cgroup.procs` files that the launcher enters before anything else. */
  readonly groupFiles: readonly string[];
  /** Set where no cgroup holds the number of processes and the memory. */
  readonly resourceLimits: readonly string[];
  /** The tree belongs to another user and root hands it over first. */
  readonly adopt: boolean;
}

/** The whole command line for one step: enter the limits, make the mounts, stand back, drop to the run user, become bubblewrap. */
export function planLaunch(host: Host, request: LaunchRequest): Launch {
  const sources = new Sources(host, request.strategy, request);
  const madeFiles = filesToMake(host, sources.door !== null);
  const { uid, gid } = host.runUser;
  const bwrapArgs = sandboxArguments(request, sources, madeFiles);
  const awaitsTree = request.strategy === 'overlay';
  const launcher = [
    [host.tools.sh, '-c', launcherScript, 'launcher'],
    [...request.groupFiles, '--'],
    [sources.needed ? scratchOptions(request) : ''],
    awaitsTree ? [overlayOptions(host, request, sources), deltaOptions(host)] : ['', ''],
    [awaitsTree && sources.layer !== null ? homeOptions(host) : ''],
    [host.asRoot ? `-o ${uid} -g ${gid}` : '', request.adopt ? `${uid}:${gid}` : ''],
    [...sources.moved, '--'],
    ['nice', '-n', `${constants.priority.PRIORITY_BELOW_NORMAL}`],
    host.asRoot ? dropArguments(host) : [],
    [host.tools.bwrap, '--args', `${descriptors.args}`, '--'],
    ['/bin/sh', '-c', prologue, 'prologue'],
    resourceArguments(host, request),
  ].flat();
  const all = sources.needed ? [...newMountNamespace(host), ...launcher] : launcher;
  const [file = host.tools.sh, ...args] = all;
  return { file, args, bwrapArgs, madeFiles, awaitsTree, places: memoryPlaces(request, sources) };
}

/** What the launcher's mounter reads: the two folders, the second one empty when nothing differs. */
export function treeInput(lower: string, delta: string | null): Buffer {
  return Buffer.from(`${lower}\n${delta ?? ''}\n`, 'utf8');
}

/**
 * Parameters: cgroup.procs files; "--"; options of the scratch tmpfs (empty: none); options of the overlay (empty: none) and
 * of the mount of what differs; options of the overlay over a kept home (empty: none); words for install(1) that name who shall own the workspace (empty: whoever runs this);
 * uid:gid to whom the whole tree is given first (empty: it has the right owner); pairs of a folder and its name in the
 * scratch; "--"; and the argument list to become. It execs at every step, so that its process id is bubblewrap's in the end.
 *
 * The sandbox can stand before it is known which tree it gets. A child of the launcher stays behind in the launcher's mount
 * namespace, reads the two folders once, mounts them in the scratch, says "m" and is gone before anything untrusted runs.
 * The scratch is a shared mount, and bubblewrap makes every mount of the sandbox a slave of what it came from: so what is
 * mounted there shows in the sandbox, and nothing can travel the other way (mount_namespaces(7)). It is mounted on empty
 * folders of ours, never at or below a path of the tree.
 * `lowerdir=.` because a path could contain the characters that separate layers. What differs comes as an overlay of two
 * lower layers, because that is read-only from its first moment; a bind would be writable until it is mounted anew.
 */
const launcherScript = `set -eu
umask 022
echo 1000 > /proc/self/oom_score_adj
while [ "$1" != -- ]; do echo 0 > "$1"; shift; done
shift
tmpfs=$1 overlay=$2 delta=$3 home=$4 owner=$5 adopt=$6
shift 6
if [ -n "$tmpfs" ]; then
  mount -t tmpfs --make-shared -o "$tmpfs" patchgit ${scratch}
  install -d -m 755 $owner ${scratch}/upper ${scratch}/work ${scratch}/ws ${scratch}/delta ${scratch}/none
fi
while [ "$1" != -- ]; do mkdir "${scratch}/$2"; mount --bind "$1" "${scratch}/$2"; shift 2; done
shift
if [ -n "$home" ]; then
  install -d -m 755 $owner ${scratch}/home-upper ${scratch}/home-work ${scratch}/home
  mount -t overlay -o "$home" patchgit ${scratch}/home
fi
put() {
  IFS= read -r tree
  IFS= read -r differs
  cd "$tree"
  mount -t overlay -o "$overlay" patchgit ${scratch}/ws &
  if [ -n "$differs" ]; then
    cd "$differs"
    mount -t overlay -o "$delta" patchgit ${scratch}/delta
  fi
  wait $!
  cd /
  if [ -n "$adopt" ]; then chown -R -P -h "$adopt" ${scratch}/ws; fi
  printf m
}
if [ -n "$overlay" ]; then put <&${descriptors.tree} >&${descriptors.tree} ${descriptors.status}>&- & fi
exec ${descriptors.tree}>&-
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

/** Behind the tree comes what an earlier set-up left: a file of the tree is never hidden by it (see keep.ts). */
function overlayOptions(host: Host, { adopt }: LaunchRequest, { keep, layer }: Sources): string {
  const lower = layer === null ? '.' : `.:${scratch}/${layered.tree}`;
  const upper = keep === null ? [`${scratch}/upper`, `${scratch}/work`] : [keep.tree, workFolder(keep.tree)];
  const layers = `nosuid,nodev,lowerdir=${lower},upperdir=${upper[0]},workdir=${upper[1]}`;
  // A redirected folder would leave a layer that points to folders it does not hold.
  if (host.asRoot && keep !== null) return `${layers},redirect_dir=off,metacopy=off`;
  // With `redirect_dir` a folder of the tree can be renamed; the kernel keeps that option, and `metacopy` (a change of
  // owner copies no content), from overlays of unprivileged users.
  if (!host.asRoot) return `${layers},userxattr`;
  return `${layers},redirect_dir=on,metacopy=${adopt ? 'on' : 'off'}`;
}

function homeOptions(host: Host): string {
  const layers = `nosuid,nodev,lowerdir=${scratch}/${layered.home},upperdir=${scratch}/home-upper,workdir=${scratch}/home-work`;
  return host.asRoot ? `${layers},redirect_dir=on,metacopy=off` : `${layers},userxattr`;
}

/** The folder that an overlay needs beside its upper one, on the same file system. */
export function workFolder(tree: string): string {
  return `${tree}.work`;
}

function memoryPlaces({ strategy }: LaunchRequest, { keep, layer }: Sources): string[] {
  const home = strategy === 'copy' && layer !== null ? [inside.home] : [];
  return [...(keep === null ? [inside.work] : []), ...home, '/tmp', '/dev/shm'];
}

function deltaOptions(host: Host): string {
  const layers = `ro,nosuid,nodev,lowerdir=.:${scratch}/none`;
  return host.asRoot ? layers : `${layers},userxattr`;
}

/** A core limit of exactly 1 byte is how the kernel is told not to start the host's crash program (core(5)). */
function resourceArguments({ tools, coresArePiped }: Host, request: LaunchRequest): string[] {
  const wanted = [...(coresArePiped ? ['--core=1:1'] : []), ...request.resourceLimits];
  return tools.prlimit === null || wanted.length === 0 ? [] : [tools.prlimit, ...wanted];
}
