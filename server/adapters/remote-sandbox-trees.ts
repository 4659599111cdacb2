/** Carries folders to a helper machine, as a tar archive whose digest is compared, and keeps some for the next run. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { pipeline, Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import type { HelperConnection, Log } from '../ports.ts';
import { ask } from './remote-sandbox-ask.ts';

interface FarTreesOptions {
  readonly connection: HelperConnection;
  /** Exists over there, and only the connection's user can write to it. */
  readonly folder: string;
  /** Whose the files become; null: the connection's user. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  /** The helper runs as another user than the files', so they must be readable to everybody. */
  readonly isForeign: boolean;
  readonly bytesMax: number;
  readonly wallMs: number;
  readonly log: Log;
}

/** A job uses one, and the one before it is often wanted again. */
const keptTreesMax = 2;
const discardMsMax = 60_000;
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Parameters: the new folder; uid and gid of its owner, or two empty words. Says the digest of what arrived. The folder is new and
 * its parent is not writable for whoever extracts, so nothing there can lead tar elsewhere; tar itself takes no absolute name and
 * no "..", and makes links last. tee ends when tar stops reading, so what tar leaves is read for the digest.
 */
const receive = `set -eu
umask 077
mkdir "$1"
as=
if [ -n "$2" ]; then
  chown "$2:$3" "$1"
  as="setpriv --reuid=$2 --regid=$3 --clear-groups --no-new-privs --"
fi
mkfifo "$1.pipe"
sha256sum < "$1.pipe" > "$1.sum" &
code=0
tee "$1.pipe" | {
  $as env -i PATH=${systemPath} LC_ALL=C tar --extract --file=- --directory="$1" --no-same-owner --preserve-permissions || code=$?
  cat > /dev/null
  exit $code
} || code=$?
wait
cut -c1-64 < "$1.sum"
rm -f "$1.pipe" "$1.sum"
exit $code
`;

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
    const { connection, owner, wallMs } = this.#options;
    this.#count += 1;
    const path = `${this.#options.folder}/${this.#count}`;
    const archive = new Archive(folder, this.#options);
    const words = [path, ...(owner === null ? ['', ''] : [`${owner.uid}`, `${owner.gid}`])];
    const command = ['sh', '-c', receive, 'receive', ...words];
    const asked = await ask(connection, command, { input: archive.bytes, wallMs, signal });
    const sent = await archive.end();
    const why = whyNotShipped(asked, sent);
    if (why === null) return ok(path);
    this.discard(path);
    return no(why);
  }

  /** Nobody waits for it; what cannot be removed goes with the machine. */
  discard(path: string): void {
    const { connection, log } = this.#options;
    if (!connection.isOpen()) return;
    const { signal } = new AbortController();
    void ask(connection, ['rm', '-rf', '--', path], { wallMs: discardMsMax, signal }).then((asked) => {
      if (!asked.ok || asked.value.code !== 0) log.debug({ path }, 'a tree on the helper machine was not removed');
    });
  }
}

function whyNotShipped(
  asked: Awaited<ReturnType<typeof ask>>,
  sent: { readonly sha256: string; readonly why: string | null },
): string | null {
  // When the archive broke off here, what the other side says about it does not matter; but a cancelled run is just that.
  if (!asked.ok) return sent.why !== null && !asked.why.includes('cancelled') ? sent.why : asked.why;
  if (sent.why !== null) return sent.why;
  if (asked.value.code !== 0) return `The helper machine could not take the tree: ${asked.value.errors}`;
  return asked.value.output.trim() === sent.sha256
    ? null
    : 'The tree did not arrive on the helper machine as it was sent.';
}

/** A folder as a tar archive: names as bytes, modes and links as they are, owners left out. */
class Archive {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly bytes: Transform;
  readonly #hash = createHash('sha256');
  readonly #closed: Promise<string | null>;
  #bytes = 0;
  #why: string | null = null;

  constructor(folder: string, { bytesMax, isForeign }: Pick<FarTreesOptions, 'bytesMax' | 'isForeign'>) {
    const words = ['--create', '--file=-', '--format=gnu', '--numeric-owner', '--owner=0', '--group=0'];
    const modes = isForeign ? ['--mode=a+rX'] : [];
    this.#child = spawn('tar', [...words, ...modes, `--directory=${folder}`, '.'], {
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
