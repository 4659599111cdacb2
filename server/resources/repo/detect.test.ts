import { describe, expect, it } from 'vitest';
import { CheckDefinition } from '#contract/check.ts';
import { detectChecks } from './detect.ts';

const pack = (scripts: unknown): string => JSON.stringify({ name: 'x', scripts });
const detect = (files: Record<string, string>) => {
  const { checks, formatter } = detectChecks(new Map(Object.entries(files)));
  return { commands: checks.map((check) => check.command), formatter };
};

const pytest = 'python3 -m pytest -o junit_family=xunit2 --junitxml=.patchgit-junit.xml';

describe('the checks of a project', () => {
  it.each<[string, Record<string, string>, string[], string | null]>([
    ['nothing', {}, [], null],
    ['npm', { 'package.json': pack({ test: 'node --test' }) }, ['npm test'], null],
    ['pnpm', { 'package.json': pack({ test: 'x' }), 'pnpm-lock.yaml': '' }, ['pnpm test'], null],
    ['yarn', { 'package.json': pack({ test: 'x' }), 'yarn.lock': '' }, ['yarn test'], null],
    [
      'the script that npm init writes',
      { 'package.json': pack({ test: 'echo "Error: no test specified" && exit 1' }) },
      [],
      null,
    ],
    [
      'a manager that the project names, whatever lies about',
      { 'package.json': JSON.stringify({ packageManager: 'pnpm@9.1.0', scripts: { test: 'x' } }), 'yarn.lock': '' },
      ['pnpm test'],
      null,
    ],
    [
      'npm workspaces without a script of their own',
      { 'package.json': JSON.stringify({ workspaces: ['packages/*'] }) },
      ['npm test --workspaces --if-present'],
      null,
    ],
    [
      'npm workspaces with the script that npm init writes',
      {
        'package.json': JSON.stringify({
          workspaces: ['a'],
          scripts: { test: 'echo "Error: no test specified" && exit 1' },
        }),
      },
      ['npm test --workspaces --if-present'],
      null,
    ],
    [
      'pnpm workspaces',
      { 'package.json': '{}', 'pnpm-workspace.yaml': '' },
      ['pnpm -r --no-bail --workspace-concurrency=1 test'],
      null,
    ],
    [
      'workspaces with a script',
      {
        'package.json': JSON.stringify({ workspaces: ['a'], scripts: { test: 'turbo test' } }),
        'pnpm-workspace.yaml': '',
      },
      ['pnpm test'],
      null,
    ],
    ['an empty script', { 'package.json': pack({ test: ' ' }) }, [], null],
    ['a script that is no text', { 'package.json': pack({ test: 7 }) }, [], null],
    ['scripts that are a list', { 'package.json': pack(['test']) }, [], null],
    ['a broken package.json', { 'package.json': '{"scripts":' }, [], null],
    ['a package.json that is null', { 'package.json': 'null' }, [], null],
    ['a script under a dangerous name', { 'package.json': '{"scripts":{"__proto__":{"test":"x"}}}' }, [], null],
    ['make test', { Makefile: 'all:\n\ttrue\ntest: all\n\ttrue\n' }, ['make test'], null],
    ['make check', { Makefile: 'check:\n\ttrue\n' }, ['make check'], null],
    ['a rule for several targets', { Makefile: 'lint test: deps\n\ttrue\n' }, ['make test'], null],
    ['a rule with two colons', { Makefile: 'test:: deps\n\ttrue\n' }, ['make test'], null],
    ['a target that is only phony', { Makefile: '.PHONY: test\nall:\n' }, [], null],
    ['a target that begins like it', { Makefile: 'test-data: x\nretest:\n' }, [], null],
    ['a variable set at once', { Makefile: 'test ::= x\n' }, [], null],
    ['a variable named test', { Makefile: 'test := x\nall:\n' }, [], null],
    ['GNUmakefile before Makefile', { GNUmakefile: 'check:\n', Makefile: 'test:\n' }, ['make check'], null],
    ['pytest by its file', { 'pytest.ini': '[pytest]\n' }, [pytest], null],
    ['pytest by pyproject', { 'pyproject.toml': '[tool.pytest.ini_options]\n' }, [pytest], null],
    ['pytest by setup.cfg', { 'setup.cfg': '[tool:pytest]\n' }, [pytest], null],
    ['tox', { 'tox.ini': '', 'pyproject.toml': '[project]\n' }, ['tox'], null],
    ['tox by pyproject', { 'pyproject.toml': '[tool.tox]\n' }, ['tox'], null],
    ['tox with settings of pytest', { 'tox.ini': '[testenv]\n[pytest]\n' }, ['tox'], null],
    ['a tox.ini that is of pytest alone', { 'tox.ini': '[pytest]\n' }, [pytest], null],
    ['pytest by a list of requirements', { 'requirements-dev.txt': 'mock\npytest>=8\n' }, [pytest], null],
    ['a plug-in of pytest alone', { 'requirements.txt': 'pytest-cov\n' }, [], null],
    ['pytest by its conftest', { 'tests/conftest.py': '', 'setup.py': '' }, [pytest], null],
    ['an old package', { 'setup.py': 'setup()\n' }, ['python3 -m unittest discover'], null],
    ['plain python', { 'pyproject.toml': '[project]\n' }, ['python3 -m unittest discover'], null],
    ['a setup.cfg about something else', { 'setup.cfg': '[metadata]\n' }, [], null],
    ['go', { 'go.mod': 'module x\n' }, ['go test -v ./...'], 'test -z "$(gofmt -l .)"'],
    [
      'go in a workspace',
      { 'go.work': '', 'go.mod': 'module x\n' },
      [`go test -v $(go list -f '{{.Dir}}/...' -m)`],
      'test -z "$(gofmt -l .)"',
    ],
    [
      'a workspace of cargo',
      { 'Cargo.toml': '[package]\n[workspace]\n' },
      ['cargo test --offline --no-fail-fast --workspace'],
      'cargo fmt --check',
    ],
    ['cargo', { 'Cargo.toml': '[package]\n' }, ['cargo test --offline --no-fail-fast'], 'cargo fmt --check'],
    ['maven', { 'pom.xml': '<project/>' }, ['mvn -o -q --fail-at-end test'], null],
    ['a wrapper of maven', { 'pom.xml': '', mvnw: '' }, ['sh ./mvnw -o -q --fail-at-end test'], null],
    ['a wrapper of maven alone', { mvnw: '' }, [], null],
    ['a wrapper of gradle', { 'settings.gradle': '', gradlew: '' }, ['sh ./gradlew --offline --continue test'], null],
    ['gradle', { 'build.gradle.kts': '' }, ['gradle --offline --continue test'], null],
    ['rspec', { '.rspec': '', Gemfile: '' }, ['bundle exec rspec'], null],
    ['rspec without Bundler', { '.rspec': '' }, ['rspec'], null],
    ['rspec by the Gemfile', { Gemfile: "  gem 'rspec-rails', '~> 7'\n", Rakefile: '' }, ['bundle exec rspec'], null],
    ['rake', { Gemfile: '', Rakefile: 'Rake::TestTask.new(:test)\n' }, ['bundle exec rake test'], null],
    ['rake without tests', { Rakefile: 'task :build\n' }, [], null],
    ['a Gemfile alone', { Gemfile: '' }, [], null],
    [
      'phpunit',
      { 'phpunit.xml.dist': '<phpunit/>', 'composer.json': '{}' },
      ['vendor/bin/phpunit --log-junit .patchgit-junit.xml'],
      null,
    ],
    ['phpunit of the system', { 'phpunit.xml': '<phpunit/>' }, ['phpunit --log-junit .patchgit-junit.xml'], null],
    ['a formatter script', { 'package.json': pack({ 'format:check': 'oxfmt --check' }) }, [], 'npm run format:check'],
    ['prettier', { '.prettierrc': '{}' }, [], 'npx --no-install prettier --check .'],
    [
      'two worlds at once',
      { 'package.json': pack({ test: 'x' }), 'go.mod': '' },
      ['npm test', 'go test -v ./...'],
      'test -z "$(gofmt -l .)"',
    ],
  ])('with %s', (_what, files, commands, formatter) => {
    expect(detect(files)).toEqual({ commands, formatter });
  });

  it('are marked as detected and have names of their own', () => {
    const { checks } = detectChecks(
      new Map([
        ['package.json', pack({ test: 'x' })],
        ['Makefile', 'test:\n'],
        ['go.mod', ''],
      ]),
    );
    expect(checks.every((check) => check.source === 'detected')).toBe(true);
    expect(new Set(checks.map((check) => check.name)).size).toBe(checks.length);
  });

  it.each<[string, Record<string, string>, string[] | undefined]>([
    ['pytest', { 'pytest.ini': '' }, ['.patchgit-junit.xml']],
    ['maven, in every module', { 'pom.xml': '' }, ['**/target/surefire-reports/*.xml']],
    ['gradle, in every module', { 'build.gradle': '' }, ['**/build/test-results/**/*.xml']],
    ['phpunit', { 'phpunit.xml': '' }, ['.patchgit-junit.xml']],
    ['npm, whose command is the project’s', { 'package.json': pack({ test: 'x' }) }, undefined],
    ['go', { 'go.mod': '' }, undefined],
  ])('say where the report is: %s', (_what, files, reports) => {
    const [check] = detectChecks(new Map(Object.entries(files))).checks;
    expect(CheckDefinition.parse(check).reports).toEqual(reports);
  });
});
