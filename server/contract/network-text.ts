/** What a proof could reach while it ran, in words that the confirm screen and the pull request share. Pure. */
import type { CheckResult } from './check.ts';
import type { ProposalDocument } from './proposal.ts';

type Proved = Pick<ProposalDocument, 'checks'> & {
  readonly plan: Pick<ProposalDocument['plan'], 'setUp'>;
  readonly proof: Pick<ProposalDocument['proof'], 'formatter'>;
};

/**
 * One phrase without a capital and without a full stop: what the set-up of this very proposal could reach, then what its checks could.
 * Hosts are counted and not named: a pull request is read by more people than the owner.
 */
export function networkText({ checks, plan, proof }: Proved): string {
  const setUp = checks.find(isSetUp);
  const didChecksRun = proof.formatter !== null || checks.some((check) => !isSetUp(check) && hasRun(check));
  const ofChecks = didChecksRun ? 'the checks ran without a network' : 'no check ran';
  if (setUp === undefined) return ofChecks;
  const door = doorText(plan.setUp?.hosts.length ?? 0);
  return didRun(setUp)
    ? `the set-up ran ${door}; ${ofChecks}`
    : `the set-up was taken from an earlier job, where it ran ${door}; ${ofChecks}`;
}

function doorText(hosts: number): string {
  if (hosts === 0) return 'without a network';
  return `with a door to ${hosts} named ${hosts === 1 ? 'host' : 'hosts'} and to nothing else`;
}

function isSetUp({ phase }: CheckResult): boolean {
  return phase === 'set_up';
}

/** On either side. What was taken from a layer took no time; a command always takes some. */
function didRun({ before, after }: CheckResult): boolean {
  return [before, after].some(({ conclusion, durationMs }) => conclusion !== 'skipped' && durationMs > 0);
}

function hasRun({ before, after }: CheckResult): boolean {
  return before.conclusion !== 'skipped' || after.conclusion !== 'skipped';
}
