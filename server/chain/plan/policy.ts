import { matchesGlob } from 'node:path';
import { checksMax, type CheckDefinition } from '#contract/check.ts';
import { reportPatternsMax } from '#contract/helper-wire.ts';
import type { ObjectId } from '#contract/ids.ts';
import { noPolicy, policyBytesMax, policyFile, PolicyFile, type Policy } from '#contract/policy.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Git } from '../../ports.ts';

export interface ReadPolicy {
  readonly policy: Policy;
  readonly checks: CheckDefinition[];
  /** Counts only where the owner has said nothing. */
  readonly setUp: PolicyFile['setup'];
}

/** The policy of the base commit: never of the patch, which could otherwise weaken what it is judged by. */
export async function readPolicy(git: Git, gitDir: string, base: ObjectId): Promise<ReadPolicy> {
  const blob = await git.run({
    gitDir,
    args: ['cat-file', 'blob', `${base}:${policyFile}`],
    outputBytesMax: policyBytesMax,
  });
  if (blob.ended === 'output') return unusable([`it is larger than ${policyBytesMax / 1024} KiB.`]);
  // No such path in the base: the usual case.
  if (blob.code !== 0) return { policy: noPolicy, checks: [], setUp: undefined };
  const parsed = await parsePolicy(blob.stdout.toString('utf8'));
  if (!parsed.ok) return unusable(parsed.why);
  const { checks, protect, forbid, checkSecondsMax, memoryMiB, setup } = parsed.value;
  return {
    policy: {
      found: true,
      protect,
      forbid,
      checkSecondsMax: checkSecondsMax ?? null,
      ...(memoryMiB === undefined ? {} : { memoryMiB }),
      mistakes: [],
    },
    checks: checks.map((check) => ({ ...check, source: 'policy' })),
    setUp: setup,
  };
}

function unusable(mistakes: string[]): ReadPolicy {
  return { policy: { ...noPolicy, found: true, mistakes }, checks: [], setUp: undefined };
}

/** The text of `.patchgit.yml`, or every mistake in it with its place. An empty file asks for nothing. */
export async function parsePolicy(text: string): Promise<Result<PolicyFile, string[]>> {
  // Few repositories have one: the parser is loaded when the first is read.
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text, { uniqueKeys: true });
  if (document.errors.length > 0) return no(document.errors.map((error) => `${error.message.split('\n')[0]}.`));
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    // Aliases can make a small file unfold into a huge one.
    if (error instanceof ReferenceError) return no(['aliases are not allowed here.']);
    throw error;
  }
  const parsed = PolicyFile.safeParse(value ?? {});
  if (parsed.success) return ok(parsed.data);
  return no(parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}.`));
}

/**
 * The owner's (or detected) checks, then what the base adds under names that are free. A command that is there already is not
 * added again, but what is said about its reports is.
 */
export function addChecks(own: readonly CheckDefinition[], added: readonly CheckDefinition[]): CheckDefinition[] {
  const all = [...own];
  for (const check of added) {
    const same = all.findIndex((other) => other.command === check.command);
    const known = all[same];
    if (known !== undefined) {
      const reports = [...new Set([...(known.reports ?? []), ...(check.reports ?? [])])].slice(0, reportPatternsMax);
      if (reports.length > 0) all[same] = { ...known, reports };
      continue;
    }
    const taken = all.some((other) => other.name === check.name);
    all.push(taken ? { ...check, name: `${check.name} (policy)` } : check);
  }
  return all.slice(0, checksMax);
}

/** Paths that one of the globs matches, each once. */
export function matching(paths: readonly string[], globs: readonly string[]): string[] {
  return [...new Set(paths)].filter((path) => globs.some((glob) => matchesGlob(path, glob)));
}
