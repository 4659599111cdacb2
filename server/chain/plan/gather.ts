/** Gathers what the choice of an option is made from, and puts the choice into the plan. */
import { setUpRules, type BudgetFile } from '#contract/budget.ts';
import type { Limits } from '#contract/helper-wire.ts';
import type { JobId } from '#contract/ids.ts';
import { microsFromUsd } from '#contract/money.ts';
import type { OptionKey, PlanOption } from '#contract/option.ts';
import type { Confidence, Escalation, Plan, ProposalDocument } from '#contract/proposal.ts';
import type { PaidSandbox, Sandbox } from '../../ports.ts';
import type { Till } from '../../resources/budget/perform.ts';
import { helperMicros } from '../../resources/budget/price.ts';
import { expectedConfidence, type History } from '../proposal/confidence.ts';
import { learn } from './history.ts';
import { isSetUpInput } from '../../resources/repo/setup-inputs.ts';
import type { OptionFacts, SizeFacts } from './option-facts.ts';
import { listOptions } from './option-list.ts';
import { cheaperFirst, choose, type Choice } from './options.ts';

export interface OptionParts {
  readonly till: Pick<Till, 'now' | 'approvalFor'>;
  readonly settings: () => BudgetFile;
  /** Dollars an hour of a size, or null when nobody knows: what is reserved and billed by. */
  readonly priceOf: (slug: string) => number | null;
  readonly paid: PaidSandbox;
  readonly sandbox: Pick<Sandbox, 'inspect'>;
  readonly limits: Limits;
}

export interface Request {
  readonly jobId: JobId;
  readonly plan: Pick<Plan, 'checks' | 'policy' | 'setUp' | 'targets'>;
  /** Earlier proofs of the repository, the newest first. */
  readonly proofs: readonly Pick<ProposalDocument, 'checks' | 'proof'>[];
  readonly history: History;
  /** Look only at what costs nothing: the money that was asked for is not there. */
  readonly freeOnly: boolean;
}

const mebibyte = 1024 * 1024;
/** Without any earlier proof: a small test suite. */
const unknownMinutes = 2;
/** Without any earlier set-up of the repository: a middling list of dependencies. */
const unknownSetUpMinutes = 2;

export interface Offered {
  readonly options: readonly PlanOption[];
  /** Checks that do not fit here: what a smaller scope leaves out. */
  readonly tooHeavy: readonly string[];
}

export async function optionsFor(parts: OptionParts, request: Request): Promise<Offered> {
  const facts = await gather(parts, request);
  return { options: listOptions(facts), tooHeavy: facts.profile.tooHeavy };
}

async function gather(parts: OptionParts, request: Request): Promise<OptionFacts> {
  const { plan } = request;
  const settings = parts.settings();
  const real = plan.checks.filter(({ source }) => source !== 'built_in');
  const lesson = learn(request.proofs, real, plan.setUp?.command ?? null);
  const worstMinutes = worstMinutesOf(settings.proof.checkSecondsMax, plan) + worstSetUpMinutes(settings, plan);
  const setUpMinutes = plan.setUp === undefined ? 0 : (lesson.setUpMinutes ?? unknownSetUpMinutes);
  const profile = {
    memoryMiB: plan.policy.memoryMiB ?? null,
    checks: real.map(({ name }) => name),
    tooHeavy: lesson.tooHeavy,
    hasSetUp: plan.setUp !== undefined,
    expectedMinutes: Math.min((lesson.minutes ?? unknownMinutes) + setUpMinutes, worstMinutes),
    worstMinutes,
  };
  const report = await parts.sandbox.inspect();
  const available = parts.paid.available();
  const { hour, day } = parts.till.now();
  return {
    request: { hasPatch: true, questions: 0, isForeign: false },
    profile,
    base: {
      usable: report.usable,
      why: report.missing.join(' '),
      memoryMiB: Math.floor(parts.limits.memoryBytes / mebibyte),
    },
    helper: {
      usable: available.ok,
      why: available.ok ? '' : available.why,
      bootMinutes: parts.paid.bootMinutes(),
      sizes: pricedSizes(parts, settings, parts.paid.bootMinutes(), profile),
    },
    secondHelper: settings.policy.secondHelper,
    external: {
      usable: false,
      why: 'No external API is connected.',
      model: null,
      expectedMicros: null,
      worstMicros: null,
    },
    money: request.freeOnly
      ? { hourLeftMicros: 0, dayLeftMicros: 0 }
      : { hourLeftMicros: microsFromUsd(hour.leftUsd), dayLeftMicros: microsFromUsd(day.leftUsd) },
    approved: request.freeOnly ? null : parts.till.approvalFor(request.jobId),
    confidenceFor: (share) => expectedConfidence(request.history, real.length, share),
  };
}

/** Both sides of every check to its clock, new failures again, and the formatter. */
function worstMinutesOf(ownerSecondsMax: number, { checks, policy }: Pick<Plan, 'checks' | 'policy'>): number {
  const oneSeconds = Math.min(ownerSecondsMax, policy.checkSecondsMax ?? Infinity);
  return ((3 * checks.length + 1) * oneSeconds) / 60;
}

/** On the base's tree; and where the patch changes what it depends on, on the patched tree too, and a failure there again. */
function worstSetUpMinutes(settings: BudgetFile, { setUp, targets }: Request['plan']): number {
  if (setUp === undefined) return 0;
  const isOwn = targets.some((path) => isSetUpInput(path, setUp.inputs));
  return (setUpRules(settings).secondsMax * (isOwn ? 3 : 1)) / 60;
}

function pricedSizes(
  parts: OptionParts,
  { helper }: BudgetFile,
  bootMinutes: number,
  profile: { readonly expectedMinutes: number; readonly worstMinutes: number },
): SizeFacts[] {
  const limitAt = helper.sizes.findIndex(({ slug }) => slug === helper.largestWithoutApproval);
  return helper.sizes.map(({ slug, memoryMiB }, at) => {
    const usdPerHour = parts.priceOf(slug);
    const cost = (minutes: number): number | null =>
      usdPerHour === null
        ? null
        : helperMicros({ usdPerHour }, helper.billing, Math.min(minutes, helper.lifetimeMinutesMax) * 60);
    return {
      slug,
      memoryMiB,
      expectedMicros: cost(bootMinutes + profile.expectedMinutes),
      worstMicros: cost(reservedMinutes(bootMinutes + profile.worstMinutes, helper.lifetimeMinutesMax)),
      isLarge: at > limitAt,
    };
  });
}

/** What is reserved for a helper: its worst time and what destroying it may take, never more than its longest life. */
export function reservedMinutes(worstMinutes: number, lifetimeMinutesMax: number): number {
  return Math.min(worstMinutes + 3, lifetimeMinutesMax);
}

/** The plan with the option that is taken: the owner's own wish when it can be had at all, else the cheapest adequate one. */
export function withChoice(plan: Plan, { options, tooHeavy }: Offered, wanted: OptionKey | null): Plan {
  const choice = choose(options);
  const wish = options.find((option) => option.key === wanted && option.usable);
  const option = wish ?? choice.chosen;
  const { key, placement, model, size, estimate } = option;
  const { leftOut: _before, ...rest } = plan;
  return {
    ...rest,
    options: [...options],
    ...(key === 'smaller_scope' ? { leftOut: [...tooHeavy] } : {}),
    option: {
      key,
      placement,
      model,
      size,
      estimateUsd: estimate.expectedUsd ?? 0,
      worstUsd: estimate.worstUsd ?? 0,
      why: wish === undefined ? reasonFor(choice) : 'You chose it.',
    },
  };
}

function reasonFor({ chosen, escalation }: Choice): string {
  if (chosen.adequate) return 'The cheapest way that is enough and needs no approval.';
  const stronger = escalation === null ? '' : ` ${escalation.title} would be enough: ${needsText(escalation)}`;
  return `${chosen.why}${stronger}`;
}

function needsText({ needs }: PlanOption): string {
  return needs.map(({ reason }) => reason).join(' ');
}

/**
 * The cheapest stronger way than the one that was taken, to be shown beside the result. Undefined when there is none, or when it
 * could bring nothing: `now` is the confidence in what was shown, `then` in the same with every check passed.
 */
export function escalationOf(
  options: readonly PlanOption[],
  taken: OptionKey,
  now: Pick<Confidence, 'percent'>,
  then: Pick<Confidence, 'percent' | 'low' | 'high'>,
): Escalation | undefined {
  const done = options.find((option) => option.key === taken);
  if (done === undefined || done.adequate || then.percent <= now.percent) return undefined;
  const stronger = options.filter((option) => option.usable && option.adequate && option.key !== taken);
  const [best] = stronger.toSorted(cheaperFirst);
  if (best === undefined) return undefined;
  return {
    option: best.key,
    title: best.title,
    why: done.why,
    estimateUsd: best.estimate.expectedUsd,
    worstUsd: best.estimate.worstUsd,
    expectedMinutes: best.estimate.expectedMinutes,
    confidenceGain: `Confidence from ${now.percent} % to about ${then.percent} % (${then.low} to ${then.high} %) if every check passes`,
    needs: best.needs.map(({ need }) => need),
    reasons: best.needs.map(({ reason }) => reason),
  };
}
