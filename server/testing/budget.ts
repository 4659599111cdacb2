import type { BudgetFile } from '#contract/budget.ts';

/** A budget as an owner could have it: small caps, three sizes, every policy at its careful setting. */
export const testBudget: BudgetFile = {
  caps: { hourUsd: 0.25, dayUsd: 1 },
  timeZone: 'UTC',
  proof: { checkSecondsMax: 600 },
  helper: {
    sizes: [
      { slug: 's-1vcpu-2gb', memoryMiB: 2048, cpus: 1, usdPerHour: 0.018 },
      { slug: 's-2vcpu-4gb', memoryMiB: 4096, cpus: 2, usdPerHour: 0.036 },
      { slug: 's-4vcpu-8gb', memoryMiB: 8192, cpus: 4, usdPerHour: 0.072 },
    ],
    pricedOn: '2026-11-20',
    billing: { stepSeconds: 1, minimumSeconds: 60, minimumUsd: 0.01 },
    largestWithoutApproval: 's-2vcpu-4gb',
    regions: ['fra1', 'nyc3'],
    image: 'debian-13-x64',
    lifetimeMinutesMax: 60,
  },
  models: { prices: [] },
  policy: { externalApi: 'ask', secondHelper: 'ask', askPinAboveUsd: 0.25, approvalMinutes: 30 },
};
