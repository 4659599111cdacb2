import { failedSetUp, isTest, testsLost, type CheckResult } from '#contract/check.ts';
import type { Policy } from '#contract/policy.ts';
import type { Gate, Risk } from '#contract/proposal.ts';
import { showPath } from '../patch/bytes.ts';

export interface GateFacts {
  /** No check ran, by the plan's own choice. */
  readonly isDraft: boolean;
  readonly checks: readonly CheckResult[];
  readonly risk: Risk;
  readonly policy: Policy;
  /** Touched paths that the base's policy forbids. */
  readonly forbiddenPaths: readonly string[];
  readonly formatter: { readonly command: string; readonly clean: boolean } | null;
}

/**
 * The conditions that must hold before GO. They are judged by the policy of the base and by the evidence, so that a patch
 * cannot open its own gates (DESIGN section 6). Pure. Freshness is not here: it is judged again when GO arrives.
 */
export function judgeGates(facts: GateFacts): Gate[] {
  return [
    { name: 'applies', verdict: 'open', reason: 'git applied the patch to the base exactly' },
    facts.isDraft ? draftGate : proofGate(facts.checks),
    ...ownGate(facts),
    ...flakyGate(facts.checks),
    ...policyGates(facts.policy, facts.forbiddenPaths),
    ...protectedGate(facts.risk),
    ...formatGate(facts.formatter),
  ];
}

const draftGate: Gate = {
  name: 'proof',
  verdict: 'closed',
  reason: 'This is a Draft: nothing was proved. Prove it first',
};

function proofGate(checks: readonly CheckResult[]): Gate {
  const name = 'proof';
  const failed = failedSetUp(checks);
  if (failed !== null) {
    const said = [...(failed.limit === null ? [] : [`A limit ended it (${failed.limit}).`]), ...(failed.notes ?? [])];
    const why = said.join(' ') || 'Its log says why.';
    return {
      name,
      verdict: 'closed',
      reason: `The set-up failed on the base itself, so no check ran and nothing was proved. ${why}`,
    };
  }
  const newFailures = checks.flatMap((check) => check.newFailures);
  if (newFailures.length > 0) {
    const noun = newFailures.length === 1 ? '1 new failure' : `${newFailures.length} new failures`;
    return {
      name,
      verdict: 'closed',
      reason: `${noun}: ${newFailures.slice(0, 3).join(', ')}${newFailures.length > 3 ? ', …' : ''}`,
    };
  }
  const real = checks.filter(isTest);
  if (real.length === 0) {
    return {
      name,
      verdict: 'warned',
      reason: 'No check is configured: the tree was built in the sandbox, and nothing was tested',
    };
  }
  const failing = real.filter((check) => check.after.conclusion !== 'success').length;
  if (failing > 0) {
    return {
      name,
      verdict: 'warned',
      reason: `${failing} of ${real.length} checks fail, as they did before the patch: 0 new failures`,
    };
  }
  const passing = `${real.length} of ${real.length} checks pass, 0 new failures`;
  const lost = real.reduce((sum, check) => sum + testsLost(check), 0);
  // The oldest way to make a test pass is to have it not run.
  if (lost > 0) {
    const tests = lost === 1 ? '1 test that passed before was' : `${lost} tests that passed before were`;
    return { name, verdict: 'warned', reason: `${passing}, but ${tests} not seen to run after it` };
  }
  return { name, verdict: 'open', reason: passing };
}

/** patchgit can break itself, and with it what would mend it: its own tests must all have run and passed (DESIGN section 2). */
function ownGate({ risk, checks }: GateFacts): Gate[] {
  if (!risk.reasons.some(({ code }) => code === 'own_repository')) return [];
  const real = checks.filter(isTest);
  const isProved = real.length > 0 && real.every(({ after }) => after.conclusion === 'success');
  if (isProved) return [];
  return [
    {
      name: 'own_tests',
      verdict: 'closed',
      reason:
        'This is patchgit itself: all of its checks must run and pass on the patched tree, also those that failed before',
    },
  ];
}

function flakyGate(checks: readonly CheckResult[]): Gate[] {
  const flaky = checks.flatMap((check) => check.flaky);
  if (flaky.length === 0) return [];
  const names = `${flaky.slice(0, 3).join(', ')}${flaky.length > 3 ? ', …' : ''}`;
  return [
    {
      name: 'flaky',
      verdict: 'warned',
      reason: `Failed once and passed when run again, so not counted as new: ${names}`,
    },
  ];
}

/** The policy of the base, which a patch cannot change for itself. */
function policyGates(policy: Policy, forbiddenPaths: readonly string[]): Gate[] {
  const gates: Gate[] = [];
  if (policy.mistakes.length > 0) {
    gates.push({
      name: 'policy',
      verdict: 'closed',
      reason: `.patchgit.yml of the base cannot be used, so what it asks for is not known: ${policy.mistakes.join(' ')}`,
    });
  }
  if (forbiddenPaths.length > 0) {
    gates.push({
      name: 'forbidden',
      verdict: 'closed',
      reason: `.patchgit.yml of the base forbids changing ${forbiddenPaths.slice(0, 5).join(', ')}`,
    });
  }
  return gates;
}

/** Changes that can weaken what protects the project are never just another diff. */
const protectedReasons = new Set([
  'ci',
  'owners',
  'own_policy',
  'protected',
  'attributes',
  'secret',
  'secrets_unknown',
  'hidden_characters',
  'attribute_drivers',
  'names',
  'link_swap',
  'own_repository',
]);
/** What makes a checkout awkward, or what nobody could look at, is said; it does not ask for the PIN. */
const saidOnly = new Set(['names', 'secrets_unknown']);
/** Their message names every place already. */
const saysWhere = new Set(['secret', 'secrets_unknown', 'attribute_drivers', 'names']);

function protectedGate(risk: Risk): Gate[] {
  return risk.reasons
    .filter((reason) => protectedReasons.has(reason.code))
    .map((reason) => ({
      name: reason.code,
      verdict: 'warned' as const,
      reason: saysWhere.has(reason.code)
        ? reason.message
        : `${reason.message}: ${reason.paths.map(showPath).join(', ')}`,
      ...(saidOnly.has(reason.code) ? {} : { asksPin: true }),
    }));
}

function formatGate(formatter: GateFacts['formatter']): Gate[] {
  if (formatter === null) return [];
  return formatter.clean
    ? [{ name: 'format', verdict: 'open', reason: `${formatter.command} is content` }]
    : [{ name: 'format', verdict: 'warned', reason: `${formatter.command} finds something to change` }];
}
