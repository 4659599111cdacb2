import { Budget, PriceTable } from '#contract/budget.ts';
import { Job } from '#contract/job.ts';
import { usdText } from '#contract/money.ts';
import type { Proposal } from '#contract/proposal.ts';
import { jobOutcome, waitForJob } from './outcomes.ts';
import { budgetText, plain } from './print.ts';
import { done, refusedWith, usageError, type Command, type Outcome, type Run } from './run.ts';

/** The amount after --approve-extra-spend; null when there is none, and a sentence when it is no amount. */
export function extraSpend({ options }: Run): { readonly usd: number | null } | string {
  const written = options['approve-extra-spend'];
  if (written === undefined) return { usd: null };
  const usd = Number(written);
  return written.trim() !== '' && Number.isFinite(usd) && usd > 0
    ? { usd }
    : '--approve-extra-spend takes an amount in USD, more than 0: the most that the run may cost';
}

export const budget: Command = async ({ client, positionals }) => {
  if (positionals.length > 0)
    return usageError('budget takes no words: see "budget export", "budget prices", "budget price"');
  const answer = await client.get('/api/budget');
  if (!answer.ok) return refusedWith(answer.why);
  const value = Budget.parse(answer.value);
  return done(value, budgetText(value));
};

/** Every reservation as CSV on standard output. */
export const budgetExport: Command = async ({ client }) => {
  const streamed = await client.stream('/api/budget/export', process.stdout);
  return streamed.ok ? { kind: 'silent' } : refusedWith(streamed.why);
};

export const budgetPrices: Command = async ({ client }) => {
  const answer = await client.get('/api/budget/prices');
  return answer.ok ? priceOutcome(PriceTable.parse(answer.value)) : refusedWith(answer.why);
};

/** The owner types the price of a helper size that is not known. */
export const budgetPrice: Command = async ({ client, positionals }) => {
  const [slug, written] = positionals;
  const usdPerHour = Number(written);
  if (slug === undefined || written === undefined || !(usdPerHour > 0))
    return usageError('budget price needs SIZE USD_PER_HOUR, for example: budget price s-1vcpu-2gb 0.01786');
  const answer = await client.send('POST', '/api/budget/prices', { kind: 'size', slug, usdPerHour });
  return answer.ok ? priceOutcome(PriceTable.parse(answer.value)) : refusedWith(answer.why);
};

function priceOutcome(table: PriceTable): Outcome {
  const lines = [
    ...table.sizes.map(
      (size) =>
        `${size.slug.padEnd(24)} ${String(size.memoryMiB).padStart(6)} MiB  $${size.usdPerHour.toFixed(5)}/h  ${size.source}, ${size.pricedOn}${size.needsApproval ? '  needs approval' : ''}`,
    ),
    ...table.models.map(
      (model) =>
        `${model.model.padEnd(44)} in ${usdText(model.inputUsd)}  out ${usdText(model.outputUsd)} per million  ${model.source}, ${model.pricedOn}${model.old ? '  OLD' : ''}`,
    ),
  ];
  return done(table, plain(lines.join('\n')));
}

export const withdraw: Command = async ({ client, positionals }) => {
  const [id] = positionals;
  if (id === undefined)
    return usageError('approval withdraw needs the id of an approval, as "patchgit budget" prints it');
  const answer = await client.send('DELETE', `/api/approvals/${encodeURIComponent(id)}`);
  if (!answer.ok) return refusedWith(answer.why);
  const value = Budget.parse(answer.value);
  return done(value, 'The approval is withdrawn. Nothing was spent under it.');
};

/** Goes on with a job that was stopped at the cap. */
export const continueJob: Command = async (run) => {
  const [id] = run.positionals;
  const { plan } = run.options;
  const extra = extraSpend(run);
  if (typeof extra === 'string') return usageError(extra);
  if (id === undefined || (plan !== 'same' && plan !== 'cheaper'))
    return usageError('continue needs the job and --plan same or --plan cheaper');
  const approve = extra.usd === null ? {} : { approve: { id: run.newId(), usd: extra.usd } };
  const asked = await run.client.send('POST', `/api/jobs/${encodeURIComponent(id)}/continue`, { plan, ...approve });
  if (!asked.ok) return refusedWith(asked.why);
  const ended = await waitForJob(run, id);
  return ended.ok ? await jobOutcome(run, ended.value) : refusedWith(ended.why);
};

/**
 * `go --approve-extra-spend`: what a proposal offers for money is done first, and shown as a proposal of its own, because GO
 * only ever acts on what was seen. Null when it offers nothing: then GO is GO.
 */
export async function escalated(
  run: Run,
  { document }: Proposal,
  digest: string,
  usd: number,
): Promise<Outcome | null> {
  if (document.escalation === undefined) return null;
  const approve = { id: run.newId(), usd };
  const asked = await run.client.send('POST', `/api/proposals/${document.id}/escalate`, { digest, approve });
  if (!asked.ok) return refusedWith(asked.why);
  const ended = await waitForJob(run, Job.parse(asked.value).id);
  if (!ended.ok) return refusedWith(ended.why);
  const shown = await jobOutcome(run, ended.value);
  if (shown.kind !== 'done' || shown.failed === true) return shown;
  const why = `Up to ${usdText(usd)} was approved and the stronger proof is below. Nothing is published yet: GO on its own digest.`;
  const text = `${why}\n\n${shown.text}`;
  // GO was asked for and has not happened, which is no success.
  return { ...shown, text, json: { published: false, note: why, proposal: shown.json }, failed: true };
}
