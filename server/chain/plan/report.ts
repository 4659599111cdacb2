import type { RepositoryReport } from '#contract/api.ts';
import { noSetUp } from '#contract/check.ts';
import type { Repository } from '#contract/repository.ts';
import type { Clock, Forge, Git } from '../../ports.ts';
import type { Mirrors } from '../../resources/repo/mirror.ts';
import { accessFindings } from './access-report.ts';

interface Parts {
  readonly git: Git;
  readonly mirrors: Mirrors;
  readonly forge: Pick<Forge, 'inspect'>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Looks at one repository the way a job will: can it be read, is there something to check, can a branch be pushed. */
export async function reportOn(parts: Parts, repository: Repository): Promise<RepositoryReport> {
  const findings: RepositoryReport['findings'] = [];
  const fetched = await parts.mirrors.fetch(repository);
  const now = fetched.ok ? fetched.value : repository;
  findings.push(
    fetched.ok
      ? {
          name: 'read',
          verdict: 'good',
          sentence: `Read from ${now.url}: ${now.defaultBranch} is at ${now.head?.slice(0, 12) ?? 'nothing'}.`,
        }
      : { name: 'read', verdict: 'bad', sentence: fetched.why.message },
  );
  const checks = now.checks ?? now.detectedChecks;
  findings.push(
    checks.length === 0
      ? {
          name: 'checks',
          verdict: 'warned',
          sentence: 'No check is known. Add one, or a change will only be built, not tested.',
        }
      : {
          name: 'checks',
          verdict: 'good',
          sentence: `Proof runs ${checks.map((check) => `"${check.command}"`).join(', ')}${now.checks ? '' : ' (detected)'}.`,
        },
  );
  const setUp = now.setUp ?? now.detectedSetUp ?? noSetUp;
  if (setUp !== noSetUp) {
    const by = now.setUp ? '' : ' (detected)';
    findings.push({ name: 'set-up', verdict: 'good', sentence: `Before the checks it runs "${setUp}"${by}.` });
  }
  if (now.forge === 'github') findings.push(...(await askedOfForge(parts, now)));
  else if (fetched.ok && now.head !== null) findings.push(await pushFinding(parts, now));
  return { repository: now, findings };
}

async function askedOfForge({ forge, clock }: Parts, repository: Repository): Promise<RepositoryReport['findings']> {
  const asked = await forge.inspect(repository, repository.defaultBranch);
  return asked.ok
    ? accessFindings(asked.value, repository.defaultBranch, clock.nowMs())
    : [{ name: 'access', verdict: 'bad', sentence: asked.why.message }];
}

/** Asks the remote whether it would take a branch, without giving it one. */
async function pushFinding(
  { git, mirrors }: Parts,
  repository: Repository,
): Promise<RepositoryReport['findings'][number]> {
  const asked = await git.canPush(mirrors.gitDir(repository.id), repository.url);
  return asked.ok
    ? { name: 'push', verdict: 'good', sentence: 'A branch can be pushed there.' }
    : {
        name: 'push',
        verdict: 'bad',
        sentence: `A branch cannot be pushed there, so GO would be refused. It said: ${asked.why.detail}`,
      };
}
