import { no } from '../../lib/result.ts';
import type { PaidSandbox } from '../../ports.ts';
import { assert } from '../../lib/assert.ts';

/** No helper can be had here: `why` is the sentence that says what to add. Nothing is ever asked of it, because no plan takes it. */
export function noHelper(why: string): PaidSandbox {
  return {
    available: () => no(why),
    bootMinutes: () => 2,
    holds: () => false,
    rent: () => {
      assert(false, 'a plan never takes what is not available');
    },
  };
}
