import { z } from 'zod';
import { Need } from './spend.ts';

/** Every way a request can be carried out, from the one that costs and shows least to the one that costs most. */
export const OptionKey = z.enum([
  'questions',
  'draft',
  'smaller_scope',
  'base',
  'helper_small',
  'helper_medium',
  'helper_large',
  'second_helper',
  'external_api',
]);
export type OptionKey = z.infer<typeof OptionKey>;

const Percent = z.int().min(0).max(100);

/** One line of the plan's list: what it is, what it would cost and show, and what stands in its way. */
export const PlanOption = z.object({
  key: OptionKey,
  title: z.string(),
  placement: z.enum(['none', 'base', 'helper', 'external']),
  /** Slug of the helper's size. */
  size: z.string().nullable(),
  model: z.string().nullable(),
  /** It can be had here and now, money apart. */
  usable: z.boolean(),
  /** It is enough for what was asked. */
  adequate: z.boolean(),
  /** Why it is not usable or not adequate, or what it is good for. */
  why: z.string(),
  estimate: z.object({
    /** null: the price is not known, which is not free. */
    expectedUsd: z.number().nullable(),
    worstUsd: z.number().nullable(),
    expectedMinutes: z.number(),
    worstMinutes: z.number(),
    confidence: z.object({ percent: Percent, low: Percent, high: Percent }),
  }),
  /** What needs the owner's yes first, each with its reason in words. */
  needs: z.array(z.object({ need: Need, reason: z.string() })),
});
export type PlanOption = z.infer<typeof PlanOption>;
