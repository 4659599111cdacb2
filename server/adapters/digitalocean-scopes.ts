import type { Cloud, CloudFailure } from '../ports-cloud.ts';

/**
 * What a token needs, by what it is for (notes/helper-fleet.md 1.6, from DigitalOcean's pages on custom scopes). Scopes are per
 * kind of thing and never per thing: `droplet:delete` can destroy every machine of the team. So: a team of its own for patchgit.
 */
export const tokenScopes = {
  helper: [
    ['droplet:create', 'droplet:read', 'droplet:delete', 'droplet:update'],
    [
      'regions:read',
      'sizes:read',
      'actions:read',
      'image:read',
      'snapshot:read',
      'account:read',
      'vpc:read',
      'ssh_key:read',
    ],
    ['tag:create', 'tag:read', 'firewall:create', 'firewall:read', 'firewall:update'],
  ].flat(),
  /** Beside those of `helper`. */
  bake: ['image:delete', 'snapshot:delete'],
  /** For the sweep, which has a token of its own. */
  sweep: ['droplet:read', 'droplet:delete', 'tag:read', 'regions:read', 'sizes:read', 'actions:read', 'image:read'],
} as const;

export interface CloudFinding {
  readonly name: 'cloud';
  readonly verdict: 'good' | 'warned' | 'bad';
  readonly sentence: string;
}

/**
 * Asks what can be asked without changing anything: the account, the sizes, the machines, the snapshots. Whether the token may
 * create and destroy cannot be seen without doing it, so that is said and not guessed.
 */
export async function inspectCloud(cloud: Cloud): Promise<CloudFinding[]> {
  const findings: CloudFinding[] = [];
  const add = (verdict: CloudFinding['verdict'], sentence: string): void => {
    findings.push({ name: 'cloud', verdict, sentence });
  };
  const account = await cloud.account();
  if (!account.ok) add('bad', refusalOf(account.why, 'the account', 'account:read'));
  // Nothing more can be learnt with a token that is not taken, and each try counts against its limit.
  if (!account.ok && account.why.code === 'unauthorized') return findings;
  if (account.ok && account.value.status !== 'active') {
    add('bad', `DigitalOcean has set this account to "${account.value.status}". Its own pages say what it wants.`);
  } else if (account.ok) {
    add('good', `DigitalOcean knows the token; the account may have ${account.value.machinesMax} machines at once.`);
  }
  const sizes = await cloud.sizes();
  if (!sizes.ok) add('bad', refusalOf(sizes.why, 'the sizes and prices', 'sizes:read and regions:read'));
  else if (!sizes.value.some(({ available }) => available)) {
    add('bad', 'DigitalOcean offers no size with a price, so no helper can be paid for.');
  }
  const machines = await cloud.list();
  if (!machines.ok) add('bad', refusalOf(machines.why, 'the list of machines', 'droplet:read'));
  else if (account.ok && machines.value.length >= account.value.machinesMax) {
    const { length } = machines.value;
    add('bad', `The account has ${length} machines and may have no more. Ask DigitalOcean for a higher limit.`);
  }
  const snapshots = await cloud.snapshots();
  if (!snapshots.ok) add('warned', refusalOf(snapshots.why, 'the snapshots', 'snapshot:read and image:read'));
  if (findings.every(({ verdict }) => verdict === 'good')) {
    const unseen = tokenScopes.helper.filter((scope) => !scope.endsWith(':read')).join(', ');
    add('good', `It may read all that is needed. Only a first helper can show that it may also: ${unseen}.`);
  }
  return findings;
}

function refusalOf(why: CloudFailure, what: string, scopes: string): string {
  const said = `${what.charAt(0).toUpperCase()}${what.slice(1)} cannot be read. ${why.message}`;
  if (why.kind !== 'unauthorized' && why.kind !== 'not_found') return said;
  return `${said} Make a token with the scopes that the README names (here: ${scopes}), and put it into DIGITALOCEAN_TOKEN.`;
}
