/** What runs on a helper machine, and how it gets there. */
import { dirname } from 'node:path';
import { sha256 } from '../lib/digest.ts';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import type { HelperConnection } from '../ports-cloud.ts';
import { ask } from './remote-sandbox-ask.ts';
import { storeScript, type FarStoreOptions } from './remote-sandbox-store.ts';
import type { RemoteSandboxOptions } from './remote-sandbox.ts';

export interface FarProgram {
  /** Files over there, and what must be in them. */
  readonly files: readonly { readonly path: string; readonly bytes: Buffer }[];
  readonly check: (flags: readonly string[]) => readonly string[];
  readonly setUp: (flags: readonly string[]) => readonly string[];
  readonly store: FarStoreOptions['command'];
  /** Where the door looks which of its hosts this set-up may reach; null: whoever made the door has told it. */
  readonly hostsFile: string | null;
}

const uploadMsMax = 60_000;

export function farProgram({ helper, helperBundle, folder }: RemoteSandboxOptions, session: string): FarProgram {
  if (helper.kind === 'service') {
    const { command, program } = helper;
    return {
      files: [
        { path: program, bytes: helperBundle },
        { path: `${dirname(program)}/store.sh`, bytes: Buffer.from(storeScript) },
      ],
      check: (flags) => [...command, ...flags],
      setUp: (flags) => [...command, 'set-up', ...flags],
      store: () => [...command, 'store'],
      hostsFile: `${dirname(program)}/registries`,
    };
  }
  const { nodePath, npmFolder, runUser } = helper;
  const path = `${folder}/helper-${session}.cjs`;
  const owner = runUser === null ? null : `${runUser.uid}:${runUser.gid}`;
  const run = (flags: readonly string[]): readonly string[] =>
    [
      // Nothing of the session is in the environment, as on the base.
      ['env', '-i', nodePath, path, ...flags],
      owner === null ? [] : ['--run-as', owner],
      npmFolder === null ? [] : ['--npm', npmFolder],
    ].flat();
  return {
    files: [{ path, bytes: helperBundle }],
    check: run,
    setUp: run,
    hostsFile: null,
    store: (verb) => ['sh', '-c', storeScript, verb, folder, ...(owner === null ? [] : [owner])],
  };
}

/** Puts a file there; it is in its place only when it arrived as it was sent. */
export async function upload(
  connection: HelperConnection,
  path: string,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<Result<null, string>> {
  const script = `set -eu
    umask 022
    mkdir -p "$1"
    trap 'rm -f "$2.new"' EXIT
    cat > "$2.new"
    printf '%s  %s\\n' "$3" "$2.new" | sha256sum --check --status || exit 9
    mv "$2.new" "$2"`;
  const words = [dirname(path), path, sha256(bytes)];
  const sent = await ask(connection, ['sh', '-c', script, 'upload', ...words], {
    input: bytes,
    wallMs: uploadMsMax,
    signal,
  });
  if (!sent.ok) return sent;
  if (sent.value.code === 9) return no('The sandbox helper did not arrive on the helper machine as it was sent.');
  if (sent.value.code !== 0) return no(`The helper machine could not be set up: ${sent.value.errors}`);
  return ok(null);
}
