import type { ObjectId } from '#contract/ids.ts';
import type { Freshness, ProposalDocument } from '#contract/proposal.ts';
import { assert } from '../../lib/assert.ts';
import { PortError, type Git } from '../../ports.ts';

/** What is known of the base when freshness is judged. A missing fact is `unknown`, never a guess. */
export interface FreshnessFacts {
  readonly ref: string;
  readonly baseThen: ObjectId;
  /** null: the fetch failed, or the branch is gone. */
  readonly baseNow: ObjectId | null;
  /** Why `baseNow` is null, as a sentence. */
  readonly trouble: string | null;
  /** The old base is an ancestor of the new one; false after a forced push. */
  readonly descends: boolean;
  readonly commitsSince: number;
  /** Paths changed on the base since. */
  readonly changedSince: ReadonlySet<string>;
  /** Paths the patch touches, old names included. */
  readonly touched: readonly string[];
  readonly appliesNow: boolean;
}

/** How the base stands, with the sentence for the screen. Pure; the table is notes/web.md 3.3. */
export function judgeFreshness(facts: FreshnessFacts, checkedAtMs: number): Freshness {
  const { ref, baseNow, commitsSince } = facts;
  if (baseNow === null) {
    return {
      verdict: 'unknown',
      baseNow: null,
      commitsSince: null,
      overlapping: [],
      message: facts.trouble ?? `It is not known where ${ref} is now.`,
      checkedAtMs,
    };
  }
  const short = baseNow.slice(0, 7);
  const moved = `${ref} moved ${commitsSince} ${commitsSince === 1 ? 'commit' : 'commits'} to ${short}`;
  const seen = { baseNow, commitsSince, checkedAtMs };
  if (baseNow === facts.baseThen)
    return {
      ...seen,
      verdict: 'current',
      overlapping: [],
      message: `Based on ${ref} at ${short}, which is its tip now.`,
    };
  const overlapping = facts.touched.filter((path) => facts.changedSince.has(path));
  if (!facts.descends) {
    return {
      ...seen,
      verdict: 'moved_overlap',
      overlapping,
      message: `${ref} was rewritten and no longer contains the base of this proposal. Prove it again on ${short}.`,
    };
  }
  if (!facts.appliesNow) {
    return {
      ...seen,
      verdict: 'no_longer_applies',
      overlapping,
      message: `${moved}, and this patch no longer applies there.`,
    };
  }
  if (overlapping.length > 0) {
    const shown = overlapping.slice(0, 3).join(', ') + (overlapping.length > 3 ? ', …' : '');
    return {
      ...seen,
      verdict: 'moved_overlap',
      overlapping,
      message: `${moved} and changed ${shown}, which this patch changes too.`,
    };
  }
  return {
    ...seen,
    verdict: 'moved_apart',
    overlapping: [],
    message: `${moved}; none of them touches these files. The checks ran on ${facts.baseThen.slice(0, 7)}.`,
  };
}

/** Gathers the facts from the mirror. `baseNow`: what the ref is now, after a fetch that worked. */
export async function gatherFreshness(
  git: Git,
  gitDir: string,
  document: ProposalDocument,
  baseNow: ObjectId | null,
  trouble: string | null,
  applies: (base: ObjectId) => Promise<boolean>,
): Promise<FreshnessFacts> {
  const { ref, sha: baseThen } = document.base;
  const touched = [
    ...new Set(
      document.patch.files.flatMap((file) => (file.oldPath === null ? [file.path] : [file.path, file.oldPath])),
    ),
  ];
  const facts = { ref, baseThen, baseNow, trouble, touched };
  const unmoved = { descends: true, commitsSince: 0, changedSince: new Set<string>(), appliesNow: true };
  if (baseNow === null || baseNow === baseThen) return { ...facts, ...unmoved };
  const run = async (args: string[]): Promise<string> => {
    const answer = await git.run({ gitDir, args });
    if (answer.code !== 0)
      throw new PortError('git', 'compare the base then and now', { cause: new Error(answer.stderr) });
    return answer.stdout.toString('utf8');
  };
  const ancestor = await git.run({ gitDir, args: ['merge-base', '--is-ancestor', baseThen, baseNow] });
  assert(ancestor.code === 0 || ancestor.code === 1, `both bases are in the mirror: ${ancestor.stderr}`);
  const changed = await run(['diff-tree', '-r', '-z', '--name-only', '--no-renames', baseThen, baseNow]);
  return {
    ...facts,
    descends: ancestor.code === 0,
    commitsSince: Number((await run(['rev-list', '--count', `${baseThen}..${baseNow}`])).trim()),
    changedSince: new Set(changed.split('\0').filter(Boolean)),
    appliesNow: await applies(baseNow),
  };
}
