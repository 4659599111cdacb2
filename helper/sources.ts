import { basename, dirname, join } from 'node:path';
import type { Layer, SetUp } from '#contract/helper-wire.ts';
import { isOpenToAll } from './host.ts';
import type { Host } from './host.ts';
import type { Strategy } from './workspace.ts';

/**
 * Where the launcher mounts its own tmpfs, in its own mount namespace: it must exist everywhere, no source may lie below
 * it, and the run user must be able to pass. /sys is that; neither bubblewrap nor the sandbox needs it.
 */
export const scratch = '/sys';

/** Names in the scratch of what an overlay is made of. */
export const layered = { tree: 'layer-tree', home: 'layer-home', keep: 'keep' } as const;

interface Wanted extends Readonly<Record<'lower' | 'delta', string | null>> {
  readonly layer?: Layer | null;
  readonly setUp?: SetUp | null;
}

/**
 * Where bubblewrap, as the run user, finds what a sandbox is made of. What only root can get to (a data folder with mode
 * 0700, a checkout below /root) is bound into the scratch first.
 */
export class Sources {
  readonly node: string;
  readonly npm: string | null;
  /** The tree and what differs: only a copy reads them by name, an overlay has them from the launcher. */
  readonly delta: string | null;
  readonly lower: string | null;
  /** What an earlier set-up left; an overlay finds it in the scratch by the names of `layered`. */
  readonly layer: Layer | null;
  /** Where this set-up leaves its tree and its home, in one folder; and the socket of its door. */
  readonly keep: Layer | null;
  readonly door: string | null;
  readonly #host: Host;
  readonly #isOverlay: boolean;
  readonly #moved = new Map<string, string>();

  constructor(host: Host, strategy: Strategy, { layer = null, setUp = null, ...tree }: Wanted) {
    this.#host = host;
    this.#isOverlay = strategy === 'overlay';
    this.node = join(this.#reach(dirname(host.nodePath)), basename(host.nodePath));
    this.npm = host.npmFolder === null ? null : this.#reach(host.npmFolder);
    const { lower, delta } = this.#isOverlay ? { lower: null, delta: null } : tree;
    this.layer = layer === null ? null : this.#reachLayer(layer);
    this.keep = setUp === null ? null : this.#reachKeep(setUp.keep);
    const door = setUp?.door ?? null;
    this.door = door === null ? null : join(this.#reach(dirname(door)), basename(door));
    this.delta = delta === null ? null : this.#reach(delta);
    this.lower = lower === null ? null : this.#reach(lower);
  }

  /** Whether the launcher needs a mount namespace of its own. */
  get needed(): boolean {
    return this.#isOverlay || this.#moved.size > 0;
  }

  /** Pairs of a folder and its name in the scratch. */
  get moved(): string[] {
    return [...this.#moved].flat();
  }

  /** An overlay names its layers in a list of options, in which a path of the host could hold a character that separates. */
  #reachLayer({ tree, home }: Layer): Layer {
    if (!this.#isOverlay) return { tree: this.#reach(tree), home: this.#reach(home) };
    this.#moved.set(tree, layered.tree);
    this.#moved.set(home, layered.home);
    return { tree: join(scratch, layered.tree), home: join(scratch, layered.home) };
  }

  /** The upper folder of an overlay and its work folder must be seen through one mount. */
  #reachKeep({ tree, home }: Layer): Layer {
    const folder = dirname(tree);
    if (this.#isOverlay) this.#moved.set(folder, layered.keep);
    const reached = this.#isOverlay ? join(scratch, layered.keep) : this.#reach(folder);
    return { tree: join(reached, basename(tree)), home: join(reached, basename(home)) };
  }

  #reach(folder: string): string {
    if (!this.#host.asRoot || isOpenToAll(folder)) return folder;
    const name = this.#moved.get(folder) ?? `source-${this.#moved.size}`;
    this.#moved.set(folder, name);
    return join(scratch, name);
  }
}
