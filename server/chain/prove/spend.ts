/** Work on a machine that costs money: reserved before, watched while it runs, booked after (DESIGN section 7). */
import type { BudgetFile } from '#contract/budget.ts';
import type { JobId, ProposalId } from '#contract/ids.ts';
import { microsFromUsd, usdText } from '#contract/money.ts';
import type { OptionKey } from '#contract/option.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Need, ReservationId } from '#contract/spend.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Clock, PaidSandbox, Sandbox } from '../../ports.ts';
import type { Till } from '../../resources/budget/perform.ts';
import { helperMicros } from '../../resources/budget/price.ts';

export interface SpendParts {
  readonly clock: Clock;
  readonly till: Pick<Till, 'reserve' | 'post'>;
  readonly settings: () => BudgetFile;
  readonly priceOf: (slug: string) => number | null;
  readonly paid: PaidSandbox;
}

export interface HelperOrder {
  readonly jobId: JobId;
  readonly proposalId: ProposalId | null;
  readonly option: OptionKey;
  readonly size: string;
  /** What was shown as the worst that it can cost, and so the most that is reserved. */
  readonly worstUsd: number;
}

/** `no_money`: nothing was spent. `at_cap`: what was reserved is used up, and the machine is gone. `no_helper`: it failed us. */
export type SpendTrouble = { readonly kind: 'no_money' | 'at_cap' | 'no_helper'; readonly problem: Problem };

/** Before the reservation runs out: for ending the work and for the cloud to confirm that the machine is gone. */
const marginMsMax = 3 * 60_000;
const marginShare = 0.2;

/**
 * Reserves the worst that the order can cost, has a helper for as long as `use` runs, and books what it really cost. When the
 * reservation is about to run out, the work is ended and the machine given back with a margin; nothing goes on by itself.
 */
export async function spendOnHelper<T>(
  parts: SpendParts,
  order: HelperOrder,
  use: (sandbox: Sandbox, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<Result<T, SpendTrouble>> {
  const funded = fund(parts, order);
  if (!funded.ok) return no({ kind: 'no_money', problem: funded.why });
  const { id, deadlineAtMs } = funded.value;
  const forMs = deadlineAtMs - parts.clock.nowMs();
  const cap = new AbortController();
  const stopWatching = parts.clock.after(forMs - Math.min(marginMsMax, forMs * marginShare), () => cap.abort());
  const { outcome, costMicros } = await parts.paid.rent(
    { size: order.size, reservationId: id, deadlineAtMs },
    use,
    AbortSignal.any([signal, cap.signal]),
  );
  stopWatching();
  // Unknown yet: it stays pending and counts, until whoever looks after the machine knows.
  if (costMicros !== null) parts.till.post(id, costMicros);
  if (cap.signal.aborted && !signal.aborted) return no({ kind: 'at_cap', problem: stoppedAtCap(order) });
  return outcome.ok ? ok(outcome.value) : no({ kind: 'no_helper', problem: problem('helper_failed', outcome.why) });
}

function fund(
  parts: SpendParts,
  order: HelperOrder,
): Result<{ readonly id: ReservationId; readonly deadlineAtMs: number }, Problem> {
  const { helper } = parts.settings();
  const usdPerHour = parts.priceOf(order.size);
  if (usdPerHour === null) {
    return no(
      problem(
        'price_unknown',
        `The price of ${order.size} is not known, and an unknown price is not free. Type it on the budget page.`,
      ),
    );
  }
  const micros = microsFromUsd(order.worstUsd);
  const minutes = affordableMinutes({ usdPerHour }, helper, micros);
  if (minutes < 1) {
    return no(
      problem(
        'over_cap',
        `${usdText(order.worstUsd)} does not pay for one minute of ${order.size}. Look at the plan again.`,
      ),
    );
  }
  const reserved = parts.till.reserve({
    category: 'helper',
    purpose: `helper ${order.size}, at most ${minutes} minutes`,
    jobId: order.jobId,
    proposalId: order.proposalId,
    micros,
    deadlineAtMs: parts.clock.nowMs() + minutes * 60_000,
    needs: needsOf(order, helper),
  });
  return reserved.ok ? ok({ id: reserved.value.id, deadlineAtMs: reserved.value.deadlineAtMs }) : reserved;
}

/** Whole minutes that this much money lasts for, by today's price: a price that has risen since shortens the run, never the cap. */
function affordableMinutes(
  price: { readonly usdPerHour: number },
  { billing, lifetimeMinutesMax }: BudgetFile['helper'],
  micros: number,
): number {
  let minutes = lifetimeMinutesMax;
  while (minutes > 0 && helperMicros(price, billing, minutes * 60) > micros) minutes -= 1;
  return minutes;
}

/** What needs a yes for what it is; what needs one for its amount is the till's to find. */
function needsOf(order: HelperOrder, helper: BudgetFile['helper']): Need[] {
  const at = (slug: string): number => helper.sizes.findIndex((size) => size.slug === slug);
  return [
    ...(at(order.size) > at(helper.largestWithoutApproval) ? (['larger_helper'] as const) : []),
    ...(order.option === 'second_helper' ? (['second_helper'] as const) : []),
  ];
}

function stoppedAtCap({ size, worstUsd }: HelperOrder): Problem {
  return problem(
    'stopped_at_cap',
    `The helper ${size} was given back before it could cost more than the ${usdText(worstUsd)} that were set aside, and the work was not done by then. Plan and patch are kept. Go on with the same plan, take a cheaper one, or stop.`,
  );
}
