import { Sha256, type JobId, type ObjectId, type ProposalId } from '#contract/ids.ts';
import type { PatchSummary } from '#contract/patch.ts';
import type { Confidence, Cost, Escalation, Plan, ProposalDocument, Publishing, Risk } from '#contract/proposal.ts';
import type { Repository } from '#contract/repository.ts';
import { canonicalJson, sha256 } from '../../lib/digest.ts';
import type { Proved } from '../prove/perform.ts';
import { judgeGates } from './gates.ts';
import { writePublishing } from './publishing.ts';

export interface FreezeFacts {
  readonly id: ProposalId;
  readonly jobId: JobId;
  readonly title: string;
  readonly repository: Repository;
  readonly base: { readonly ref: string; readonly sha: ObjectId };
  readonly plan: Plan;
  readonly patch: PatchSummary;
  readonly proved: Proved;
  readonly risk: Risk;
  /** Touched paths that the base's policy forbids. */
  readonly forbiddenPaths: readonly string[];
  readonly confidence: Confidence;
  readonly cost: Cost;
  readonly escalation?: Escalation | undefined;
  /** Where the ledger stood: goes into the commit, so that the forge keeps a checkpoint of it. */
  readonly ledgerHead: string;
  /** Where a browser finds this patchgit; absent: nowhere but here. */
  readonly publicUrl?: string | null;
  readonly nowMs: number;
}

/** Everything GO would act on, frozen, with its digest (DESIGN section 6). Pure. */
export function freeze(facts: FreezeFacts): ProposalDocument {
  const { proved, repository } = facts;
  const undigested: Omit<ProposalDocument, 'digest' | 'publishing'> = {
    id: facts.id,
    jobId: facts.jobId,
    title: facts.title,
    repo: { id: repository.id, name: repository.name, url: repository.url },
    base: { ref: facts.base.ref, sha: facts.base.sha },
    plan: facts.plan,
    patch: facts.patch,
    checks: proved.checks,
    proof: proved.proof,
    risk: facts.risk,
    confidence: facts.confidence,
    cost: facts.cost,
    gates: judgeGates({
      isDraft: proved.proof.placement === 'none',
      checks: proved.checks,
      risk: facts.risk,
      policy: facts.plan.policy,
      forbiddenPaths: facts.forbiddenPaths,
      formatter: proved.proof.formatter,
    }),
    ...(facts.escalation === undefined ? {} : { escalation: facts.escalation }),
    createdAtMs: facts.nowMs,
  };
  const publishing: Publishing = writePublishing(undigested, repository, facts.ledgerHead, facts.publicUrl);
  const document = { ...undigested, publishing };
  return { ...document, digest: digestOf(document) };
}

/** sha256 over the canonical JSON of the document without its digest. */
export function digestOf(document: Omit<ProposalDocument, 'digest'>): Sha256 {
  const { digest: _own, ...covered } = document as ProposalDocument;
  return Sha256.parse(sha256(canonicalJson(covered)));
}
