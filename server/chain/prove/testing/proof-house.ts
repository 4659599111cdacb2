/** Everything around a proof that is real: a repository, checkouts, a quarantine, a record. The sandbox is the test's. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setUpRules } from '#contract/budget.ts';
import type { CheckDefinition, CheckSide, SetUpDefinition } from '#contract/check.ts';
import type { Limits } from '#contract/helper-wire.ts';
import { ObjectId, RepositoryId } from '#contract/ids.ts';
import type { CheckProgress } from '#contract/job.ts';
import { noPolicy } from '#contract/policy.ts';
import type { Problem } from '#contract/problem.ts';
import type { Plan } from '#contract/proposal.ts';
import type { RunUser } from '../../../resources/repo/checkout-export.ts';
import { hardenedGit } from '../../../adapters/git.ts';
import { systemRandom } from '../../../adapters/system-random.ts';
import type { Result } from '../../../lib/result.ts';
import type { Sandbox } from '../../../ports.ts';
import { checkouts } from '../../../resources/repo/checkout.ts';
import { openQuarantine } from '../../../resources/repo/quarantine.ts';
import { setUpInputs } from '../../../resources/repo/setup-inputs.ts';
import { trashIsEmpty } from '../../../resources/repo/trash.ts';
import { testRecord, type TestRecord } from '../../../testing/record.ts';
import { gitEnvironment, makeRepository, type Files, type TestRepository } from '../../../testing/repository.ts';
import { performProof, type Proved } from '../perform.ts';

const mebibyte = 1024 * 1024;
export const proofLimits: Limits = {
  wallMs: 60_000,
  cpuPercent: 200,
  memoryBytes: 512 * mebibyte,
  processes: 64,
  diskBytes: 64 * mebibyte,
  tmpBytes: 8 * mebibyte,
  logBytes: 512 * 1024,
  outputBytes: 8 * mebibyte,
};
export const silentLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** "Installs" the lock file, from a file of the tree that is no input, and leaves something in the home too. */
export const install =
  'mkdir -p node_modules && cp package-lock.json node_modules/dep && cp install.txt $HOME/how && echo installed';
const setUp: SetUpDefinition = {
  command: install,
  source: 'detected',
  hosts: ['registry.npmjs.org'],
  lacks: [],
  inputs: [],
};
/** Needs what was installed, and shows which. */
const check: CheckDefinition = {
  name: 'test',
  command: 'cat node_modules/dep $HOME/how && test "$(cat src.txt)" != broken',
  source: 'detected',
};
const files = { 'package-lock.json': 'one', 'install.txt': 'by base', 'src.txt': 'fine' };
/** Of the set-up, and unlike those of the checks. */
export const setUpSection = { secondsMax: 7, layerMiBMax: 99 };

export interface AskedProof {
  readonly patch: Files;
  readonly plan?: Partial<Plan>;
  readonly base?: string;
  readonly baseRef?: string;
  readonly signal?: AbortSignal;
  readonly setUp?: Partial<SetUpDefinition>;
  readonly onProgress?: (progress: CheckProgress) => void;
}

export interface ProofHouse {
  readonly folder: string;
  readonly repository: TestRepository;
  readonly progress: CheckProgress[];
  /** "NAME SIDE: TEXT", as it came. */
  readonly output: string[];
  readonly prove: (asked: AskedProof) => Promise<Result<Proved, Problem>>;
  /** The same, of a proof that must come about. */
  readonly proved: (asked: AskedProof) => Promise<Proved>;
  readonly logOf: (side: CheckSide | undefined) => Promise<string>;
  readonly close: () => Promise<void>;
}

export function proofHouse(sandboxIn: (folder: string) => Sandbox, runUser: RunUser | null = null): ProofHouse {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-proof-'));
  mkdirSync(join(folder, 'checkouts'));
  const [record, repository] = [testRecord(), makeRepository(files)];
  const inner = { folder, record, repository, runUser, sandbox: sandboxIn(folder), progress: [], output: [] };
  const prove = (asked: AskedProof): Promise<Result<Proved, Problem>> => proveIn(inner, asked);
  return {
    ...inner,
    prove,
    proved: async (asked) => {
      const result = await prove(asked);
      if (!result.ok) throw new Error(result.why.message);
      return result.value;
    },
    logOf: async (side) =>
      side === undefined ? '' : ((await record.artifacts.read(side.log.sha256))?.toString('utf8') ?? ''),
    close: async () => {
      await trashIsEmpty();
      repository.remove();
      record.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Inner {
  readonly folder: string;
  readonly record: TestRecord;
  readonly repository: TestRepository;
  readonly runUser: RunUser | null;
  readonly sandbox: Sandbox;
  readonly progress: CheckProgress[];
  readonly output: string[];
}

async function proveIn(inner: Inner, asked: AskedProof): Promise<Result<Proved, Problem>> {
  const { folder, record, repository, sandbox, progress, output } = inner;
  const git = hardenedGit({ path: gitEnvironment['PATH'] ?? '/usr/bin:/bin' });
  const base = ObjectId.parse(repository.git('rev-parse', asked.base ?? 'main'));
  repository.work('checkout', '-q', '-B', 'patched', base);
  const commit = repository.commit(asked.patch, { branch: 'patched' });
  const tree = ObjectId.parse(repository.git('rev-parse', `${commit}^{tree}`));
  const random = systemRandom();
  const quarantine = await openQuarantine(join(folder, 'quarantine'), random);
  const { clock, artifacts } = record;
  const kept = { git, folder: join(folder, 'checkouts'), clock, random, runUser: inner.runUser, log: silentLog };
  try {
    return await performProof({
      git,
      sandbox,
      artifacts,
      checkouts: checkouts(kept),
      gitDir: repository.origin,
      base,
      tree,
      quarantine,
      limits: proofLimits,
      known: [],
      plan: planOf(asked),
      terms: {
        repositoryId: RepositoryId.parse('repo_000000000001'),
        defaultBranch: 'main',
        baseRef: asked.baseRef ?? 'main',
        rules: setUpRules({ setup: setUpSection }),
        inputs: setUpInputs(git),
      },
      signal: asked.signal ?? new AbortController().signal,
      onProgress: (step) => {
        progress.push(step);
        asked.onProgress?.(step);
      },
      onOutput: (name, side, text) => output.push(`${name} ${side}: ${text}`),
    });
  } finally {
    await quarantine.close();
  }
}

function planOf(asked: AskedProof): Plan {
  return {
    goal: 'g',
    targets: [],
    steps: [],
    questions: [],
    checks: [check],
    formatter: null,
    setUp: { ...setUp, ...asked.setUp },
    policy: noPolicy,
    option: { placement: 'base', model: null, estimateUsd: 0 },
    ...asked.plan,
  };
}
