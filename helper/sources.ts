import { basename, dirname, join } from 'node:path';
import { isOpenToAll } from './host.ts';
import type { Host } from './host.ts';
import type { Strategy } from './workspace.ts';

/**
 * Where the launcher mounts its own tmpfs, in its own mount namespace: it must exist everywhere, no source may lie below
 * it, and the run user must be able to pass. /sys is that; neither bubblewrap nor the sandbox needs it.
 */
export const scratch = '/sys';

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
  readonly #host: Host;
  readonly #isOverlay: boolean;
  readonly #moved = new Map<string, string>();

  constructor(host: Host, strategy: Strategy, tree: Readonly<Record<'lower' | 'delta', string | null>>) {
    this.#host = host;
    this.#isOverlay = strategy === 'overlay';
    this.node = join(this.#reach(dirname(host.nodePath)), basename(host.nodePath));
    this.npm = host.npmFolder === null ? null : this.#reach(host.npmFolder);
    const { lower, delta } = this.#isOverlay ? { lower: null, delta: null } : tree;
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

  #reach(folder: string): string {
    if (!this.#host.asRoot || isOpenToAll(folder)) return folder;
    const name = this.#moved.get(folder) ?? `source-${this.#moved.size}`;
    this.#moved.set(folder, name);
    return join(scratch, name);
  }
}
