import { startFakeGitHub, type FakeGitHub } from './forge.ts';

export interface DevForge {
  readonly forge: FakeGitHub;
  /** For the daemon: with these it publishes to the fake and knows no difference. */
  readonly environment: { readonly GITHUB_TOKEN: string; readonly GITHUB_API_URL: string };
  /** Addresses for `git clone`, in the order of the repositories. */
  readonly cloneUrls: readonly string[];
}

const test = "import assert from 'node:assert';\nimport { add } from './add.mjs';\nassert.equal(add(2, 2), 4);\n";

/** For `npm run dev`: pull requests on a forge without an account. Close the forge at the end, and its repositories are gone. */
export async function startDevForge(): Promise<DevForge> {
  const forge = await startFakeGitHub();
  const shop = forge.addRepository({
    owner: 'owner',
    name: 'shop',
    ci: { name: 'test', conclusion: 'success', afterMs: 15_000 },
    files: {
      'README.md': '# shop\n',
      'package.json': `${JSON.stringify({ name: 'shop', type: 'module', scripts: { test: 'node test.mjs' } })}\n`,
      'add.mjs': 'export const add = (a, b) => a + b;\n',
      'test.mjs': test,
      '.github/workflows/test.yml': 'on: push\njobs: {}\n',
    },
  });
  const site = forge.addRepository({ owner: 'owner', name: 'site', isPrivate: false, protectedBranches: ['main'] });
  const token = forge.addToken({
    kind: 'fine_grained',
    login: 'owner',
    permissions: { contents: 'write', pull_requests: 'write', issues: 'write', statuses: 'write', checks: 'read' },
  });
  forge.addIssue('owner/shop', { title: 'Add subtraction', body: 'There is only `add`.', labels: ['patchgit'] });
  return { forge, environment: { GITHUB_TOKEN: token, GITHUB_API_URL: forge.url }, cloneUrls: [shop, site] };
}
