import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findViolations } from './tidy.ts';

let root: string;

function plant(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'patchgit-tidy-'));
  plant('server/lib/result.ts', 'export const ok = 1;\n');
  plant('server/record/ledger/store.ts', `import { ok } from '../../lib/result.ts';\nexport const ledger = ok;\n`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('the tidy checker', () => {
  it('is content with the house as it stands', () => {
    expect(findViolations(join(import.meta.dirname, '..'))).toEqual([]);
  });

  it('is content with a small clean house, and refuses to check an empty one', () => {
    expect(findViolations(root)).toEqual([]);
    rmSync(join(root, 'server'), { recursive: true });
    expect(() => findViolations(root)).toThrow(/no source file/);
  });

  it.each([
    [
      'record that knows the chain',
      'server/record/ledger/tell.ts',
      `import { x } from '../../chain/job/store.ts';\n`,
      /record may not import chain/,
    ],
    [
      'resources that know a door',
      'server/resources/repo/tell.ts',
      `import type { x } from '../../doors/live/hub.ts';\n`,
      /resources may not import doors/,
    ],
    [
      'a chain that knows an SDK',
      'server/chain/publish/tell.ts',
      `import { simpleGit } from 'simple-git';\n`,
      /chain may not import the package simple-git/,
    ],
    [
      'a door that builds an adapter',
      'server/doors/http/tell.ts',
      `import { git } from '../../adapters/git.ts';\n`,
      /doors may not import adapters/,
    ],
    [
      'a pure decision that reads files',
      'server/chain/job/decide.ts',
      `import { readFileSync } from 'node:fs';\n`,
      /pure may not import the package node:fs/,
    ],
    [
      'a decision that knows the store',
      'server/chain/job/decide.ts',
      `import { x } from './store.ts';\n`,
      /a decision knows no effects/,
    ],
    [
      'a store that performs',
      'server/chain/job/store.ts',
      `import { x } from './perform.ts';\n`,
      /a store is used by what performs/,
    ],
    [
      'a helper that knows the server, even as a type',
      'helper/run.ts',
      `import type { x } from '../server/record/ledger/store.ts';\n`,
      /helper may not import record/,
    ],
    [
      'a page that knows the server',
      'web/page.tsx',
      `import { x } from '../server/lib/result.ts';\n`,
      /web may not import lib/,
    ],
    [
      'a hidden import',
      'server/chain/job/tell.ts',
      `export const x = () => import('../../adapters/git.ts');\n`,
      /may not load .* lazily/,
    ],
    [
      'a re-export across the wings',
      'server/record/ledger/index.ts',
      `export { x } from '../../chain/job/store.ts';\n`,
      /record may not import chain/,
    ],
    ['a file in no room', 'server/helpers.ts', 'export const x = 1;\n', /belongs to no layer/],
    ['a file that is too long', 'server/lib/long.ts', 'export {};\n'.repeat(401), /at most 400/],
    ['a mock of our own module', 'server/lib/a.test.ts', `vi.mock('./result.ts');\n`, /no mocks/],
    ['a skipped test', 'server/lib/a.test.ts', `it.skip('x', () => {});\n`, /does not run/],
    ['a note of unfinished work', 'server/lib/a.ts', '// TODO later\n', /unfinished/],
    ['an empty catch', 'server/lib/a.ts', 'try { f(); } catch {}\n', /hides a failure/],
    ['markup made of text', 'web/page.tsx', 'element.innerHTML = text;\n', /never markup/],
    [
      'a table that is not strict',
      'server/record/db/migrations/0001_a.sql',
      'create table a (id text);\n',
      /not STRICT/,
    ],
    [
      'a README that names a folder that is gone',
      'README.md',
      '```text house\nserver/\n  gone/\n  lib/\n  record/\n    ledger/\n```\n',
      /which does not exist/,
    ],
    [
      'a README that forgets a folder',
      'README.md',
      '```text house\nserver/\n  lib/\n```\n',
      /does not name server\/record/,
    ],
  ])('catches %s', (_what, file, text, why) => {
    plant(file, text);
    const found = findViolations(root).filter((violation) => violation.file === file);
    expect(found.map((violation) => violation.why).join('\n')).toMatch(why);
  });
});
