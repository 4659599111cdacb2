/** The whole way on GitHub where the daemon has no credential: patchgit-push alone holds it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Doctor } from '#contract/api.ts';
import { pushService } from './adapters/push-service.ts';
import { closeGitHubHouses, openGitHubHouse, type GitHubHouse } from './testing/github-house.ts';
import { decide, goAndRest, must, proposalAtRest } from './testing/owner.ts';
import { descendantsOf } from './testing/processes.ts';
import { until } from './testing/wait.ts';

const folder = mkdtempSync(join(tmpdir(), 'patchgit-held-'));
const socketPath = join(folder, 'push.sock');
const refusals: string[] = [];
let at: GitHubHouse;
let service: Server;

beforeAll(async () => {
  at = await openGitHubHouse({ environment: { GITHUB_TOKEN: '', PATCHGIT_PUSH_SOCKET: socketPath } });
  const { forge, token } = at;
  const onRefused = (code: string): void => void refusals.push(code);
  service = pushService({ apiUrl: forge.url, gitOrigin: forge.gitUrl, token, onRefused }).listen(socketPath);
});
afterAll(async () => {
  service?.close();
  service?.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
  await closeGitHubHouses();
});

/** Where the daemon or a program of its own has the token. */
function holders(): string[] {
  const daemon = { pid: at.house.pid(), command: 'the daemon' };
  return [daemon, ...descendantsOf(daemon.pid)].flatMap(({ pid, command }) => {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
    return environment.includes(at.token) || command.includes(at.token) ? [command] : [];
  });
}

it('a change goes out as one branch and one pull request, comes back when it is merged, and nobody here has the token', async () => {
  const { forge } = at;
  await at.add('shop');
  const published = await goAndRest(at.house.client, await at.propose('shop'));
  const { id, publishing } = published.document;
  expect(published).toMatchObject({ state: 'published', publication: { step: 'opened', pr: { number: 1 } } });
  expect([...forge.branches('ada/shop').keys()].toSorted()).toEqual(['main', publishing.branch].toSorted());
  await until('the proof stands on the commit', () => forge.world.repository('ada/shop').statuses.length > 0);
  expect(holders()).toEqual([]);
  forge.merge('ada/shop', 1);
  await at.sees(id, 'it was merged', (now) => now.outcome?.state === 'merged');
  expect(at.leaks()).toEqual([]);
  expect(refusals).toEqual([]);
});

it('it is taken back with one tap', async () => {
  await at.add('undone');
  const { document } = await goAndRest(at.house.client, await at.propose('undone'));
  must(await at.house.client.send('POST', `/api/proposals/${document.id}/undo`));
  expect(await proposalAtRest(at.house.client, document.id)).toMatchObject({ state: 'undone' });
  expect([...at.forge.branches('ada/undone').keys()]).toEqual(['main']);
  expect(at.forge.pull('ada/undone', 1)).toMatchObject({ state: 'closed' });
});

it('an answer that is lost is asked for again, also when patchgit-push itself was gone, and there is one pull request', async () => {
  await at.add('lost');
  const proposal = await at.propose('lost');
  at.forge.faults.add({ on: 'pulls/create', at: 'ada/lost', does: { kind: 'as_asked' }, says: { kind: 'nothing' } });
  must(await decide(at.house.client, proposal.document));
  await until('it was sent', () => at.forge.world.repository('ada/lost').pulls.length === 1, 60_000);
  service.closeAllConnections();
  const published = await at.sees(proposal.document.id, 'it is published', (now) => now.state === 'published');
  expect(published.publication?.pr?.number).toBe(1);
  expect(at.forge.world.repository('ada/lost').pulls).toHaveLength(1);
  expect(at.leaks()).toEqual([]);
});

it('doctor says who holds the token', async () => {
  const { findings } = Doctor.parse(must(await at.house.client.get('/api/doctor')));
  const said = findings.filter(({ name }) => name === 'GitHub').map(({ sentence }) => sentence);
  expect(said).toContainEqual(expect.stringMatching(/^patchgit-push holds the token: this daemon cannot read it/));
  expect(said).toContainEqual('GitHub knows the token: patchgit acts there as ada.');
});
