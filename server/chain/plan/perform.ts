import { setUpRules, type BudgetFile } from '#contract/budget.ts';
import { setUpName, type CheckDefinition } from '#contract/check.ts';
import type { ObjectId } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Plan } from '#contract/proposal.ts';
import type { Repository } from '#contract/repository.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Git } from '../../ports.ts';
import type { Mirrors } from '../../resources/repo/mirror.ts';
import { gitBaseReader } from '../patch/base-reader.ts';
import { readPatch } from '../patch/read.ts';
import { addChecks, readPolicy } from './policy.ts';
import { chooseSetUp, setUpStep } from './set-up.ts';

export interface PlanWork {
  readonly git: Git;
  readonly mirrors: Mirrors;
  readonly repository: Repository;
  readonly title: string;
  readonly baseRef: string;
  readonly settings: () => BudgetFile;
  readonly signal: AbortSignal;
}

/** Runs when no check is known, so that at least the patched tree was really built in the sandbox. */
const builtInCheck: CheckDefinition = { name: 'tree', command: 'ls -A . > /dev/null', source: 'built_in' };

/**
 * The plan stage: an exact base, the files the patch names, and the checks. A pasted patch needs no model and no money, so
 * there is one option: the base sandbox, for nothing.
 */
export async function performPlan(
  work: PlanWork,
  received: Buffer,
): Promise<Result<{ plan: Plan; base: ObjectId }, Problem>> {
  const { git, mirrors, repository, baseRef, signal } = work;
  // A failing fetch is no reason to stop: the mirror may hold the base, and freshness is judged again before GO.
  await mirrors.fetch(repository);
  const base = await mirrors.resolve(repository.id, baseRef);
  if (base === null) {
    return no(
      problem(
        'base_not_found',
        `${repository.name} has no branch, tag or commit named "${baseRef}". Choose another base; its default branch is ${repository.defaultBranch}.`,
      ),
    );
  }
  const detected = await mirrors.detect(repository.id, base);
  const policy = await readPolicy(git, mirrors.gitDir(repository.id), base);
  const checks = addChecks(repository.checks ?? detected.checks, policy.checks);
  const formatter = repository.formatter ?? detected.formatter;
  const read = await readPatch(received, gitBaseReader(git, mirrors.gitDir(repository.id), base, signal));
  const targets = read.ok ? [...new Set(read.value.files)] : [];
  const chosen = checks.length === 0 ? [builtInCheck] : nameApart(checks);
  const { hosts } = setUpRules(work.settings());
  const asked = { owner: repository.setUp ?? null, policy: policy.setUp, detected: detected.setUp, hosts };
  // Without anything that could use it, there is nothing to install for.
  const setUp = checks.length === 0 && formatter === null ? null : chooseSetUp(asked);
  return ok({
    base,
    plan: {
      goal: work.title,
      targets,
      steps: [
        `Apply the pasted patch to ${baseRef} at ${base.slice(0, 12)} exactly, without a working tree`,
        ...(setUp === null ? [] : [setUpStep(setUp)]),
        ...chosen.map(
          (check) => `Run "${check.command}" on the base's tree, then on the patched tree, each in a fresh sandbox`,
        ),
        ...(formatter === null ? [] : [`Check the format with "${formatter}"`]),
        'Show the result for a decision; nothing is published before GO',
      ],
      questions: [],
      checks: chosen,
      formatter,
      ...(setUp === null ? {} : { setUp }),
      policy: policy.policy,
      option: { placement: 'base', model: null, estimateUsd: 0 },
    },
  });
}

/**
 * Results are found by the check's name, so two checks of one name would show the result of one of them twice. The name of the
 * set-up is taken from the start.
 */
export function nameApart(checks: readonly CheckDefinition[]): CheckDefinition[] {
  const taken = new Set<string>([setUpName]);
  return checks.map((check) => {
    let { name } = check;
    for (let number = 2; taken.has(name); number += 1) name = `${check.name} (${number})`;
    taken.add(name);
    return { ...check, name };
  });
}
