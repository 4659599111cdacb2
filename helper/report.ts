/** The sentences of `ready`, for `doctor`: what isolates here, and what is missing and how to add it. */
import { controllers } from './cgroup-parents.ts';
import type { Controller } from './cgroup-parents.ts';
import type { Host } from './host.ts';
import type { Strategy } from './workspace.ts';

export interface StandingFacts {
  readonly strategy: Strategy;
  readonly adopt: boolean;
  readonly held: readonly Controller[];
  /** What the host answered to an overlay, or null when none was tried or it was allowed. */
  readonly overlayRefused: string | null;
}

/** `missing`: what was found before a sandbox stood; it stays in front. */
export function report(
  host: Host,
  facts: StandingFacts,
  missing: readonly string[],
): { isolation: string[]; missing: string[] } {
  const { uid } = host.runUser;
  const held = controllers.filter((name) => facts.held.includes(name));
  const notHeld = controllers.filter((name) => !facts.held.includes(name));
  return {
    isolation: [
      `bubblewrap runs checks as user ${uid} with namespaces of their own for users, processes, mounts, network, host name and shared memory.`,
      'There is no network, no capability, no environment and no file of this machine but /usr, and a system call filter is on.',
      treeSentence(host, facts.strategy),
      ...(held.length === 0 ? [] : [`A control group limits ${held.join(', ')}.`]),
    ],
    missing: [
      ...missing,
      ...(facts.strategy === 'copy' ? [whyCopied(host, facts)] : []),
      ...(facts.adopt
        ? [`The checkout belongs to another user than ${uid}, so every step begins by changing its owner.`]
        : []),
      ...(notHeld.length === 0
        ? []
        : [
            `No writable control group limits ${notHeld.join(', ')}: give the service Delegate=yes. Until then memory is watched, processes are limited per user, and cpu only by priority.`,
          ]),
    ],
  };
}

function treeSentence(host: Host, strategy: Strategy): string {
  if (strategy === 'copy') return 'Every step gets a full copy of the tree in memory.';
  const overlay = 'The tree is an overlay over the read-only checkout; what a check writes is limited and thrown away.';
  // The kernel gives redirected folders only to overlays of the real root.
  return host.asRoot ? overlay : `${overlay} A folder of the checkout cannot be renamed in one step (EXDEV).`;
}

function whyCopied(host: Host, { overlayRefused }: StandingFacts): string {
  if (overlayRefused !== null) return `Trees are copied, because an overlay was refused: ${overlayRefused}`;
  if (host.tools.unshare === null) return 'Trees are copied, because unshare is missing.';
  if (!host.asRoot && !host.userOverlay) {
    return 'Trees are copied, because this kernel is older than 6.6: run the helper as root or upgrade the kernel.';
  }
  return `Trees are copied, because the checkout does not belong to user ${host.runUser.uid}.`;
}
