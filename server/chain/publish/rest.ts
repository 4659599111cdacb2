import type { Problem } from '#contract/problem.ts';
import type { Freshness, Proposal, ProposalDocument } from '#contract/proposal.ts';
import type { Clock, Forge, Git, Log, Random } from '../../ports.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import type { Database } from '../../record/db/open.ts';
import type { Mirrors } from '../../resources/repo/mirror.ts';
import type { Proposals } from '../proposal/store.ts';
import type { Publications } from './store.ts';

export interface PublishParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly git: Git;
  readonly forge: Forge;
  readonly artifacts: Artifacts;
  readonly mirrors: Mirrors;
  readonly proposals: Proposals;
  readonly publications: Publications;
  readonly quarantineFolder: string;
  readonly random: Random;
  readonly log: Log;
  /** A pull request is there: what becomes of it can be looked for. */
  readonly onOpened?: () => void;
  /** Fetches the base and judges it; the answer is stored with the proposal. */
  readonly refresh: (proposal: Proposal) => Promise<Freshness>;
}

/** A forge that says "not now" without a time is asked again after this. */
export const againMsDefault = 60_000;

/** Nothing of it is left at the forge: the proposal is open again, and the owner may decide again. */
export function refuse(parts: PublishParts, { document }: Proposal, why: Problem): void {
  parts.db.transaction(() => {
    parts.proposals.take(document.id, 'refused', { kind: 'publication.refused', body: { problem: why } });
    parts.proposals.forgetDecision(document.id, why);
    parts.publications.forget(document.id);
  });
}

export function recordUnknown(parts: PublishParts, { document, state }: Proposal, sentence: string): void {
  if (state === 'unknown') {
    parts.db.transaction(() => parts.publications.trouble(document.id, sentence));
    return;
  }
  parts.db.transaction(() => {
    parts.proposals.take(document.id, 'lost', { kind: 'publication.unknown', body: { why: sentence } });
    parts.publications.trouble(document.id, sentence);
  });
}

export function note(
  parts: PublishParts,
  document: ProposalDocument,
  kind: 'publication.committed' | 'publication.pushed' | 'publication.closed',
  body: object,
): void {
  parts.proposals.note(document.id, kind, { ...body });
}
