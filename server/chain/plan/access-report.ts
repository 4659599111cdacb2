import type { Doctor } from '#contract/api.ts';
import type { ForgeAccess } from '#contract/forge.ts';

type Findings = Doctor['findings'];
type Verdict = Findings[number]['verdict'];

const dayMs = 24 * 60 * 60_000;
const expiresSoonMs = 14 * dayMs;
const untilFirst = 'is not known until the first push: GitHub tells nobody before.';

/** What the connection may do at a repository, in sentences, with what to do where it may not. Pure. */
export function accessFindings(access: ForgeAccess, base: string, nowMs: number): Findings {
  const { actsAs, credential, missing } = access;
  const findings: Findings = [];
  const add = (name: string, verdict: Verdict, sentence: string): void => {
    findings.push({ name, verdict, sentence });
  };
  if (credential === 'none') {
    add('access', 'bad', 'Nothing is connected that may act there: add GITHUB_TOKEN, or the number and key of an App.');
    return findings;
  }
  add(
    'acts as',
    'good',
    `patchgit acts there as ${actsAs ?? 'somebody unnamed'}, with ${credentialWords[credential]}.`,
  );
  const right = (name: string, has: boolean | null, words: RightWords): void => {
    if (has === null) add(name, 'warned', `Whether it may ${words.may} ${words.unknown ?? untilFirst}`);
    else add(name, has ? 'good' : (words.without ?? 'bad'), has ? `It may ${words.may}.` : words.not);
  };
  right('reading', access.canRead, { may: 'read the repository', not: 'It may not read the repository.' });
  right('pushing', access.canPush, { may: 'push a branch', not: 'It may not push a branch, so GO would be refused.' });
  right('pull requests', access.canOpenPulls, {
    may: 'open pull requests',
    not: 'It may not open pull requests, so GO would be refused.',
    unknown: 'is not known until the first GO. A fine-grained token needs "Pull requests: read and write".',
  });
  right('workflows', access.canChangeWorkflows, {
    may: 'change .github/workflows',
    not: 'It may not change .github/workflows, so a patch that does would be refused at GO.',
    unknown: 'is not known until the first push that does. A fine-grained token needs "Workflows: read and write".',
    without: 'warned',
  });
  if (access.isArchived === true) add('archived', 'bad', 'The repository is archived: nothing can be pushed to it.');
  if (access.isBaseProtected === true)
    add('base', 'good', `${base} is protected, so a pull request is the only way in. That is how patchgit works.`);
  if (access.isBaseProtected === false)
    add('base', 'good', `${base} is not protected. patchgit pushes to a branch of its own all the same.`);
  if (access.startsChecks !== null) {
    add(
      'CI',
      access.startsChecks ? 'good' : 'warned',
      access.startsChecks
        ? 'What it pushes starts the CI of the repository.'
        : 'What it pushes does not start the CI of the repository: only what patchgit proves is known.',
    );
  }
  if (access.expiresAtMs !== null) findings.push(expiry(access.expiresAtMs, nowMs));
  // What nobody can know before is said above, with the others.
  for (const [at, sentence] of missing.filter((one) => !one.includes('not known until')).entries()) {
    add(`to do ${at + 1}`, 'warned', sentence);
  }
  return findings;
}

interface RightWords {
  readonly may: string;
  readonly not: string;
  readonly unknown?: string;
  /** How grave it is without: `bad` where GO would fail. */
  readonly without?: Verdict;
}

const credentialWords = { token: 'a token', app: 'an App' } as const;

function expiry(expiresAtMs: number, nowMs: number): Findings[number] {
  const leftMs = expiresAtMs - nowMs;
  if (leftMs <= 0) return { name: 'expiry', verdict: 'bad', sentence: 'The token has ended. Make a new one.' };
  const days = Math.floor(leftMs / dayMs);
  const when = days === 0 ? 'within a day' : `in ${days} ${days === 1 ? 'day' : 'days'}`;
  return leftMs < expiresSoonMs
    ? { name: 'expiry', verdict: 'warned', sentence: `The token ends ${when}. Make a new one before that.` }
    : { name: 'expiry', verdict: 'good', sentence: `The token ends ${when}.` };
}
