import type { Publication } from '#contract/proposal.ts';

export type PublicationStep = Publication['step'];

/** How far a publication got, in order. Each step can be repeated: it finds what an earlier try has done. */
export const publicationSteps = {
  decided: { next: 'committed', outward: false },
  committed: { next: 'pushed', outward: false },
  pushed: { next: 'opened', outward: true },
  opened: { next: 'closed', outward: true },
  closed: { next: 'undone', outward: true },
  undone: { next: null, outward: true },
} as const satisfies Record<PublicationStep, { next: PublicationStep | null; outward: boolean }>;
