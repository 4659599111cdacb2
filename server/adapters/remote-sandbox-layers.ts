/** What set-ups have left on a helper machine: kept by their keys, and how one is made. */
import { randomBytes } from 'node:crypto';
import type { Layer } from '#contract/helper-wire.ts';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import type { FarStore } from './remote-sandbox-store.ts';

/** It becomes the name of a folder. */
const keyShape = /^[0-9a-f]{64}$/;

export class FarLayers {
  readonly #store: FarStore;
  readonly #folder: string;

  constructor(store: FarStore, folder: string) {
    this.#store = store;
    this.#folder = folder;
  }

  async has(key: string, signal: AbortSignal): Promise<Result<boolean, string>> {
    const known = checkKey(key);
    if (!known.ok) return known;
    const said = await this.#store.ask({ verb: 'has', key }, { signal });
    return said.ok ? ok(said.value === 'yes') : said;
  }

  /** Where the layer of this key stands over there. */
  at(key: string): Result<Layer, string> {
    const known = checkKey(key);
    return known.ok ? ok(layerIn(`${this.#folder}/layers/${key}`)) : known;
  }

  /**
   * Has `make` fill two empty folders, and keeps them under the key when it says so; otherwise, and when the answer does not
   * come, nothing is kept.
   */
  async make<T extends { readonly isKept: boolean }>(
    key: string,
    make: (keep: Layer) => Promise<Result<T, string>>,
    signal: AbortSignal,
  ): Promise<Result<T, string>> {
    const known = checkKey(key);
    if (!known.ok) return known;
    const name = randomBytes(12).toString('hex');
    const begun = await this.#store.ask({ verb: 'begin', name }, { signal });
    if (!begun.ok) return begun;
    const made = await make(layerIn(`${this.#folder}/making/${name}`));
    if (!made.ok || !made.value.isKept) {
      this.#store.discard(name);
      return made;
    }
    const kept = await this.#store.ask({ verb: 'keep', name, key }, { signal });
    if (kept.ok) return made;
    this.#store.discard(name);
    return kept;
  }
}

function layerIn(folder: string): Layer {
  return { tree: `${folder}/tree`, home: `${folder}/home` };
}

function checkKey(key: string): Result<null, string> {
  return keyShape.test(key) ? ok(null) : no('The key of a layer is a sha256.');
}
