/** The place for trees and layers on a helper machine: one script, run there for one step of work at a time. */
import type { Readable } from 'node:stream';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import type { Log } from '../ports.ts';
import type { HelperConnection } from '../ports-cloud.ts';
import { ask, oneLine } from './remote-sandbox-ask.ts';

export interface FarStoreOptions {
  readonly connection: HelperConnection;
  /** What runs the script there, on the folder of the store. */
  readonly command: (verb: StoreWork['verb']) => readonly string[];
  readonly log: Log;
}

export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const workMsMax = 60_000;

/**
 * Parameters: the folder of the store; the uid:gid that trees and unfinished layers are given to, or nothing: they are of whoever
 * runs this. The first line of its input is a verb, a name and a key, all of our own making; the rest is the archive of `take`. It
 * answers what the verb says, then "done", or "failed" and why.
 *
 * Untrusted bytes lie in its folders, and it runs none of them and follows no link among them: tar extracts into a folder that is
 * new and whose parent only this script writes to, takes no absolute name and no "..", and makes links last; rm and mv act on the
 * links themselves. tee ends when tar stops reading, so what tar leaves is read for the digest.
 *
 * A layer becomes one by being renamed from "making" to "layers". Whoever runs the untrusted commands can write to "making" at most.
 */
export const storeScript = `umask 077
export PATH=${systemPath} LC_ALL=C
cd "$1" || exit
owner=\${2-}
IFS=' ' read -r verb name key
as=
if [ -n "$owner" ]; then as="setpriv --reuid=\${owner%:*} --regid=\${owner#*:} --clear-groups --no-new-privs --"; fi

folder() {
  mkdir "$@"
  if [ -n "$owner" ]; then chown "$owner" "$@"; fi
}
take() {
  folder "trees/$name"
  mkfifo "trees/$name.pipe"
  sha256sum < "trees/$name.pipe" > "trees/$name.sum" &
  code=0
  tee "trees/$name.pipe" | {
    $as env -i PATH=$PATH LC_ALL=C tar --extract --file=- --directory="trees/$name" --no-same-owner --preserve-permissions || code=$?
    cat > /dev/null
    exit $code
  } || code=$?
  wait
  cut -c1-64 < "trees/$name.sum"
  rm -f "trees/$name.pipe" "trees/$name.sum"
  return $code
}
# A command can have left folders that nobody may open, and find needs them open on its way in.
remove() {
  for path in "$@"; do
    [ -e "$path" ] || [ -L "$path" ] || continue
    find -P "$path" -type d ! -perm -700 -exec chmod u+rwx -- {} \\; 2> /dev/null || :
    rm -rf -- "$path"
  done
}
# A job uses two at most, and they were looked for last.
prune() {
  ls -t layers | tail -n +4 | while IFS= read -r old; do remove "layers/$old"; done
}
work() {
  case $verb in
    open)
      (umask 022; mkdir -p trees layers making)
      folder "trees/$name"
      ;;
    take) take ;;
    begin) prune; folder "making/$name" "making/$name/tree" "making/$name/home" ;;
    keep)
      for path in "making/$name"/* "making/$name"/.[!.]*; do
        case \${path##*/} in tree | home) ;; *) remove "$path" ;; esac
      done
      for part in tree home; do [ -d "making/$name/$part" ] && [ ! -L "making/$name/$part" ]; done
      if [ -d "layers/$key" ]; then remove "making/$name"; else mv -T "making/$name" "layers/$key"; fi
      touch "layers/$key"
      ;;
    has) if [ -d "layers/$key" ]; then touch "layers/$key"; echo yes; else echo no; fi ;;
    drop) remove "trees/$name" "making/$name" ;;
    *) exit 2 ;;
  esac
}
said=$(mktemp) || exit
( set -e; work ) 2> "$said"
code=$?
if [ $code = 0 ]; then echo done; else printf 'failed '; head -c 1000 "$said" | tr '\\n' ' '; echo; fi
rm -f "$said"
exit $code
`;

export type StoreWork =
  | { readonly verb: 'open' | 'take' | 'begin' | 'drop'; readonly name: string }
  | { readonly verb: 'keep'; readonly name: string; readonly key: string }
  | { readonly verb: 'has'; readonly key: string };

interface StoreNeeds {
  /** What follows the first line; the first line itself is put in front of it by whoever makes the stream (`storeLine`). */
  readonly archive?: Readable;
  readonly wallMs?: number;
  readonly signal?: AbortSignal;
}

export function storeLine(work: StoreWork): Buffer {
  const name = work.verb === 'has' ? '-' : work.name;
  const key = work.verb === 'has' || work.verb === 'keep' ? work.key : '-';
  return Buffer.from(`${work.verb} ${name} ${key}\n`);
}

export class FarStore {
  readonly #options: FarStoreOptions;

  constructor(options: FarStoreOptions) {
    this.#options = options;
  }

  /** What the verb says, as text; or the sentence that says why it was not done, or not seen to be done. */
  async ask(work: StoreWork, needs: StoreNeeds = {}): Promise<Result<string, string>> {
    const { connection, command } = this.#options;
    const asked = await ask(connection, command(work.verb), {
      input: needs.archive ?? storeLine(work),
      wallMs: needs.wallMs ?? workMsMax,
      signal: needs.signal ?? new AbortController().signal,
    });
    if (!asked.ok) return asked;
    const { output, errors } = asked.value;
    const [, said = '', end, why = ''] = /^(.*?)(?:^|\n)(done|failed)(.*)\n$/s.exec(output) ?? [];
    if (end === 'done') return ok(said.trim());
    return no(
      `The helper machine could not ${sentences[work.verb]}: ${oneLine(why) || errors || 'it did not say why'}`,
    );
  }

  /** Nobody waits for it; what cannot be removed goes with the machine. */
  discard(name: string): void {
    const { connection, log } = this.#options;
    if (!connection.isOpen()) return;
    void this.ask({ verb: 'drop', name }).then((asked) => {
      if (!asked.ok) log.debug({ name, why: asked.why }, 'a folder on the helper machine was not removed');
    });
  }
}

const sentences: Readonly<Record<StoreWork['verb'], string>> = {
  open: 'be set up',
  take: 'take the tree',
  begin: 'make room for a set-up',
  keep: 'keep what a set-up left',
  has: 'say what it keeps',
  drop: 'remove a folder',
};
