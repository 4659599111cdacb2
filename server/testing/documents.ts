/** A proposal's parts for tests of pure rules: real shapes, held by the contract, with small values. */
import type { CheckResult, CheckSide } from '#contract/check.ts';
import { JobId, ObjectId, ProposalId, RepositoryId, Sha256 } from '#contract/ids.ts';
import type { FileChange } from '#contract/patch.ts';
import { noPolicy } from '#contract/policy.ts';
import type { ProposalDocument } from '#contract/proposal.ts';
import { Repository } from '#contract/repository.ts';
import { freeze, type FreezeFacts } from '../chain/proposal/freeze.ts';

export const digestOfA = Sha256.parse('a'.repeat(64));

export function fileChange(path: string, more: Partial<FileChange> = {}): FileChange {
  return {
    path,
    oldPath: null,
    status: 'modified',
    oldMode: '100644',
    newMode: '100644',
    additions: 1,
    deletions: 1,
    binary: false,
    ...more,
  };
}

export function checkSide(more: Partial<CheckSide> = {}): CheckSide {
  return {
    conclusion: 'success',
    exitCode: 0,
    failing: [],
    passed: null,
    durationMs: 5,
    log: { sha256: digestOfA, bytes: 1, omittedBytes: 0 },
    limit: null,
    ...more,
  };
}

export function checkResult(more: Partial<CheckResult> = {}): CheckResult {
  const side = checkSide();
  const found = { newFailures: [], flaky: [] };
  return { name: 'test', command: 'npm test', source: 'owner', before: side, after: side, ...found, ...more };
}

export const testRepository = Repository.parse({
  id: RepositoryId.parse('repo_000000000001'),
  name: 'shop',
  url: '/srv/shop.git',
  forge: 'local',
  defaultBranch: 'main',
  head: 'a'.repeat(40),
  fetchedAtMs: 1,
  checks: null,
  detectedChecks: [],
  formatter: null,
  detectedFormatter: null,
  author: null,
  trouble: null,
  addedAtMs: 1,
});

export function freezeFacts(more: Partial<FreezeFacts> = {}): FreezeFacts {
  const files = [fileChange('src/a.ts')];
  return {
    id: ProposalId.parse('prop_0123456789ab'),
    jobId: JobId.parse('job_0123456789ab'),
    title: 'Say two loudly',
    repository: testRepository,
    base: { ref: 'main', sha: ObjectId.parse('a'.repeat(40)) },
    plan: {
      goal: 'Say two loudly',
      targets: ['src/a.ts'],
      steps: ['one'],
      questions: [],
      checks: [{ name: 'test', command: 'npm test', source: 'owner' }],
      formatter: null,
      policy: noPolicy,
      option: { placement: 'base', model: null, estimateUsd: 0 },
    },
    patch: {
      sha256: digestOfA,
      receivedSha256: digestOfA,
      files,
      additions: 1,
      deletions: 1,
      treeAfter: ObjectId.parse('c'.repeat(40)),
      mends: [],
      secrets: { known: true, why: null, found: [] },
      diff: { sha256: digestOfA, bytes: 10, truncated: false },
    },
    proved: {
      checks: [checkResult()],
      proof: {
        failingBefore: 0,
        failingAfter: 0,
        newFailures: 0,
        placement: 'base',
        helperSha256: digestOfA,
        limits: 'time: 1 s',
        formatter: null,
        notProved: [],
      },
    },
    risk: { level: 'low', reasons: [] },
    forbiddenPaths: [],
    confidence: { percent: 80, low: 60, high: 95, reasons: [] },
    cost: { spentUsd: 0, projectedUsd: 0, hourLeftUsd: 0.25, dayLeftUsd: 1 },
    ledgerHead: '7:abc',
    nowMs: 1_800_000_000_000,
    ...more,
  };
}

/** A frozen document on `base` whose patch touches `paths`: new path, or new path and old path. */
export function documentOf(
  wanted: { base?: FreezeFacts['base']; paths?: readonly (string | readonly [string, string])[]; title?: string } = {},
): ProposalDocument {
  const facts = freezeFacts();
  const files = wanted.paths?.map((path) =>
    typeof path === 'string' ? fileChange(path) : fileChange(path[0], { oldPath: path[1], status: 'renamed' }),
  );
  return freeze({
    ...facts,
    base: wanted.base ?? facts.base,
    title: wanted.title ?? facts.title,
    patch: { ...facts.patch, files: files ?? facts.patch.files },
  });
}
