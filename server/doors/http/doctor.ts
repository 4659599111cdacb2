import { statfs } from 'node:fs/promises';
import type { Doctor, Integration } from '#contract/api.ts';
import type { Git, Sandbox } from '../../ports.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import { hostFindings, readHostFacts } from './host-facts.ts';

export interface DoctorParts {
  readonly git: Git;
  readonly sandbox: Sandbox;
  readonly ledger: Ledger;
  readonly home: string;
  readonly nodeVersion: string;
  readonly runUser: string | null;
  readonly integrations: readonly Integration[];
  /** What the cloud's token can and cannot do; nothing where there is none. */
  readonly inspectHelper: () => Promise<Doctor['findings']>;
  /** Who patchgit is on GitHub, and for how long; nothing where it is not connected. */
  readonly inspectGitHub?: () => Promise<Doctor['findings']>;
}

const freeBytesMin = 512 * 1024 * 1024;

/** Looks at this machine and this installation, and says what is good, what is missing and how to add it. */
export async function examine(parts: DoctorParts): Promise<Doctor> {
  const findings: Doctor['findings'] = [];
  const add = (name: string, verdict: 'good' | 'warned' | 'bad', sentence: string): void => {
    findings.push({ name, verdict, sentence });
  };
  const git = await parts.git.run({ gitDir: parts.home, args: ['version'] });
  add('runtime', 'good', `Node ${parts.nodeVersion}, ${git.stdout.toString('utf8').trim()}.`);
  const sandbox = await parts.sandbox.inspect();
  if (sandbox.usable) {
    add('sandbox', 'good', `Works: ${sandbox.isolation.join(' ')}`);
    for (const missing of sandbox.missing) add('sandbox', 'warned', missing);
  } else {
    add('sandbox', 'bad', `Nothing can be proved here. ${sandbox.missing.join(' ')}`);
  }
  findings.push(...hostFindings(await readHostFacts(), sandbox, parts.runUser));
  const disk = await statfs(parts.home);
  const free = disk.bavail * disk.bsize;
  const freeText = `${(free / 1024 ** 3).toFixed(1)} GiB free in the data folder ${parts.home}.`;
  add(
    'disk',
    free < freeBytesMin ? 'bad' : 'good',
    free < freeBytesMin ? `Only ${freeText} Make room, or jobs will fail.` : freeText,
  );
  const chain = await parts.ledger.verify();
  add(
    'ledger',
    chain.ok ? 'good' : 'bad',
    chain.ok ? `${chain.entries} entries, the chain holds.` : (chain.firstBad?.why ?? 'The chain is broken.'),
  );
  for (const integration of parts.integrations)
    add(integration.name, integration.connected ? 'good' : 'warned', integration.sentence);
  findings.push(...(await parts.inspectHelper()), ...((await parts.inspectGitHub?.()) ?? []));
  return { ok: findings.every((finding) => finding.verdict !== 'bad'), findings };
}

/** What is connected, one line each. Everything works without any of them. */
export function listIntegrations(connected: {
  readonly digitalocean: boolean;
  readonly github: boolean;
  readonly ollama: boolean;
}): Integration[] {
  const unused = (name: string): string =>
    `${name}: the setting is there; this build does not use it yet, so nothing is sent and nothing is spent.`;
  const line = (name: string, isConnected: boolean, without: string, used = unused(name)): Integration => ({
    name,
    connected: isConnected,
    sentence: isConnected ? used : without,
  });
  return [
    line(
      'GitHub',
      connected.github,
      'Works without; add GITHUB_TOKEN (or GITHUB_APP_ID and GITHUB_APP_KEY_FILE) to open pull requests on GitHub instead of the local forge.',
      'The credential is there: repositories of GitHub are fetched, pushed to and asked for pull requests with it.',
    ),
    line(
      'DigitalOcean',
      connected.digitalocean,
      'Works without; add DIGITALOCEAN_TOKEN to run heavy checks on a helper instead of this machine.',
      'The token is there: a plan may take one helper, under the caps of budget.json.',
    ),
    line(
      'Model',
      connected.ollama,
      'Works without; add OLLAMA_URL to have changes written for you instead of pasting them.',
    ),
  ];
}
