/** npm run demo: the whole loop on the sample repository, told step by step, in a data folder that is thrown away. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Job } from '../server/contract/job.ts';
import { ChainVerdict } from '../server/contract/ledger.ts';
import type { Problem } from '../server/contract/problem.ts';
import { Proposal } from '../server/contract/proposal.ts';
import type { Result } from '../server/lib/result.ts';
import { proposalText } from '../server/cli/print.ts';
import { root, startDaemon } from './daemon.ts';

const home = mkdtempSync(join(tmpdir(), 'patchgit-demo-'));
const daemon = await startDaemon(home, { PATCHGIT_PORT: '0', PATCHGIT_LOG: 'error' });
if (daemon === null) process.exit(1);
const { client } = daemon;
let step = 0;

try {
  await tell();
} finally {
  daemon.process.kill('SIGTERM');
  await daemon.ended;
  rmSync(home, { recursive: true, force: true });
}

async function tell(): Promise<void> {
  heading('A good patch: a discount for the till of the sample repository');
  const good = await propose('discount.patch', 'Add a discount');
  console.log(proposalText(good));

  heading('GO: exactly the tree that was shown and proved, as a branch and a pull request');
  const published = await decide(good, good.document.digest);
  console.log(
    `Branch   ${published.publication?.branch}\nCommit   ${published.publication?.commit}\nTree     ${published.publication?.tree}`,
  );
  console.log(`Pull request #${published.publication?.pr?.number}, ${published.publication?.pr?.state}`);
  console.log(gitInSample('log', '--oneline', '--graph', '--all'));

  heading('Undo: close the pull request, delete the branch');
  need(await client.send('POST', `/api/proposals/${good.document.id}/undo`));
  const undone = await rest(good.document.id);
  console.log(
    `The proposal is ${undone.state}; the pull request is ${undone.publication?.pr?.state}. Branches now: ${gitInSample('branch', '--format=%(refname:short)')}`,
  );

  heading('A bad patch: it applies, and it breaks something');
  const bad = await propose('tidy-price.patch', 'Tidy the price');
  const { failingBefore, failingAfter, newFailures } = bad.document.proof;
  console.log(
    `${failingBefore} failing before, ${failingAfter} failing after, ${newFailures} new ${newFailures === 1 ? 'failure' : 'failures'}: ${bad.document.checks.flatMap((check) => check.newFailures).join(', ')}`,
  );
  refused(await client.send('POST', `/api/proposals/${bad.document.id}/go`, { digest: bad.document.digest }));

  heading('GO with an old digest, and GO on a base that moved');
  const again = await propose('discount.patch', 'Add a discount, again');
  refused(await client.send('POST', `/api/proposals/${again.document.id}/go`, { digest: good.document.digest }));
  moveBase('src/basket.js');
  need(await client.send('POST', `/api/proposals/${again.document.id}/refresh`));
  refused(await client.send('POST', `/api/proposals/${again.document.id}/go`, { digest: again.document.digest }));

  heading('The ledger: everything above, hash-chained');
  const verdict = ChainVerdict.parse(need(await client.get('/api/audit/verify')));
  console.log(`${verdict.entries} entries, ${verdict.ok ? 'the chain holds' : 'the chain is broken'}.`);
  console.log('\nNothing was spent, nothing left this machine, and nothing is kept. To use it: npm start');
  if (!verdict.ok || newFailures !== 1 || undone.state !== 'undone') process.exitCode = 1;
}

function heading(title: string): void {
  step += 1;
  console.log(`\n${'─'.repeat(78)}\n${step}. ${title}\n`);
}

function need(answer: Result<unknown, Problem>): unknown {
  if (!answer.ok) throw new Error(`${answer.why.code}: ${answer.why.message}`);
  return answer.value;
}

function refused(answer: Result<unknown, Problem>): void {
  if (answer.ok) throw new Error('this GO had to be refused, and was not');
  console.log(`GO refused (${answer.why.code}): ${answer.why.message}`);
}

async function propose(file: string, title: string): Promise<Proposal> {
  console.log(`$ patchgit propose --repo sample --diff scripts/sample-patches/${file} --wait\n`);
  const query = new URLSearchParams({ id: randomUUID(), repository: 'sample', title });
  const patch = readFileSync(join(root, 'scripts/sample-patches', file));
  const { id } = Job.parse(need(await client.sendBytes(`/api/jobs?${query}`, patch)));
  for (;;) {
    const job = Job.parse(need(await client.get(`/api/jobs/${id}`)));
    if (job.proposalId !== null) return Proposal.parse(need(await client.get(`/api/proposals/${job.proposalId}`)));
    if (job.problem !== null) throw new Error(`${job.problem.code}: ${job.problem.message}`);
    await pause(100);
  }
}

async function decide(proposal: Proposal, digest: string): Promise<Proposal> {
  console.log(`$ patchgit go ${proposal.document.id} --digest ${digest}\n`);
  need(await client.send('POST', `/api/proposals/${proposal.document.id}/go`, { digest }));
  return await rest(proposal.document.id);
}

async function rest(id: string): Promise<Proposal> {
  for (;;) {
    const proposal = Proposal.parse(need(await client.get(`/api/proposals/${id}`)));
    if (!['publishing', 'undoing'].includes(proposal.state)) return proposal;
    await pause(50);
  }
}

function gitInSample(...args: string[]): string {
  return execFileSync('git', [`--git-dir=${join(home, 'forge/sample.git')}`, ...args], { encoding: 'utf8' }).trim();
}

/** Somebody else changes a file that the patch changes too, and pushes it to the base branch. */
function moveBase(path: string): void {
  const gitDir = join(home, 'forge/sample.git');
  const index = join(home, 'demo-index');
  const run = (args: string[], input?: string): string =>
    execFileSync(
      'git',
      [`--git-dir=${gitDir}`, '-c', 'user.name=somebody', '-c', 'user.email=somebody@example.org', ...args],
      {
        encoding: 'utf8',
        input,
        env: { ...process.env, GIT_INDEX_FILE: index },
      },
    ).trim();
  run(['read-tree', 'main']);
  const content = run(['cat-file', 'blob', `main:${path}`]);
  const blob = run(['hash-object', '-w', '--stdin'], `// changed by somebody else\n${content}\n`);
  run(['update-index', '--cacheinfo', `100644,${blob},${path}`]);
  const commit = run(['commit-tree', '-p', 'main', '-m', `Change ${path}`, run(['write-tree'])]);
  run(['update-ref', 'refs/heads/main', commit]);
  console.log(`(somebody changed ${path} on main)`);
}
