import type { RepositoryReport } from '#contract/api.ts';
import type { Repository } from '#contract/repository.ts';
import type { Git } from '../../ports.ts';
import type { Mirrors } from '../../resources/repo/mirror.ts';

/** Looks at one repository the way a job will: can it be read, is there something to check, can a branch be pushed. */
export async function reportOn(
  parts: { readonly git: Git; readonly mirrors: Mirrors },
  repository: Repository,
): Promise<RepositoryReport> {
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
  if (fetched.ok && now.head !== null) findings.push(await pushFinding(parts, now));
  return { repository: now, findings };
}

/** Asks the remote whether it would take a branch, without giving it one. */
async function pushFinding(
  { git, mirrors }: { readonly git: Git; readonly mirrors: Mirrors },
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
