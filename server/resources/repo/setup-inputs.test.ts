import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ObjectId } from '#contract/ids.ts';
import { hardenedGit } from '../../adapters/git.ts';
import type { Git } from '../../ports.ts';
import { makeRepository, type TestRepository } from '../../testing/repository.ts';
import { isSetUpInput, setUpInputs } from './setup-inputs.ts';

describe('what a set-up depends on', () => {
  it.each([
    'package.json',
    'packages/a/package.json',
    'package-lock.json',
    '.npmrc',
    '.yarnrc.yml',
    '.yarn/releases/yarn.cjs',
    'pnpm-workspace.yaml',
    'requirements.txt',
    'requirements-dev.txt',
    'requirements/base.txt',
    'api/constraints.txt',
    'pyproject.toml',
    'uv.lock',
    'poetry.lock',
    'setup.py',
    'setup.cfg',
    'Pipfile.lock',
    'go.mod',
    'tools/go.sum',
    'go.work',
    'Cargo.toml',
    'crates/x/Cargo.toml',
    '.cargo/config.toml',
    'rust-toolchain.toml',
    'Gemfile',
    'Gemfile.lock',
    'x.gemspec',
    'composer.lock',
    'pom.xml',
    'build.gradle.kts',
    'gradle/libs.versions.toml',
    'gradle.properties',
    'patches/left-pad+1.0.0.patch',
    'libs/x-1.0-py3-none-any.whl',
    '.gitattributes',
  ])('is %s', (path) => {
    expect(isSetUpInput(path)).toBe(true);
  });

  it.each([
    'src/index.ts',
    'scripts/prepare.js',
    'README.md',
    'package.json.md',
    'docs/my-go.mod.txt',
    'lib/Gem.rb',
    '.yarnish/x',
  ])('is not %s', (path) => {
    expect(isSetUpInput(path)).toBe(false);
  });

  it('is also what the policy of the base names', () => {
    expect(isSetUpInput('tools/install.sh', ['tools/**'])).toBe(true);
    expect(isSetUpInput('src/tools/install.sh', ['tools/**'])).toBe(false);
  });
});

describe('the inputs of a tree', () => {
  let repository: TestRepository;
  let commands: string[];
  const real = hardenedGit({ path: process.env['PATH'] ?? '/usr/bin:/bin' });
  const counted: Pick<Git, 'run'> = {
    run: (request) => {
      commands.push(request.args[0] ?? '');
      return real.run(request);
    },
  };
  const place = () => ({ gitDir: repository.origin });
  const treeOf = (commit: string): ObjectId => ObjectId.parse(repository.git('rev-parse', `${commit}^{tree}`));

  beforeEach(() => {
    commands = [];
    repository = makeRepository({ 'package.json': '{}', 'a/b/go.sum': 'x', 'src/a.ts': '1', 'tools/x.sh': 'y' });
  });
  afterEach(() => repository.remove());

  it('are listed with mode and object, once for a tree', async () => {
    const inputs = setUpInputs({ ...real, ...counted });
    const tree = treeOf('main');
    const listed = await inputs.of(place(), tree, ['tools/**']);
    expect(listed.map(({ path, mode }) => [path, mode])).toEqual([
      ['a/b/go.sum', '100644'],
      ['package.json', '100644'],
      ['tools/x.sh', '100644'],
    ]);
    expect(listed[0]?.oid).toBe(repository.git('rev-parse', 'main:a/b/go.sum'));
    await inputs.of(place(), tree, ['tools/**']);
    expect(commands).toEqual(['ls-tree']);
    // Other globs are another question.
    expect(await inputs.of(place(), tree, [])).toHaveLength(2);
  });

  it('are compared without listing a whole tree: changed, new and gone', async () => {
    const before = treeOf('main');
    const after = treeOf(
      repository.commit({ 'package.json': '{"a":1}', 'a/b/go.sum': null, 'c/pom.xml': 'n', 'src/a.ts': '2' }),
    );
    const inputs = setUpInputs({ ...real, ...counted });
    expect(await inputs.changed(place(), before, after, [])).toEqual(['a/b/go.sum', 'c/pom.xml', 'package.json']);
    expect(commands).toEqual(['diff-tree']);
  });

  it('that cannot be listed are said, and asked for again', async () => {
    const inputs = setUpInputs({ ...real, ...counted });
    const missing = ObjectId.parse('0123456789'.repeat(4));
    await expect(inputs.of(place(), missing, [])).rejects.toThrow(/list the files of a tree/);
    await expect(inputs.of(place(), missing, [])).rejects.toThrow(/list the files of a tree/);
    expect(commands).toEqual(['ls-tree', 'ls-tree']);
  });
});
