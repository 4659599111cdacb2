import type { Message } from '#contract/chat.ts';
import type { FailedCheck } from '#contract/forge.ts';
import { RequestId, ThreadId } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Proposal } from '#contract/proposal.ts';
import { uuidOf } from '../../lib/digest.ts';
import { no, type Result } from '../../lib/result.ts';
import { acceptMessage, acceptThread } from '../chat/accept.ts';

type Parts = Parameters<typeof acceptMessage>[0];

const checksShownMax = 5;
const charactersOfOneMax = 8_000;

/**
 * "Fix it": a request in the owner's name with what the repository's own CI said, in a thread of its own. Asked again for the same
 * commit it is the same request.
 */
export async function askForFix(parts: Parts, proposal: Proposal): Promise<Result<Message, Problem>> {
  const { document, outcome, publication } = proposal;
  if (!outcome || outcome.checks.state !== 'failure' || !publication?.pr)
    return no(problem('not_found', 'The CI of this pull request has not failed, so there is nothing to fix.'));
  const { number } = publication.pr;
  const threadId = ThreadId.parse(uuidOf(`fix-thread:${document.id}`));
  const thread = acceptThread(parts, { id: threadId, title: `Fix the CI of #${number}` });
  if (!thread.ok) return thread;
  const { failed, total } = outcome.checks;
  const text = [
    `Fix what the CI of pull request ${number} ("${document.title}") says. The change is on the branch ${publication.branch}.`,
    `${failed.length} of ${total} checks failed: ${failed.map(({ name }) => name).join(', ')}.`,
    ...failed.slice(0, checksShownMax).map(saidBy),
  ].join('\n\n');
  const id = RequestId.parse(uuidOf(`fix:${document.id}:${outcome.head ?? publication.commit}`));
  return await acceptMessage(parts, threadId, { id, text, repository: document.repo.name });
}

/** What a CI prints is data: in a block of code that nothing in it can end, and never taken for a diff. */
function saidBy({ name, conclusion, text }: FailedCheck): string {
  const lines = text.slice(0, charactersOfOneMax).split('\n');
  return [`${name} (${conclusion}):`, ...lines.map((line) => `    ${line}`)].join('\n');
}
