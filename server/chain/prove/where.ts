/** Where a proof runs: nowhere (a Draft), in the sandbox here, or on a helper that is paid for. */
import type { Problem } from '#contract/problem.ts';
import { Sha256 } from '#contract/ids.ts';
import type { Plan } from '#contract/proposal.ts';
import { assert } from '../../lib/assert.ts';
import type { Result } from '../../lib/result.ts';
import type { Sandbox } from '../../ports.ts';
import type { JobRow } from '../job/store.ts';
import type { Proved } from './perform.ts';
import { spendOnHelper, type SpendParts } from './spend.ts';

export type Outcome =
  | { readonly kind: 'proved'; readonly proved: Proved }
  | { readonly kind: 'problem'; readonly problem: Problem }
  /** The money that was set aside is used up, or the owner's own choice cannot be paid: the owner says how it goes on. */
  | { readonly kind: 'stopped'; readonly problem: Problem }
  /** The plan's own choice cannot be had: one step down the ladder. */
  | { readonly kind: 'no_helper'; readonly problem: Problem };

type Prove = (sandbox: Sandbox, signal: AbortSignal) => Promise<Result<Proved, Problem>>;

export async function proveWhere(
  parts: SpendParts & { readonly sandbox: Sandbox },
  job: Pick<JobRow, 'id' | 'wantedOption'>,
  { option }: Pick<Plan, 'option'>,
  signal: AbortSignal,
  prove: Prove,
): Promise<Outcome> {
  if (option.placement === 'none') return { kind: 'proved', proved: await draft(parts.sandbox) };
  if (option.placement !== 'helper') return outcomeOf(await prove(parts.sandbox, signal));
  const { key, size, worstUsd } = option;
  assert(key !== undefined && size && worstUsd !== undefined, 'an option on a helper has a size and a price');
  const order = { jobId: job.id, proposalId: null, option: key, size, worstUsd };
  const spent = await spendOnHelper(parts, order, prove, signal);
  if (spent.ok) return outcomeOf(spent.value);
  const { kind, problem } = spent.why;
  if (kind === 'at_cap') return { kind: 'stopped', problem };
  // What the owner asked for by name is not quietly replaced by something else.
  return kind === 'no_money' && job.wantedOption === key
    ? { kind: 'stopped', problem }
    : { kind: 'no_helper', problem };
}

function outcomeOf(proved: Result<Proved, Problem>): Outcome {
  return proved.ok ? { kind: 'proved', proved: proved.value } : { kind: 'problem', problem: proved.why };
}

/** Nothing ran: the exact diff, and the honest sentence. */
async function draft(sandbox: Sandbox): Promise<Proved> {
  const { helperSha256 } = await sandbox.inspect();
  return {
    checks: [],
    proof: {
      failingBefore: 0,
      failingAfter: 0,
      newFailures: 0,
      placement: 'none',
      helperSha256: Sha256.parse(helperSha256),
      limits: 'nothing ran',
      formatter: null,
      notProved: ['This is a Draft: no check ran, neither before nor after.'],
    },
  };
}
