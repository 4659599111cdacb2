/** Whether the checks need something installed first, by which command, and what that may reach. Pure. */
import { noSetUp, type SetUpDefinition } from '#contract/check.ts';
import { setUpDefaults } from '#contract/budget.ts';
import type { PolicyFile } from '#contract/policy.ts';
import type { DetectedSetUp } from '../../resources/repo/setup-detect.ts';

export interface SetUpFacts {
  /** The owner's word: a command, "none", or null when it is left to the base. */
  readonly owner: string | null;
  /** What `.patchgit.yml` of the base says. */
  readonly policy: PolicyFile['setup'];
  readonly detected: DetectedSetUp | null;
  /** What budget.json allows at all. */
  readonly hosts: readonly string[];
}

/**
 * The owner's word counts before the base's policy, and that before what its files show. Neither the base nor a patch can add a
 * host. null: there is no set-up.
 */
export function chooseSetUp({ owner, policy, detected, hosts }: SetUpFacts): SetUpDefinition | null {
  const inputs = policy?.inputs ?? [];
  if (owner === noSetUp) return null;
  if (owner !== null) return { command: owner, source: 'owner', hosts: [...hosts], lacks: [], inputs };
  if (policy !== undefined) return { command: policy.command, source: 'policy', hosts: [...hosts], lacks: [], inputs };
  if (detected === null) return null;
  return {
    command: detected.command,
    source: 'detected',
    // Of the public registries those that this command is known to need; what the owner has added is there for a reason.
    hosts: hosts.filter((host) => detected.hosts.includes(host) || !setUpDefaults.hosts.includes(host)),
    lacks: detected.hosts.filter((host) => !hosts.includes(host)),
    inputs,
  };
}

const hostsNamedMax = 3;
const commandShownMax = 120;

/** The plan's step: "Install dependencies: npm ci (registry.npmjs.org)". */
export function setUpStep({ command, hosts, lacks }: SetUpDefinition): string {
  const shown = command.replaceAll(/\s+/g, ' ');
  const short = shown.length > commandShownMax ? `${shown.slice(0, commandShownMax - 1)}…` : shown;
  const lacking =
    lacks.length === 0 ? '' : `; it usually needs ${lacks.join(' and ')} too, which budget.json does not allow`;
  return `Install dependencies: ${short} (${hostsText(hosts)}${lacking})`;
}

function hostsText(hosts: readonly string[]): string {
  if (hosts.length === 0) return 'no host at all';
  if (hosts.length <= hostsNamedMax) return hosts.join(', ');
  return `${hosts.slice(0, hostsNamedMax - 1).join(', ')} and ${hosts.length - hostsNamedMax + 1} other hosts`;
}
