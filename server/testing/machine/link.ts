/** A pair of network devices between this host and a machine. It goes when the machine's network namespace goes. */
import { execFileSync, spawnSync } from 'node:child_process';

export interface Link {
  /** Of the device on this side. */
  readonly name: string;
  /** Where the machine is reached. */
  readonly address: string;
  /** Of this side, and public by its number: what stands for the internet, as far as the machine can tell. */
  readonly internet: string;
  readonly remove: () => void;
}

const linksMax = 64;

/**
 * Connects the network namespace of `pid`. The addresses are of 198.18.0.0/15, which RFC 2544 keeps for tests of network
 * devices, so no real network is hidden; each link has a /30 of its own. No range for tests is public by its number, so `internet` is
 * one address of a military network that has no servers for the public; while the link is up, this host does not reach that one.
 */
export function connect(pid: number): Link {
  const start = process.pid % linksMax;
  for (let index = 0; index < linksMax; index += 1) {
    const number = (start + index) % linksMax;
    const name = `patchgit${number}`;
    const added = spawnSync('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${pid}`], {
      encoding: 'utf8',
    });
    // Another test has this one.
    if (added.status !== 0 && added.stderr.includes('File exists')) continue;
    if (added.status !== 0) throw new Error(`no network for the machine: ${added.error?.message ?? added.stderr}`);
    return bringUp(pid, name, `198.18.${number}`, `22.198.18.${number}`);
  }
  throw new Error('every link for a test machine is taken');
}

function bringUp(pid: number, name: string, network: string, internet: string): Link {
  const ip = (...words: string[]): void => void execFileSync('ip', words);
  const inside = (...words: string[]): void =>
    void execFileSync('nsenter', ['--target', `${pid}`, '--net', '--', 'ip', ...words]);
  ip('address', 'add', `${network}.1/30`, 'dev', name);
  ip('address', 'add', `${internet}/32`, 'dev', name);
  ip('link', 'set', name, 'up');
  inside('address', 'add', `${network}.2/30`, 'dev', 'eth0');
  inside('link', 'set', 'eth0', 'up');
  inside('route', 'add', `${internet}/32`, 'via', `${network}.1`);
  // Removing the namespace removes the pair, but later than the processes end. Gone already is what is wanted.
  const remove = (): void => void spawnSync('ip', ['link', 'delete', name], { stdio: 'ignore' });
  return { name, address: `${network}.2`, internet, remove };
}
