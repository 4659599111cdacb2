import { describe, expect, it } from 'vitest';
import { OptionKey, PlanOption } from '#contract/option.ts';
import type { Need } from '#contract/spend.ts';
import type { OptionFacts } from './option-facts.ts';
import { listOptions } from './option-list.ts';
import { choose, ladder } from './options.ts';

const sizes = [
  { slug: 's-1vcpu-2gb', memoryMiB: 2048, expectedMicros: 10_000, worstMicros: 15_000, isLarge: false },
  { slug: 's-2vcpu-4gb', memoryMiB: 4096, expectedMicros: 20_000, worstMicros: 30_000, isLarge: false },
  { slug: 's-4vcpu-8gb', memoryMiB: 8192, expectedMicros: 40_000, worstMicros: 60_000, isLarge: true },
];
const usual: OptionFacts = {
  request: { hasPatch: true, questions: 0, isForeign: false },
  profile: {
    memoryMiB: null,
    checks: ['test', 'lint'],
    hasSetUp: false,
    tooHeavy: [],
    expectedMinutes: 2,
    worstMinutes: 20,
  },
  base: { usable: true, why: 'no bubblewrap', memoryMiB: 307 },
  helper: { usable: true, why: 'no token', bootMinutes: 1, sizes },
  secondHelper: 'ask',
  external: { usable: false, why: 'no key', model: null, expectedMicros: null, worstMicros: null },
  money: { hourLeftMicros: 250_000, dayLeftMicros: 1_000_000 },
  approved: null,
  confidenceFor: (share) => {
    const percent = share === null ? 50 : 60 + Math.round(share * 30);
    return { percent, low: percent - 10, high: percent + 10 };
  },
};
const taken = (facts: OptionFacts): string => choose(listOptions(facts)).chosen.key;
const beside = (facts: OptionFacts): string | null => choose(listOptions(facts)).escalation?.key ?? null;
const option = (facts: OptionFacts, key: OptionKey): PlanOption => {
  const found = listOptions(facts).find((one) => one.key === key);
  if (!found) throw new Error(`there is no option ${key}`);
  return found;
};

/** Every value of each fact that a rule looks at, in every combination. */
function* everything(): Generator<OptionFacts> {
  const [yes, no] = [true, false];
  for (const hasPatch of [yes, no])
    for (const questions of [0, 2])
      for (const isForeign of [yes, no])
        for (const memoryMiB of [null, 200, 1500, 3000, 7000, 20_000])
          for (const tooHeavy of [[], ['test'], ['test', 'lint']])
            for (const baseUsable of [yes, no])
              for (const helperUsable of [yes, no])
                for (const priced of [yes, no])
                  for (const secondHelper of ['ask', 'never'] as const)
                    for (const externalUsable of [yes, no])
                      for (const hourLeftMicros of [0, 20_000, 250_000])
                        for (const approved of [
                          null,
                          { micros: 40_000, needs: ['over_hour_cap', 'larger_helper'] as Need[] },
                        ])
                          yield {
                            ...usual,
                            request: { hasPatch, questions, isForeign },
                            profile: { ...usual.profile, memoryMiB, tooHeavy },
                            base: { ...usual.base, usable: baseUsable },
                            helper: {
                              ...usual.helper,
                              usable: helperUsable,
                              sizes: priced
                                ? sizes
                                : sizes.map((size) => ({ ...size, expectedMicros: null, worstMicros: null })),
                            },
                            secondHelper,
                            external: {
                              usable: externalUsable,
                              why: 'no key',
                              model: externalUsable ? 'vendor/model' : null,
                              expectedMicros: priced ? 5_000 : null,
                              worstMicros: priced ? 9_000 : null,
                            },
                            money: { ...usual.money, hourLeftMicros },
                            approved,
                          };
}

describe('the choice among the options', () => {
  it('never takes what needs a yes or cannot be had, and takes the cheapest that is enough, for every combination of facts', () => {
    let combinations = 0;
    for (const facts of everything()) {
      combinations += 1;
      const options = listOptions(facts);
      const { chosen, escalation } = choose(options);
      expect(options.map(({ key }) => key)).toEqual(ladder);
      expect(chosen.needs).toEqual([]);
      const enough = options.filter((one) => one.usable && one.adequate);
      const free = enough.filter((one) => one.needs.length === 0);
      if (free.length > 0) {
        expect(chosen.adequate && chosen.usable).toBe(true);
        expect(chosen.estimate.worstUsd).toBe(Math.min(...free.map((one) => one.estimate.worstUsd ?? Infinity)));
        expect(escalation).toBeNull();
      } else {
        expect(chosen.adequate).toBe(false);
        expect(escalation === null).toBe(enough.length === 0);
        // The Draft of nothing is what is left when there is neither a patch nor a question.
        if (!chosen.usable)
          expect([chosen.key, facts.request.hasPatch, facts.request.questions]).toEqual(['draft', false, 0]);
        if (escalation) expect(ladder.indexOf(escalation.key)).toBeLessThan(ladder.indexOf(chosen.key));
      }
    }
    expect(combinations).toBe(2 * 2 * 2 * 6 * 3 * 2 * 2 * 2 * 2 * 2 * 3 * 2);
  });

  it('never spends without a price, past a cap, on a larger helper, a second one or an API, for every combination of facts', () => {
    for (const facts of everything()) {
      const { chosen } = choose(listOptions(facts));
      const { worstUsd } = chosen.estimate;
      expect(worstUsd).not.toBeNull();
      const approvedUsd = (facts.approved?.micros ?? 0) / 1e6;
      const leftUsd = Math.min(facts.money.hourLeftMicros, facts.money.dayLeftMicros) / 1e6;
      expect(worstUsd ?? 0).toBeLessThanOrEqual(Math.max(leftUsd, approvedUsd));
      expect(['second_helper', 'external_api']).not.toContain(chosen.key);
      if (chosen.key === 'helper_large') expect(facts.approved).not.toBeNull();
      if (facts.request.isForeign) expect(['base', 'smaller_scope']).not.toContain(chosen.key);
    }
  });

  it('can each be read by the contract', () => {
    for (const one of listOptions(usual)) expect(PlanOption.parse(one)).toEqual(one);
    expect([...ladder].toSorted()).toEqual([...OptionKey.options].toSorted());
  });
});

describe('the ladder', () => {
  const profile = (memoryMiB: number | null, tooHeavy: string[] = []) => ({ ...usual.profile, memoryMiB, tooHeavy });
  const poor = { hourLeftMicros: 0, dayLeftMicros: 0 };

  it.each<[string, Partial<OptionFacts>, string, string | null]>([
    ['proves a small patch here, for nothing', {}, 'base', null],
    ['takes the smallest helper that is enough', { profile: profile(1500) }, 'helper_small', null],
    ['takes a larger one when the checks need it', { profile: profile(3000) }, 'helper_medium', null],
    [
      'takes no larger one than policy allows, but the largest it may',
      { profile: profile(7000) },
      'helper_medium',
      'helper_large',
    ],
    ['steps down to the sandbox here without money', { profile: profile(1500), money: poor }, 'base', 'helper_small'],
    ['goes to a helper when a limit here ended a check', { profile: profile(null, ['test']) }, 'helper_small', null],
    [
      'stays here when a limit ended a check and no helper can be had',
      { profile: profile(null, ['test']), helper: { ...usual.helper, usable: false } },
      'base',
      null,
    ],
    [
      'leaves out what is too heavy when the sandbox itself is all there is and stops at the Draft without one',
      { base: { ...usual.base, usable: false }, helper: { ...usual.helper, usable: false } },
      'draft',
      null,
    ],
    [
      'proves what came from strangers on a helper',
      { request: { ...usual.request, isForeign: true } },
      'helper_small',
      null,
    ],
    [
      'leaves what came from strangers a Draft without money',
      { request: { ...usual.request, isForeign: true }, money: poor },
      'draft',
      'helper_small',
    ],
    [
      'asks first when something has to be known',
      { request: { hasPatch: false, questions: 3, isForeign: false } },
      'questions',
      null,
    ],
  ])('%s', (_what, facts, chosen, escalation) => {
    expect([taken({ ...usual, ...facts }), beside({ ...usual, ...facts })]).toEqual([chosen, escalation]);
  });

  it('takes a helper when installing the dependencies does not fit here, and says what the cheaper ways leave out', () => {
    const facts = { ...usual, profile: { ...profile(null, ['set-up']), hasSetUp: true } };
    expect(taken(facts)).toBe('helper_small');
    expect(option(facts, 'smaller_scope')).toMatchObject({
      usable: true,
      title: 'Prove it here without "set-up"',
      why: expect.stringMatching(/^Leaves out installing the dependencies/),
    });
    expect(option(facts, 'draft').why).toMatch(/and nothing is installed/);
    const percent = (key: OptionKey): number => option(facts, key).estimate.confidence.percent;
    expect(percent('smaller_scope')).toBeLessThan(percent('helper_small'));
    expect(option(usual, 'draft').why).not.toMatch(/installed/);
  });

  it('says why: the cap, the size, the price that is not known', () => {
    const needs = (facts: OptionFacts, key: OptionKey) => option(facts, key).needs.map(({ need }) => need);
    expect(needs({ ...usual, money: poor }, 'helper_small')).toEqual(['over_hour_cap', 'over_day_cap']);
    expect(needs(usual, 'helper_large')).toEqual(['larger_helper']);
    expect(needs(usual, 'second_helper')).toEqual(['second_helper']);
    const unpriced = { ...usual.helper, sizes: sizes.map((size) => ({ ...size, worstMicros: null })) };
    expect(needs({ ...usual, helper: unpriced }, 'helper_small')).toEqual(['unknown_price']);
    expect(option({ ...usual, money: poor }, 'helper_small').needs[0]?.reason).toBe(
      "It may go past this hour's cap by $0.01.",
    );
  });

  it('counts an approval whole: one that is too small or for something else changes nothing', () => {
    const short = { ...usual, profile: profile(1500), money: poor };
    const both: Need[] = ['over_hour_cap', 'over_day_cap'];
    expect(taken({ ...short, approved: { micros: 15_000, needs: both } })).toBe('helper_small');
    expect(taken({ ...short, approved: { micros: 14_999, needs: both } })).toBe('base');
    expect(taken({ ...short, approved: { micros: 15_000, needs: ['over_hour_cap'] } })).toBe('base');
    // Whatever was approved, an unknown price is none.
    const unpriced = { ...usual.helper, sizes: sizes.map((size) => ({ ...size, worstMicros: null })) };
    const blank = { micros: 1_000_000, needs: [...both, 'unknown_price' as const] };
    expect(taken({ ...short, helper: unpriced, approved: blank })).toBe('base');
  });

  it('expects more of a proof than of a part of it, and more of a part than of a Draft', () => {
    const facts = { ...usual, profile: profile(null, ['test']) };
    const percent = (key: OptionKey) => option(facts, key).estimate.confidence.percent;
    expect(percent('helper_small')).toBeGreaterThan(percent('smaller_scope'));
    expect(percent('smaller_scope')).toBeGreaterThan(percent('draft'));
  });
});
