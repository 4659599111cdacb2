/**
 * What can go wrong with one call, in two halves that are free of each other: what the forge really does, and what the client gets
 * to hear of it.
 */
import type { World } from './world.ts';

/** GitHub's own names of the operations; `git/…` are the requests that git itself makes. */
export type Operation =
  | 'repos/get'
  | 'git/get-ref'
  | 'git/create-ref'
  | 'git/update-ref'
  | 'git/delete-ref'
  | 'repos/get-branch'
  | 'git/create-blob'
  | 'git/create-tree'
  | 'git/create-commit'
  | 'git/get-commit'
  | 'pulls/list'
  | 'pulls/create'
  | 'pulls/get'
  | 'pulls/update'
  | 'pulls/list-files'
  | 'issues/create-comment'
  | 'issues/list-comments'
  | 'checks/create'
  | 'checks/update'
  | 'checks/list-for-ref'
  | 'repos/create-commit-status'
  | 'repos/get-combined-status-for-ref'
  | 'rate-limit/get'
  | 'users/get-authenticated'
  | 'apps/get-authenticated'
  | 'apps/list-installations'
  | 'apps/create-installation-access-token'
  | 'apps/list-repos-accessible-to-installation'
  | TypedOperation
  | GitOperation;

/** Not in the cut description: held by the vendor's own types (`routes-typed.ts`). */
export type TypedOperation =
  | 'repos/list-for-authenticated-user'
  | 'issues/list-for-repo'
  | 'issues/list-comments-for-repo'
  | 'issues/add-labels'
  | 'actions/download-job-logs-for-workflow-run';

export type GitOperation = 'git/fetch-refs' | 'git/fetch' | 'git/push-refs' | 'git/push';

export type Does =
  | { readonly kind: 'as_asked' }
  | { readonly kind: 'nothing' }
  /** It takes effect so much later: after its client has long given up. */
  | { readonly kind: 'late'; readonly afterMs: number };

export type Says =
  | { readonly kind: 'truth' }
  /** The connection is cut. */
  | { readonly kind: 'nothing' }
  /** The connection stays open and nothing comes: the client has to give up. */
  | { readonly kind: 'hangs' }
  /** Real milliseconds, also where the forge's clock is a fake one. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Below 500 it is the forge's own no: nothing is done then, whatever `does` says. */
  | { readonly kind: 'error'; readonly status: number; readonly message: string }
  /** HTML, as a load balancer says it. */
  | { readonly kind: 'page'; readonly status: number }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'endless' }
  | { readonly kind: 'redirect'; readonly status: 301 | 302 | 307 | 308; readonly to: string }
  | { readonly kind: 'primary_limit'; readonly status: 403 | 429 }
  /** `retrySeconds` null: the header is absent, which happens. */
  | { readonly kind: 'secondary_limit'; readonly status: 403 | 429; readonly retrySeconds: number | null };

export interface Fault {
  readonly on: Operation | 'any';
  /** `owner/name`: only calls that are about this repository; without it about any. */
  readonly at?: string;
  /** So many calls go well first. */
  readonly skip?: number;
  /** Then so many do not; without it one. */
  readonly times?: number;
  readonly does?: Does;
  readonly says?: Says;
  /** The credential of the call dies with it. */
  readonly revokes?: boolean;
}

export interface Planned {
  readonly does: Does;
  readonly says: Says;
  readonly revokes: boolean;
}

export const noFault: Planned = { does: { kind: 'as_asked' }, says: { kind: 'truth' }, revokes: false };

export interface FaultPlan {
  readonly add: (...faults: readonly Fault[]) => void;
  /** What happens to this call: the first fault that is still due, or none. */
  readonly take: (operation: Operation, repository: string | null) => Planned;
  readonly clear: () => void;
  /** Faults that have not been used up. */
  readonly left: () => number;
}

export function faultPlan(): FaultPlan {
  let due: { readonly fault: Fault; skip: number; times: number }[] = [];
  return {
    add: (...faults) => due.push(...faults.map((fault) => ({ fault, skip: fault.skip ?? 0, times: fault.times ?? 1 }))),
    take: (operation, repository) => {
      for (const one of due) {
        const { on, at = repository } = one.fault;
        if (one.times === 0 || ![operation, 'any'].includes(on) || at !== repository) continue;
        if (one.skip > 0) {
          one.skip -= 1;
          continue;
        }
        one.times -= 1;
        const { does = { kind: 'as_asked' }, says = { kind: 'truth' }, revokes = false } = one.fault;
        return { does, says, revokes };
      }
      return noFault;
    },
    clear: () => {
      due = [];
    },
    left: () => due.filter(({ times }) => times > 0).length,
  };
}

/** Whether what was asked is done now. What comes late is handed to the clock. */
export function isDoneNow({ does, says }: Planned, world: World, late: () => void): boolean {
  if (says.kind === 'primary_limit' || says.kind === 'secondary_limit') return false;
  if (says.kind === 'redirect' || (says.kind === 'error' && says.status < 500)) return false;
  if (does.kind === 'late') {
    world.clock.after(does.afterMs, () => {
      if (!world.isRemoved) late();
    });
  }
  return does.kind === 'as_asked';
}
