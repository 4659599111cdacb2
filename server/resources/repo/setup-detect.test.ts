import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HostName } from '#contract/check.ts';
import { setUpDefaults } from '#contract/budget.ts';
import { detectChecks } from './detect.ts';
import { detectSetUp } from './setup-detect.ts';

const detect = (files: Record<string, string>) => {
  const present = new Map(Object.entries(files));
  return detectSetUp(present, detectChecks(present));
};
const pack = (more: object): string => JSON.stringify({ scripts: { test: 'node --test' }, ...more });
const needs = pack({ devDependencies: { vitest: '^5' } });
const pip =
  'PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --user --disable-pip-version-check --no-warn-script-location';
const pytest = '[tool.pytest.ini_options]\n';

describe('what has to be installed first', () => {
  it.each<[string, Record<string, string>, string | null]>([
    ['npm with a lock file', { 'package.json': needs, 'package-lock.json': '' }, 'npm ci'],
    ['npm with a shrinkwrap', { 'package.json': needs, 'npm-shrinkwrap.json': '' }, 'npm ci'],
    ['npm without one', { 'package.json': needs }, 'npm install --no-package-lock'],
    ['a package.json without dependencies', { 'package.json': pack({}), 'package-lock.json': '' }, null],
    ['empty lists', { 'package.json': pack({ dependencies: {}, devDependencies: {} }) }, null],
    [
      'a workspace whose members may have some',
      { 'package.json': pack({ workspaces: ['a'] }) },
      'npm install --no-package-lock',
    ],
    ['tracked node_modules', { 'package.json': needs, 'package-lock.json': '', node_modules: '' }, null],
    ['pnpm', { 'package.json': needs, 'pnpm-lock.yaml': '' }, 'pnpm install --frozen-lockfile'],
    ['yarn 1', { 'package.json': needs, 'yarn.lock': '' }, 'yarn install --frozen-lockfile --non-interactive'],
    [
      'yarn by its configuration',
      { 'package.json': needs, 'yarn.lock': '', '.yarnrc.yml': '' },
      'yarn install --immutable',
    ],
    [
      'yarn by the package',
      { 'package.json': pack({ dependencies: { a: '1' }, packageManager: 'yarn@4.5.0' }), 'yarn.lock': '' },
      'yarn install --immutable',
    ],
    ['yarn with everything in the tree', { 'package.json': needs, 'yarn.lock': '', '.pnp.cjs': '' }, null],
    [
      'a package that builds itself: what it builds must not be shared',
      {
        'package.json': pack({ dependencies: { a: '1' }, scripts: { test: 'x', prepare: 'tsc' } }),
        'package-lock.json': '',
      },
      'npm ci --ignore-scripts && npm rebuild',
    ],
    [
      'pnpm by the package, without a lock file',
      { 'package.json': pack({ dependencies: { a: '1' }, packageManager: 'pnpm@9.1.0' }), 'yarn.lock': '' },
      'pnpm install --no-lockfile',
    ],
    [
      'yarn 1 by the package, without a lock file',
      { 'package.json': pack({ dependencies: { a: '1' }, packageManager: 'yarn@1.22.22' }) },
      'yarn install --no-lockfile --non-interactive',
    ],
    ['tox that pyproject names', { 'pyproject.toml': '[tool.tox]\n' }, 'tox --notest'],
    ['modules of a go workspace', { 'go.work': '' }, 'go mod download'],
    [
      'gems that rake needs',
      { Gemfile: "gem 'rake'\n", Rakefile: 'Rake::TestTask.new\n' },
      'bundle config set --local path vendor/bundle && bundle install',
    ],
    ['a broken package.json', { 'package.json': '{', 'package-lock.json': '' }, null],
    ['requirements', { 'requirements.txt': '', 'pytest.ini': '' }, `${pip} -r requirements.txt`],
    [
      'several lists of them',
      { 'requirements.txt': '', 'requirements-dev.txt': '', 'requirements/test.txt': '', 'pytest.ini': '' },
      `${pip} -r requirements.txt -r requirements-dev.txt -r requirements/test.txt`,
    ],
    [
      'a package with extras for its tests, as a link to the tree',
      {
        'pyproject.toml': `${pytest}[build-system]\n[project.optional-dependencies]\ndocs = []\ntest = ["x"]\n[tool.x]\ndev = 1\n`,
      },
      `${pip} -e '.[test]'`,
    ],
    ['setup.py', { 'setup.py': '', 'pytest.ini': '' }, `${pip} -e '.'`],
    ['a pyproject that is no package', { 'pyproject.toml': pytest }, null],
    ['tox', { 'tox.ini': '' }, 'tox --notest'],
    ['go', { 'go.mod': 'module x\n\nrequire a.b/c v1.0.0\n' }, 'go mod download'],
    ['go without requirements', { 'go.mod': 'module x\n' }, null],
    ['vendored go', { 'go.mod': 'require (\n)', 'vendor/modules.txt': '' }, null],
    ['cargo', { 'Cargo.toml': '[dependencies]\n# all\nserde = "1"\n', 'Cargo.lock': '' }, 'cargo fetch --locked'],
    ['cargo without a lock file', { 'Cargo.toml': '[dev-dependencies.x]\nversion = "1"\n' }, 'cargo fetch'],
    ['cargo with nothing', { 'Cargo.toml': '[package]\n[dependencies]\n\n[features]\nx = []\n' }, null],
    ['vendored cargo', { 'Cargo.toml': '[dependencies]\na = "1"\n', '.cargo/config.toml': '' }, null],
    [
      'bundler',
      { Gemfile: 'gem "rspec"\n', 'Gemfile.lock': '', '.rspec': '' },
      'bundle config set --local path vendor/bundle && bundle config set --local frozen true && bundle install',
    ],
    ['vendored gems', { Gemfile: 'gem "rspec"\n', '.rspec': '', 'vendor/cache': '' }, null],
    [
      'composer',
      { 'composer.json': '{"require-dev":{"phpunit/phpunit":"^11"}}', 'phpunit.xml': '' },
      'composer install --no-interaction --no-progress',
    ],
    [
      'composer that needs only PHP',
      { 'composer.json': '{"require":{"php":">=8","ext-json":"*"}}', 'phpunit.xml': '' },
      null,
    ],
    [
      'vendored PHP',
      { 'composer.json': '{"require":{"a/b":"1"}}', 'phpunit.xml': '', 'vendor/autoload.php': '' },
      null,
    ],
    ['nothing', {}, null],
  ])('%s', (_what, files, command) => {
    expect(detect(files)?.command ?? null).toBe(command);
  });

  it('is only what the detected checks are of, unless they may be of anything', () => {
    const both = { 'go.mod': 'require a.b/c v1\n', Gemfile: 'gem "x"\n' };
    expect(detect(both)?.command).toBe('go mod download');
    expect(detect({ ...both, Makefile: 'test:\n' })?.command).toMatch(
      /^go mod download && bundle config .* bundle install$/,
    );
    // The owner's checks, of which nothing is known here.
    expect(detect({ Gemfile: 'gem "x"\n' })?.command).toMatch(/bundle install$/);
    const formatted = {
      'go.mod': 'module x\n',
      'package.json': JSON.stringify({ devDependencies: { a: '1' } }),
      '.prettierrc': '',
    };
    expect(detect(formatted)?.command).toBe('npm install --no-package-lock');
  });

  it('names the hosts of two worlds, each once', () => {
    const files = { 'package.json': needs, 'yarn.lock': '', 'go.mod': 'require a.b/c v1\n' };
    const hosts = [
      'registry.npmjs.org',
      'registry.yarnpkg.com',
      'repo.yarnpkg.com',
      'proxy.golang.org',
      'sum.golang.org',
    ];
    expect(detect(files)?.hosts).toEqual(hosts);
  });

  it('needs no host that is not a registry, except for composer, which says so', () => {
    const outside = [
      { 'package.json': needs },
      { 'pom.xml': '' },
      { 'build.gradle': '' },
      { 'Cargo.toml': '[workspace]\n' },
      { Gemfile: 'gem "x"\n', '.rspec': '' },
      { 'uv.lock': '', 'pytest.ini': '' },
      { 'composer.json': '{"require":{"a/b":"1"}}', 'phpunit.xml': '' },
    ].flatMap((files) => (detect(files)?.hosts ?? ['none']).filter((host) => !setUpDefaults.hosts.includes(host)));
    expect(outside).toEqual(['api.github.com', 'codeload.github.com']);
    expect(setUpDefaults.hosts.every((host) => HostName.safeParse(host).success)).toBe(true);
  });

  it.each<[string, Record<string, string>]>([
    ['uv', { 'uv.lock': '', 'pytest.ini': '' }],
    ['poetry', { 'poetry.lock': '', 'pytest.ini': '' }],
    ['pipenv', { 'Pipfile.lock': '', 'pytest.ini': '' }],
    ['maven', { 'pom.xml': '' }],
    ['gradle', { 'build.gradle.kts': '' }],
  ])('is something that a shell can read: %s', (_what, files) => {
    execFileSync('/bin/sh', ['-n', '-c', detect(files)?.command ?? ''], { stdio: 'pipe' });
  });

  it('leads plain python3 to what uv, poetry or pipenv have put into .venv', () => {
    const folder = mkdtempSync(join(tmpdir(), 'patchgit-python-'));
    try {
      const version = execFileSync('python3', ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
        encoding: 'utf8',
      }).trim();
      const site = join(folder, 'ws/.venv/lib', `python${version}`, 'site-packages');
      mkdirSync(site, { recursive: true });
      mkdirSync(join(folder, 'ws/src'));
      writeFileSync(join(site, 'needed.py'), 'answer = 42\n');
      // What an editable install leaves: a line that leads back to the tree.
      writeFileSync(join(site, '__editable__.pth'), `${join(folder, 'ws/src')}\n`);
      writeFileSync(join(folder, 'ws/src/own.py'), 'answer = 43\n');
      const link = (detect({ 'uv.lock': '', 'pytest.ini': '' })?.command ?? '').replace(/^.*uv sync --frozen && /, '');
      const options = { cwd: join(folder, 'ws'), env: { PATH: process.env['PATH'], HOME: join(folder, 'home') } };
      execFileSync('/bin/sh', ['-c', link], options);
      const asked = ['-c', 'import needed, own; print(needed.answer, own.answer)'];
      expect(execFileSync('python3', asked, { ...options, encoding: 'utf8' })).toBe('42 43\n');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('a wrapper of the base', () => {
  it('is what installs, as it is what checks', () => {
    expect(detect({ 'pom.xml': '', mvnw: '' })?.command).toMatch(
      /^sh \.\/mvnw -B -q dependency:go-offline && .*; sh \.\/mvnw -B -q clean/,
    );
    const gradle = detect({ 'settings.gradle.kts': '', gradlew: '' });
    expect(gradle?.command).toMatch(/&& sh \.\/gradlew --no-daemon /);
    // It fetches gradle itself, from where nothing else is fetched.
    expect(gradle?.hosts).toContain('services.gradle.org');
    expect(detect({ 'build.gradle': '' })?.hosts).not.toContain('services.gradle.org');
  });
});
