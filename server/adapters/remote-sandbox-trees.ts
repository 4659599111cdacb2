/** Carries folders to a helper machine, as a tar archive whose digest is compared, and keeps some for the next run. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { pipeline, Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import { storeLine, systemPath } from './remote-sandbox-store.ts';
import type { FarStore } from './remote-sandbox-store.ts';

interface FarTreesOptions {
  readonly store: FarStore;
  /** Of the store: where its trees are, as whoever uses them names them. */
  readonly folder: string;
  /** In front of every name, so that nothing that was there before counts. */
  readonly session: string;
  readonly bytesMax: number;
  readonly wallMs: number;
}

/** A job uses one, and the one before it is often wanted again. */
const keptTreesMax = 2;

export class FarTrees {
  readonly #options: FarTreesOptions;
  /** By what the folder is here, the longest unused first. */
  readonly #kept = new Map<string, string>();
  #count = 0;

  constructor(options: FarTreesOptions) {
    this.#options = options;
  }

  /** Where this folder stands over there. Carried over unless it is there from an earlier run and has not been replaced since. */
  async kept(folder: string, signal: AbortSignal): Promise<Result<string, string>> {
    const here = await stat(folder, { bigint: true }).catch(() => null);
    if (here === null) return no('A folder that the run needs is not there.');
    // A checkout never changes under its name; one that was made anew is another folder.
    const key = `${folder}\0${here.dev}:${here.ino}:${here.ctimeNs}`;
    const known = this.#kept.get(key);
    this.#kept.delete(key);
    const tree = known === undefined ? await this.once(folder, signal) : ok(known);
    if (tree.ok) this.#kept.set(key, tree.value);
    for (const [old, path] of this.#kept) {
      if (this.#kept.size <= keptTreesMax) break;
      this.#kept.delete(old);
      this.discard(path);
    }
    return tree;
  }

  /** Carries it over for one run. */
  async once(folder: string, signal: AbortSignal): Promise<Result<string, string>> {
    const { store, session, wallMs } = this.#options;
    this.#count += 1;
    const name = `${session}-${this.#count}`;
    const work = { verb: 'take', name } as const;
    const archive = new Archive(folder, storeLine(work), this.#options.bytesMax);
    const asked = await store.ask(work, { archive: archive.bytes, wallMs, signal });
    const sent = await archive.end();
    const why = whyNotShipped(asked, sent);
    if (why === null) return ok(`${this.#options.folder}/${name}`);
    store.discard(name);
    return no(why);
  }

  /** Of what `kept` or `once` has given. */
  discard(path: string): void {
    this.#options.store.discard(path.slice(path.lastIndexOf('/') + 1));
  }
}

function whyNotShipped(
  asked: Result<string, string>,
  sent: { readonly sha256: string; readonly why: string | null },
): string | null {
  // When the archive broke off here, what the other side says about it does not matter; but a cancelled run is just that.
  if (!asked.ok) return sent.why !== null && !asked.why.includes('cancelled') ? sent.why : asked.why;
  if (sent.why !== null) return sent.why;
  return asked.value === sent.sha256 ? null : 'The tree did not arrive on the helper machine as it was sent.';
}

/** A folder as a tar archive: names as bytes, modes and links as they are, owners left out. */
class Archive {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly bytes: Transform;
  readonly #hash = createHash('sha256');
  readonly #closed: Promise<string | null>;
  #bytes = 0;
  #why: string | null = null;

  /** `head` goes before it, and is no part of what the digest says. */
  constructor(folder: string, head: Buffer, bytesMax: number) {
    const words = ['--create', '--file=-', '--format=gnu', '--numeric-owner', '--owner=0', '--group=0'];
    this.#child = spawn('tar', [...words, `--directory=${folder}`, '.'], {
      cwd: '/',
      env: { PATH: systemPath, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { promise, resolve } = Promise.withResolvers<string | null>();
    this.#closed = promise;
    this.#child.once('error', (error) => resolve(`The tree could not be packed: ${error.message}.`));
    let complaint = '';
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (complaint.length < 500) complaint += text;
    });
    this.#child.once('close', (code) => {
      resolve(code === 0 ? null : `The tree could not be packed: ${complaint.trim().slice(0, 500)}`);
    });
    // In between, so that what nobody takes yet waits in tar.
    this.bytes = new Transform({
      transform: (chunk: Buffer, _, done) => {
        this.#hash.update(chunk);
        this.#bytes += chunk.length;
        if (this.#bytes <= bytesMax) return done(null, chunk);
        this.#why = `The tree has more than ${bytesMax} bytes, which is too much for a helper machine.`;
        done(new Error(this.#why));
      },
    });
    this.bytes.push(head);
    // How it ended is told by the digest, by the reason above, or by tar itself.
    pipeline(this.#child.stdout, this.bytes, () => undefined);
  }

  /** Resolves when tar has ended; ends it if nobody reads any more. */
  async end(): Promise<{ readonly sha256: string; readonly why: string | null }> {
    if (!this.bytes.readableEnded) this.#child.kill('SIGKILL');
    this.bytes.resume();
    const ended = await this.#closed;
    return { sha256: this.#hash.digest('hex'), why: this.#why ?? ended };
  }
}
