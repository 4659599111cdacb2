import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { closeHouses, startHouse, type House } from './testing/daemon.ts';
import { addRepository, getProposal, jobAtRest, must, sendPatch } from './testing/owner.ts';
import { makeRepository, removeRepositories } from './testing/repository.ts';

// Put together here, so that no scanner takes this file for a leak.
const letters = 'aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY';
const token = ['ghp', `_${letters}aB3d`].join('');
const password = ['q7Vz0LmR3x', 'T9bKw2'].join('');

let house: House;
beforeAll(async () => {
  house = await startHouse();
});
afterAll(closeHouses);
afterEach(removeRepositories);

it('the value of a secret in a patch is on no page, in no log and in no row; only the patch itself has it', async () => {
  const repository = makeRepository({ 'a.txt': 'one\n' });
  const checks = [{ name: 'cat', command: 'cat config.ts 2>/dev/null; true' }];
  await addRepository(house.client, { name: 'r', url: repository.origin, checks });
  const patch = repository.diff({
    'a.txt': 'one\n',
    'config.ts': `export const password = "${password}";\nexport const token = "${token}";\n`,
  });
  const sent = must(await sendPatch(house.client, { repository: 'r', patch, title: `Use ${token}` }));
  const job = await jobAtRest(house.client, sent.id);
  expect(job.problem).toBeNull();
  const proposal = await getProposal(house.client, job.proposalId ?? '');
  const gate = proposal.document.gates.find(({ name }) => name === 'secret');
  expect(gate).toMatchObject({
    verdict: 'warned',
    reason: expect.stringMatching(/password in "config.ts" line 1; GitHub token in "config.ts" line 2/),
  });
  const patches = new Set([proposal.document.patch.sha256, proposal.document.patch.receivedSha256]);
  const seen: string[] = [];
  const database = readdirSync(house.home).filter((name) => name.startsWith('patchgit.db'));
  const artifacts = readdirSync(join(house.home, 'artifacts'), { recursive: true, encoding: 'utf8' });
  for (const path of [...database, ...artifacts.map((name) => join('artifacts', name))]) {
    const file = join(house.home, path);
    if (!statSync(file).isFile() || [...patches].some((sha256) => path.endsWith(sha256))) continue;
    const bytes = readFileSync(file).toString('latin1');
    if (bytes.includes(token) || bytes.includes(password)) seen.push(path);
  }
  expect(seen).toEqual([]);
  const log = proposal.document.checks[0]?.after.log.sha256 ?? '';
  const text = readFileSync(join(house.home, 'artifacts', log.slice(0, 2), log), 'utf8');
  expect(text).toContain('token = "[masked: GitHub token]"');
  expect(text).toContain('password = "[masked: password]"');
});
