/** bubblewrap with the flags the helper gives it, and nothing around it: no launcher, no helper, no tree. */
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { Limits } from '../../server/contract/helper-wire.ts';
import { findHost } from '../../helper/host.ts';
import { descriptors, planLaunch } from '../../helper/isolation.ts';
import { isKnownArchitecture, seccompProgram } from '../../helper/seccomp.ts';

const wallMsMax = 10_000;

/** Returns a function that runs `true` in such a sandbox on the empty folder `tree`, and resolves when it has ended. */
export function bareBwrap(tree: string, limits: Limits): () => Promise<void> {
  const host = findHost({ runAs: null, npmFolder: null });
  if (!host.ok) throw new Error(host.why);
  if (!isKnownArchitecture(process.arch)) throw new Error(`there is no call filter for ${process.arch}`);
  const filter = seccompProgram(process.arch);
  const request = {
    lower: tree,
    delta: null,
    limits,
    groupFiles: [],
    resourceLimits: [],
    adopt: false,
  };
  // As for an unprivileged user and without an overlay: that list has no mounts that only the launcher could make.
  const { bwrapArgs, madeFiles } = planLaunch({ ...host.value, asRoot: false }, { ...request, strategy: 'copy' });
  const args = [...bwrapArgs, '--', '/bin/sh', '-c', 'true'];
  const stdio = Array.from({ length: descriptors.firstFile + madeFiles.length }, () => 'pipe' as const);
  return () =>
    new Promise((resolve, reject) => {
      const child = spawn(host.value.tools.bwrap, args, { env: {}, stdio, timeout: wallMsMax });
      const feed = (descriptor: number, bytes: Buffer | string): void => {
        // Every descriptor was asked for as "pipe", which Node opens in both directions.
        (child.stdio[descriptor] as Writable).on('error', () => undefined).end(bytes);
      };
      feed(descriptors.seccomp, filter);
      madeFiles.forEach(({ text }, index) => feed(descriptors.firstFile + index, text));
      const complaints: Buffer[] = [];
      child.stderr?.on('data', (chunk: Buffer) => complaints.push(chunk));
      child.once('error', reject);
      child.once('exit', (code) =>
        code === 0
          ? resolve()
          : reject(new Error(`bwrap ended with ${code}: ${Buffer.concat(complaints).toString('utf8')}`)),
      );
    });
}
