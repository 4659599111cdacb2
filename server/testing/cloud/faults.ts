/**
 * What can go wrong with one call, in two halves that are free of each other: what the cloud really does with the order, and what
 * the client gets to hear of it.
 */

export type Operation =
  | 'account'
  | 'action'
  | 'act'
  | 'create'
  | 'destroy'
  | 'destroy_by_tag'
  | 'find'
  | 'firewall_create'
  | 'firewall_delete'
  | 'firewall_update'
  | 'firewalls'
  | 'image'
  | 'images'
  | 'key_create'
  | 'key_delete'
  | 'keys'
  | 'list'
  | 'regions'
  | 'sizes'
  | 'snapshot_delete'
  | 'snapshots'
  | 'tag_create'
  | 'tags';

export type Does =
  | { readonly kind: 'as_asked' }
  /** Nothing, although the answer may say so: an accepted create that never comes, a destroy that does not take. */
  | { readonly kind: 'nothing' }
  /** Create: the machine lands so much later. Destroy: it goes so much later. */
  | { readonly kind: 'late'; readonly afterMs: number }
  /** Create: two machines of the same name. */
  | { readonly kind: 'twice' }
  /** Create: it is there, and gone again by itself, with 404 from then on. */
  | { readonly kind: 'placement_fails'; readonly afterMs: number }
  /** Create: it stays `new` for so long; null is for ever. */
  | { readonly kind: 'stays_new'; readonly forMs: number | null }
  /** Create: active, with this much of an address. */
  | { readonly kind: 'no_address'; readonly but: 'nothing' | 'private' }
  /** Act: the action is taken on and ends `errored`. */
  | { readonly kind: 'errors' };

export type Says =
  | { readonly kind: 'truth' }
  /** The connection is cut. */
  | { readonly kind: 'nothing' }
  /** The connection stays open and nothing comes: the client has to give up. */
  | { readonly kind: 'hangs' }
  /** Real milliseconds, also where the cloud's clock is a fake one. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** One byte each so many real milliseconds: never silent, never done. */
  | { readonly kind: 'drips'; readonly everyMs: number }
  /** Below 500 it is the cloud's own no: nothing is done then, whatever `does` says. */
  | { readonly kind: 'error'; readonly status: number; readonly id: string; readonly message: string }
  | { readonly kind: 'page'; readonly status: number }
  | { readonly kind: 'empty'; readonly status: number }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'wrong_type' }
  | { readonly kind: 'endless' }
  | { readonly kind: 'redirect'; readonly status: 301 | 302 | 307 | 308; readonly to: string }
  | { readonly kind: 'rate_limited'; readonly by: 'minute' | 'hour' | 'nobody'; readonly seconds: number }
  /** Create: the answer is about a machine of this name. */
  | { readonly kind: 'other_name'; readonly name: string }
  /** Lists: the link to the next page leads there. */
  | { readonly kind: 'next'; readonly url: string }
  /** Lists: `meta.total` is off by so many, or rows are left out, or the first is named twice. */
  | { readonly kind: 'total'; readonly offBy: number }
  | { readonly kind: 'rows_missing'; readonly count: number }
  | { readonly kind: 'row_twice' }
  /** Sizes: what stands for each price. */
  | { readonly kind: 'prices'; readonly as: 'zero' | 'absent' | 'text' };

export interface Fault {
  readonly on: Operation | 'any';
  /** So many calls go well first. */
  readonly skip?: number;
  /** Then so many do not; without it one. */
  readonly times?: number;
  readonly does?: Does;
  readonly says?: Says;
}

export interface FaultPlan {
  readonly add: (...faults: readonly Fault[]) => void;
  /** What happens to this call: the first fault that is still due, or none. */
  readonly take: (operation: Operation) => { readonly does: Does; readonly says: Says };
  readonly clear: () => void;
  /** Faults that have not been used up. */
  readonly left: () => number;
}

export function faultPlan(): FaultPlan {
  let due: { fault: Fault; skip: number; times: number }[] = [];
  return {
    add: (...faults) => due.push(...faults.map((fault) => ({ fault, skip: fault.skip ?? 0, times: fault.times ?? 1 }))),
    take: (operation) => {
      const found = due.find((one) => {
        if (one.times === 0 || (one.fault.on !== 'any' && one.fault.on !== operation)) return false;
        if (one.skip === 0) return true;
        one.skip -= 1;
        return false;
      });
      if (found) found.times -= 1;
      return { does: found?.fault.does ?? { kind: 'as_asked' }, says: found?.fault.says ?? { kind: 'truth' } };
    },
    clear: () => {
      due = [];
    },
    left: () => due.filter(({ times }) => times > 0).length,
  };
}
