/**
 * Every way to carry a request out, with what it would cost and show and what stands in its way. Pure: the money left, the
 * prices and the history come in as facts.
 */
import { usdFromMicros, usdText } from '#contract/money.ts';
import type { OptionKey, PlanOption } from '#contract/option.ts';
import type { Need } from '#contract/spend.ts';
import { setUpName } from '#contract/check.ts';
import type { OptionFacts, SizeFacts } from './option-facts.ts';

/** All options in the order of the ladder, the strongest first. Each is there whether or not it can be had, with the reason. */
export function listOptions(facts: OptionFacts): PlanOption[] {
  const [small, medium, large] = facts.helper.sizes;
  return [
    external(facts),
    secondHelper(facts, medium ?? small),
    helper(facts, 'helper_large', largest(facts) ?? large),
    helper(facts, 'helper_medium', medium),
    helper(facts, 'helper_small', small),
    base(facts),
    smallerScope(facts),
    draft(facts),
    questions(facts),
  ];
}

/** What stands between an option and its money: caps, kinds of spend that are asked for each time, a price nobody knows. */
function needsOf(
  facts: OptionFacts,
  worstMicros: number | null,
  asked: readonly { readonly need: Need; readonly reason: string }[],
): PlanOption['needs'] {
  const needs: PlanOption['needs'] = [...asked];
  if (worstMicros === null) {
    needs.push({ need: 'unknown_price', reason: 'Its price is not known, and an unknown price is not free.' });
  } else {
    const { hourLeftMicros, dayLeftMicros } = facts.money;
    const over = (left: number): string => usdText(usdFromMicros(worstMicros - left));
    if (worstMicros > hourLeftMicros)
      needs.push({ need: 'over_hour_cap', reason: `It may go past this hour's cap by ${over(hourLeftMicros)}.` });
    if (worstMicros > dayLeftMicros)
      needs.push({ need: 'over_day_cap', reason: `It may go past today's cap by ${over(dayLeftMicros)}.` });
  }
  const { approved } = facts;
  if (approved === null || worstMicros === null || worstMicros > approved.micros) return needs;
  // One approval covers all of it or nothing: half a yes is no yes.
  return needs.every(({ need }) => approved.needs.includes(need)) ? [] : needs;
}

const nothing = { size: null, model: null, needs: [] };
const free = { expectedUsd: 0, worstUsd: 0 };

function usd(micros: number | null): number | null {
  return micros === null ? null : usdFromMicros(micros);
}

function questions(facts: OptionFacts): PlanOption {
  const { questions: asked } = facts.request;
  return {
    key: 'questions',
    title: 'Ask questions first',
    placement: 'none',
    ...nothing,
    usable: asked > 0,
    adequate: false,
    why: asked > 0 ? `${asked} things have to be known before a change can be made.` : 'Nothing has to be asked.',
    estimate: { ...free, expectedMinutes: 0, worstMinutes: 0, confidence: facts.confidenceFor(null) },
  };
}

function draft(facts: OptionFacts): PlanOption {
  return {
    key: 'draft',
    title: 'Draft: apply the patch, prove nothing',
    placement: 'none',
    ...nothing,
    usable: facts.request.hasPatch,
    adequate: false,
    why: facts.request.hasPatch
      ? `The exact diff without any check${facts.profile.hasSetUp ? ', and nothing is installed' : ''}: it can be read, and GO stays shut.`
      : 'There is no patch yet that could be shown.',
    estimate: { ...free, expectedMinutes: 0, worstMinutes: 1, confidence: facts.confidenceFor(null) },
  };
}

/** Why the sandbox here is not enough, or null when it is. */
function baseLacks({ base: { memoryMiB }, profile, request }: OptionFacts): string | null {
  if (!request.hasPatch) return 'A model has to write this change, and none runs on the control plane.';
  if (request.isForeign)
    return 'The change came from strangers, and this sandbox shares its kernel with the secrets here.';
  if (profile.memoryMiB !== null && profile.memoryMiB > memoryMiB)
    return `The checks need ${profile.memoryMiB} MiB, and a check gets ${memoryMiB} MiB here.`;
  if (profile.tooHeavy.length > 0)
    return `A limit of this machine ended ${profile.tooHeavy.map((name) => `"${name}"`).join(', ')} the last time.`;
  return null;
}

function base(facts: OptionFacts): PlanOption {
  const { profile, request } = facts;
  const lacks = baseLacks(facts);
  const share = shareOf(profile);
  // Running a stranger's code here is never offered as the lower step either.
  const usable = facts.base.usable && request.hasPatch && !request.isForeign;
  return {
    key: 'base',
    title: 'Prove it in the sandbox here',
    placement: 'base',
    ...nothing,
    usable,
    adequate: usable && lacks === null,
    why: facts.base.usable ? (lacks ?? 'Costs nothing and is enough for these checks.') : facts.base.why,
    estimate: {
      ...free,
      expectedMinutes: profile.expectedMinutes,
      worstMinutes: profile.worstMinutes,
      confidence: facts.confidenceFor(share),
    },
  };
}

/** Of the checks, those that can show something here: none when what they need cannot be installed. */
function shareOf({ checks, tooHeavy }: OptionFacts['profile']): number {
  if (checks.length === 0 || tooHeavy.includes(setUpName)) return 0;
  return checks.filter((name) => !tooHeavy.includes(name)).length / checks.length;
}

function smallerScope(facts: OptionFacts): PlanOption {
  const { profile, request } = facts;
  const left = profile.checks.filter((name) => !profile.tooHeavy.includes(name));
  const usable =
    facts.base.usable && request.hasPatch && !request.isForeign && profile.tooHeavy.length > 0 && left.length > 0;
  const share = shareOf(profile);
  const why = profile.tooHeavy.includes(setUpName)
    ? 'Leaves out installing the dependencies, which does not fit here, and says so: a check that needs them shows nothing.'
    : 'Leaves out what does not fit here, and says so.';
  return {
    key: 'smaller_scope',
    title: `Prove it here without ${profile.tooHeavy.map((name) => `"${name}"`).join(', ') || 'the heavy checks'}`,
    placement: 'base',
    ...nothing,
    usable,
    adequate: false,
    why: usable ? why : 'There is nothing to leave out, or nothing would be left.',
    estimate: {
      ...free,
      expectedMinutes: profile.expectedMinutes * share,
      worstMinutes: profile.worstMinutes,
      confidence: facts.confidenceFor(share),
    },
  };
}

/** The smallest of the larger sizes that is enough, or the largest there is. */
function largest({ helper: { sizes }, profile }: OptionFacts): SizeFacts | undefined {
  const larger = sizes.slice(2);
  return larger.find(({ memoryMiB }) => memoryMiB >= needed(profile)) ?? larger.at(-1);
}

/** What the system of a helper itself takes, and what is kept free on it, so that a check does not meet the limit again. */
const helperOwnMiB = 512;

function needed(profile: OptionFacts['profile']): number {
  return (profile.memoryMiB ?? 0) + helperOwnMiB;
}

function helper(facts: OptionFacts, key: OptionKey, size: SizeFacts | undefined): PlanOption {
  const { profile, request } = facts;
  const fits = size !== undefined && size.memoryMiB >= needed(profile);
  // A machine that has less than the sandbox here would be paid for to fail in the same way.
  const isMore = size !== undefined && size.memoryMiB - helperOwnMiB > facts.base.memoryMiB;
  const usable = facts.helper.usable && size !== undefined && request.hasPatch && (isMore || fits);
  const name = size === undefined ? 'a helper' : `helper ${size.slug}`;
  const why = !facts.helper.usable
    ? facts.helper.why
    : size === undefined
      ? 'budget.json lists no such size.'
      : !request.hasPatch
        ? 'A model has to write this change first.'
        : fits
          ? `Has ${size.memoryMiB} MiB of its own and shares nothing with this machine.`
          : `Has ${size.memoryMiB} MiB, and the checks need ${needed(profile)}.`;
  return {
    key,
    title: `Prove it on ${name}`,
    placement: 'helper',
    size: size?.slug ?? null,
    model: null,
    usable,
    adequate: usable && fits,
    why,
    estimate: {
      expectedUsd: usd(size?.expectedMicros ?? null),
      worstUsd: usd(size?.worstMicros ?? null),
      expectedMinutes: facts.helper.bootMinutes + profile.expectedMinutes,
      worstMinutes: facts.helper.bootMinutes + profile.worstMinutes,
      confidence: facts.confidenceFor(profile.checks.length === 0 ? 0 : 1),
    },
    needs: needsOf(
      facts,
      size?.worstMicros ?? null,
      size?.isLarge === true
        ? [{ need: 'larger_helper', reason: `${size.slug} is larger than policy allows without your yes.` }]
        : [],
    ),
  };
}

/** Before and after side by side: twice the machines for half the time. */
function secondHelper(facts: OptionFacts, size: SizeFacts | undefined): PlanOption {
  const one = helper(facts, 'second_helper', size);
  const twice = (micros: number | null | undefined): number | null =>
    micros === null || micros === undefined ? null : micros * 2;
  const asked = [{ need: 'second_helper' as const, reason: 'More than one helper is used only with your yes.' }];
  const large = one.needs.filter(({ need }) => need === 'larger_helper');
  const isOffered = facts.secondHelper === 'ask';
  return {
    ...one,
    title: `Prove it on two helpers at once${size === undefined ? '' : ` (${size.slug})`}`,
    usable: one.usable && isOffered,
    adequate: one.adequate && isOffered,
    why: isOffered ? one.why : 'budget.json says never.',
    estimate: {
      ...one.estimate,
      expectedUsd: usd(twice(size?.expectedMicros)),
      worstUsd: usd(twice(size?.worstMicros)),
      expectedMinutes: facts.helper.bootMinutes + facts.profile.expectedMinutes / 2,
    },
    needs: needsOf(facts, twice(size?.worstMicros), [...asked, ...large]),
  };
}

function external(facts: OptionFacts): PlanOption {
  const { external: api, request, profile } = facts;
  return {
    key: 'external_api',
    title: `Have ${api.model ?? 'an external model'} write it`,
    placement: 'external',
    size: null,
    model: api.model,
    usable: api.usable && !request.hasPatch,
    adequate: api.usable && !request.hasPatch,
    why: api.usable
      ? request.hasPatch
        ? 'The change is here already: no model is needed.'
        : 'Writes the change; it is proved as any other.'
      : api.why,
    estimate: {
      expectedUsd: usd(api.expectedMicros),
      worstUsd: usd(api.worstMicros),
      expectedMinutes: 2 + profile.expectedMinutes,
      worstMinutes: 10 + profile.worstMinutes,
      confidence: facts.confidenceFor(profile.checks.length === 0 ? 0 : 1),
    },
    needs: needsOf(facts, api.worstMicros, [
      { need: 'external_api', reason: 'An external API call is made only with your yes, each time.' },
    ]),
  };
}
