/** A new job with the bytes of a proposal, which closes when the job is accepted. */
import { RequestId, type JobId } from '#contract/ids.ts';
import type { OptionKey } from '#contract/option.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Proposal } from '#contract/proposal.ts';
import { assert } from '../../lib/assert.ts';
import { sha256 } from '../../lib/digest.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import type { Accepting } from '../job/accept.ts';
import type { Jobs } from '../job/store.ts';
import type { Proposals } from './store.ts';

export interface ProveAnewParts {
  readonly artifacts: Artifacts;
  readonly jobs: Pick<Jobs, 'get'>;
  readonly proposals: Proposals;
  readonly accepting: Accepting;
}

/** Why there is a new one; part of the request's id, so that asking twice for the same thing is one job. */
interface Anew {
  readonly reason: 'prove again' | 'escalate';
  readonly wantedOption?: OptionKey;
}

/**
 * The same received bytes on today's base. The old proposal closes when the new job is accepted; asked twice, it is one job,
 * because the request's id comes from the proposal. `together` as in `accept`.
 */
export async function proveAnew(
  parts: ProveAnewParts,
  proposal: Proposal,
  { reason, wantedOption }: Anew,
  together: (id: JobId) => Problem | null = () => null,
): Promise<Result<JobId, Problem>> {
  const { document, supersededBy } = proposal;
  if (supersededBy !== null) return ok(supersededBy);
  if (proposal.state !== 'open') return no(decidedAlready(proposal));
  const received = await parts.artifacts.read(document.patch.receivedSha256);
  if (received === null)
    return no(problem('internal', 'The received patch is gone from the data folder. Paste it again.'));
  const old = parts.jobs.get(document.jobId);
  return await parts.accepting.accept(
    {
      id: RequestId.parse(uuidFrom(`${reason} ${document.id}`)),
      repository: document.repo.id,
      base: document.base.ref,
      title: document.title,
      patch: received,
      messageId: old.messageId,
      ...(wantedOption === undefined ? {} : { wantedOption }),
    },
    (id) => {
      // The owner may have decided while the bytes were written.
      const now = parts.proposals.get(document.id);
      assert(now !== null, `proposal ${document.id} has a row`);
      if (now.state !== 'open') return decidedAlready(now);
      const declined = together(id);
      if (declined !== null) return declined;
      parts.proposals.setSupersededBy(document.id, id);
      parts.proposals.take(document.id, 'supersede', { kind: 'proposal.superseded', actor: 'owner', body: { by: id } });
      return null;
    },
  );
}

export function decidedAlready({ state }: Proposal): Problem {
  return problem('already_decided', `This proposal is ${state} already.`, { current: state });
}

/** A UUID that is the same for the same text. */
function uuidFrom(text: string): string {
  const bytes = Buffer.from(sha256(text).slice(0, 32), 'hex');
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
