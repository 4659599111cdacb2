import type { Bake, HelperView } from '#contract/lease.ts';

/** What there is of images, and what they cost as long as they are kept. */
export function imageLines({ bake, images }: Pick<HelperView, 'bake' | 'images'>): string[] {
  return [
    ...(bake === null ? [] : bakeLines(bake)),
    ...(images.length === 0 ? [] : ['Images:']),
    ...images.map(({ name, region, sizeGiB, usdPerMonth, isCurrent }) => {
      const size = sizeGiB === null ? '' : `, ${sizeGiB.toFixed(1)} GiB`;
      const cost = usdPerMonth === null ? '' : `, $${usdPerMonth.toFixed(2)} a month as long as it is kept`;
      return `  ${name}  in ${region}${size}${cost}${isCurrent ? ' (the next helper there starts from it)' : ''}`;
    }),
  ];
}

const doing = {
  building: 'a helper installs what it is to hold',
  snapshotting: 'the cloud makes a snapshot of the helper',
  probing: 'a helper is booted from it, to see that it works',
} as const;

function bakeLines({ state, name, trouble }: Bake): string[] {
  if (state === 'good') return [];
  if (state === 'failed')
    return [`The last image came to nothing, and what there was of it is deleted. ${trouble ?? ''}`];
  return [`The image ${name} is being made: ${doing[state]}.`];
}
