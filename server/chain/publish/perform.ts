import { ObjectId } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Freshness, Proposal, ProposalDocument } from '#contract/proposal.ts';
import { assert, never } from '../../lib/assert.ts';
import { ok, type Result } from '../../lib/result.ts';
import { PortError, type Forge, type Git, type Log, type Random, type TransferTrouble } from '../../ports.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import type { Database } from '../../record/db/open.ts';
import type { Mirrors } from '../../resources/repo/mirror.ts';
import { openQuarantine, type Quarantine } from '../../resources/repo/quarantine.ts';
import { treeAgain } from '../patch/perform.ts';
import type { Proposals } from '../proposal/store.ts';
import { decide, type PublishStep } from './decide.ts';
import type { Publications } from './store.ts';

export interface PublishParts {
  readonly db: Database;
  readonly git: Git;
  readonly forge: Forge;
  readonly artifacts: Artifacts;
  readonly mirrors: Mirrors;
  readonly proposals: Proposals;
  readonly publications: Publications;
  readonly quarantineFolder: string;
  readonly random: Random;
  readonly log: Log;
  /** Fetches the base and judges it; the answer is stored with the proposal. */
  readonly refresh: (proposal: Proposal) => Promise<Freshness>;
}

/**
 * Brings one publication (or undo) as far as it goes: decided, committed, pushed, opened. Every step first finds what an
 * earlier try has done, so it can be called again after a crash at any point: one branch, one pull request.
 */
export async function performPublication(parts: PublishParts, id: ProposalDocument['id']): Promise<void> {
  let freshness: Freshness | null = null;
  for (;;) {
    const proposal = parts.proposals.get(id);
    assert(proposal !== null, `proposal ${id} has a row`);
    if (!['publishing', 'unknown', 'undoing'].includes(proposal.state)) return;
    const step = decide({ state: proposal.state, step: parts.publications.get(id).step, freshness });
    if (step === 'nothing') return;
    if (step === 'check_base') freshness = await parts.refresh(proposal);
    else if (!(await performStep(parts, proposal, step, freshness))) return;
  }
}

/** Does one step. False: the publication rests here, and the rows say why. */
async function performStep(
  parts: PublishParts,
  proposal: Proposal,
  step: Exclude<PublishStep, 'check_base' | 'nothing'>,
  freshness: Freshness | null,
): Promise<boolean> {
  switch (step) {
    case 'refuse_stale':
      refuse(
        parts,
        proposal,
        problem('stale_base', `${freshness?.message ?? 'The base moved.'} Nothing was published.`),
      );
      return false;
    case 'commit':
      return await commit(parts, proposal.document);
    case 'push':
      return await push(parts, proposal);
    case 'open_pull':
      return await openPull(parts, proposal);
    case 'close_pull':
      return await closePull(parts, proposal);
    case 'delete_branch':
      return await deleteBranch(parts, proposal);
    default:
      return never(step);
  }
}

/** Nothing reached the forge: the proposal is open again, and the owner may decide again. */
function refuse(parts: PublishParts, { document }: Proposal, why: Problem): void {
  parts.db.transaction(() => {
    parts.proposals.take(document.id, 'refused', { kind: 'publication.refused', body: { problem: why } });
    parts.proposals.forgetDecision(document.id, why);
    parts.publications.forget(document.id);
  });
}

/** The commit is a function of what was decided (tree, base, message, author, time of decision): made again, it has the same id. */
async function makeCommit(
  parts: PublishParts,
  document: ProposalDocument,
  quarantine: Quarantine,
): Promise<Result<ObjectId, Problem>> {
  const { git, artifacts, mirrors } = parts;
  const gitDir = mirrors.gitDir(document.repo.id);
  const tree = await treeAgain({ git, artifacts, gitDir, base: document.base.sha, quarantine }, document.patch);
  if (!tree.ok) return tree;
  assert(tree.value === document.patch.treeAfter, 'the tree that is committed is the tree that was shown and proved');
  const { author, commitMessage } = document.publishing;
  const made = await git.run({
    gitDir,
    objectsDir: quarantine.objectsDir,
    args: ['commit-tree', '-p', document.base.sha, '-F', '-', tree.value],
    stdin: commitMessage,
    identity: { ...author, atMs: parts.publications.get(document.id).decidedAtMs },
  });
  if (made.code !== 0) throw new PortError('git', 'make the commit', { cause: new Error(made.stderr) });
  return ok(ObjectId.parse(made.stdout.toString('utf8').trim()));
}

async function withCommit<T>(
  parts: PublishParts,
  document: ProposalDocument,
  use: (commit: ObjectId, quarantine: Quarantine) => Promise<T>,
): Promise<Result<T, Problem>> {
  const quarantine = await openQuarantine(parts.quarantineFolder, parts.random);
  try {
    const commit = await makeCommit(parts, document, quarantine);
    return commit.ok ? ok(await use(commit.value, quarantine)) : commit;
  } finally {
    await quarantine.close();
  }
}

async function commit(parts: PublishParts, document: ProposalDocument): Promise<boolean> {
  const made = await withCommit(parts, document, async (id) => id);
  if (!made.ok) {
    const proposal = parts.proposals.get(document.id);
    assert(proposal !== null, 'a proposal that is being published has a row');
    refuse(parts, proposal, made.why);
    return false;
  }
  parts.db.transaction(() => {
    parts.publications.advance(document.id, 'decided', 'committed', { commitId: made.value });
    note(parts, document, 'publication.committed', { commit: made.value, tree: document.patch.treeAfter });
  });
  return true;
}

async function push(parts: PublishParts, proposal: Proposal): Promise<boolean> {
  const { document } = proposal;
  const { branch } = document.publishing;
  const pushed = await withCommit(parts, document, async (made, quarantine) => {
    assert(
      made === parts.publications.get(document.id).commitId,
      'the commit made again is the commit that was recorded',
    );
    const gitDir = parts.mirrors.gitDir(document.repo.id);
    const request = { gitDir, url: document.repo.url, commit: made, branch, objectsDir: quarantine.objectsDir };
    const answer = await parts.git.push(request);
    if (answer.ok || isFinal(answer.why.trouble)) return { answer, made };
    // The answer was lost, not the push: only the remote knows whether the branch is there.
    const there = await parts.git.remoteBranch(gitDir, document.repo.url, branch);
    if (!there.ok) return { answer, made, unknown: there.why.detail };
    return there.value === made ? { answer: ok('found'), made } : { answer, made };
  });
  if (!pushed.ok) {
    refuse(parts, proposal, pushed.why);
    return false;
  }
  const { answer, made, unknown } = pushed.value;
  if (unknown !== undefined) {
    recordUnknown(
      parts,
      proposal,
      `It is not known whether the branch was pushed: the repository does not answer (${unknown}). patchgit keeps asking.`,
    );
    return false;
  }
  if (!answer.ok) {
    refuse(parts, proposal, pushProblem(document, answer.why));
    return false;
  }
  parts.db.transaction(() => {
    // Found out: what was unknown goes on where it was.
    if (parts.proposals.get(document.id)?.state === 'unknown') {
      parts.proposals.take(document.id, 'found', {
        kind: 'publication.pushed',
        body: { branch, commit: made, found: true },
      });
    } else {
      note(parts, document, 'publication.pushed', { branch, commit: made });
    }
    parts.publications.advance(document.id, 'committed', 'pushed');
  });
  return true;
}

function isFinal(trouble: TransferTrouble): boolean {
  return trouble === 'refused' || trouble === 'moved' || trouble === 'not_git' || trouble === 'needs_password';
}

function pushProblem(document: ProposalDocument, why: { trouble: TransferTrouble; detail: string }): Problem {
  const { branch } = document.publishing;
  if (why.trouble === 'moved') {
    return problem(
      'branch_taken',
      `The branch ${branch} exists at ${document.repo.name} with something else. Nothing was published. Prove again to get a new branch name.`,
    );
  }
  return problem(
    'push_refused',
    `${document.repo.name} did not take the branch ${branch}, so nothing was published. It said: ${why.detail}`,
  );
}

function recordUnknown(parts: PublishParts, { document, state }: Proposal, sentence: string): void {
  if (state === 'unknown') return;
  parts.db.transaction(() => {
    parts.proposals.take(document.id, 'lost', { kind: 'publication.unknown', body: { why: sentence } });
    parts.publications.trouble(document.id, sentence);
  });
}

async function openPull(parts: PublishParts, proposal: Proposal): Promise<boolean> {
  const { document } = proposal;
  const { commitId } = parts.publications.get(document.id);
  assert(commitId !== null, 'a pushed publication has its commit');
  const { branch, pullTitle: title, pullBody } = document.publishing;
  const found = await parts.forge.findPull(document.repo, branch);
  const body = `${pullBody}\n\nDigest ${document.digest}`;
  const pull =
    found.ok && found.value !== null
      ? ok(found.value)
      : await parts.forge.openPull(document.repo, {
          title,
          body,
          branch,
          base: document.base.ref,
          commit: commitId,
          proposalId: document.id,
        });
  if (!pull.ok) {
    recordUnknown(parts, proposal, pull.why.message);
    return false;
  }
  parts.db.transaction(() => {
    parts.publications.advance(document.id, 'pushed', 'opened', { pullNumber: pull.value.number });
    const body = { branch, commit: commitId, number: pull.value.number, url: pull.value.url };
    parts.proposals.take(document.id, 'opened', { kind: 'publication.opened', body });
  });
  parts.log.info({ proposalId: document.id, branch, number: pull.value.number }, 'pull request opened');
  return false;
}

async function closePull(parts: PublishParts, { document }: Proposal): Promise<boolean> {
  const { pullNumber } = parts.publications.get(document.id);
  assert(pullNumber !== null, 'an opened publication has its pull request');
  const closed = await parts.forge.closePull(document.repo, pullNumber);
  if (!closed.ok) return keepPublished(parts, document, closed.why.message);
  parts.db.transaction(() => {
    parts.publications.advance(document.id, 'opened', 'closed');
    note(parts, document, 'publication.closed', { number: pullNumber });
  });
  return true;
}

async function deleteBranch(parts: PublishParts, { document }: Proposal): Promise<boolean> {
  const { commitId, branch } = parts.publications.get(document.id);
  assert(commitId !== null, 'an opened publication has its commit');
  const gitDir = parts.mirrors.gitDir(document.repo.id);
  const deleted = await parts.git.deleteBranch({ gitDir, url: document.repo.url, commit: commitId, branch });
  // Somebody built on the branch: it is theirs now. Everything else is tried again by the owner.
  const kept = !deleted.ok && deleted.why.trouble === 'moved';
  if (!deleted.ok && !kept)
    return keepPublished(
      parts,
      document,
      `The pull request is closed, but the branch ${branch} could not be deleted: ${deleted.why.detail}`,
    );
  parts.db.transaction(() => {
    parts.publications.advance(document.id, 'closed', 'undone');
    if (kept) parts.publications.trouble(document.id, `Somebody else pushed to ${branch}, so it was left alone.`);
    parts.proposals.take(document.id, 'undone', { kind: 'publication.undone', body: { branch, branchDeleted: !kept } });
  });
  return false;
}

/** The undo did not get through: say so, and leave it to the owner to try again. */
function keepPublished(parts: PublishParts, document: ProposalDocument, sentence: string): boolean {
  parts.db.transaction(() => {
    parts.publications.trouble(document.id, sentence);
    parts.proposals.take(document.id, 'kept', { kind: 'publication.refused', body: { why: sentence } });
  });
  return false;
}

function note(
  parts: PublishParts,
  document: ProposalDocument,
  kind: 'publication.committed' | 'publication.pushed' | 'publication.closed',
  body: object,
): void {
  parts.proposals.note(document.id, kind, { ...body });
}
