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
    ['an empty script', { 'package.json': pack({ test: ' ' }) }, [], null],
    ['a script that is no text', { 'package.json': pack({ test: 7 }) }, [], null],
    ['scripts that are a list', { 'package.json': pack(['test']) }, [], null],
    ['a broken package.json', { 'package.json': '{"scripts":' }, [], null],
    ['a package.json that is null', { 'package.json': 'null' }, [], null],
    ['a script under a dangerous name', { 'package.json': '{"scripts":{"__proto__":{"test":"x"}}}' }, [], null],
    ['make test', { Makefile: 'all:\n\ttrue\ntest: all\n\ttrue\n' }, ['make test'], null],
    ['make check', { Makefile: 'check:\n\ttrue\n' }, ['make check'], null],
    ['a variable named test', { Makefile: 'test := x\nall:\n' }, [], null],
    ['GNUmakefile before Makefile', { GNUmakefile: 'check:\n', Makefile: 'test:\n' }, ['make check'], null],
    ['pytest by its file', { 'pytest.ini': '[pytest]\n' }, [pytest], null],
    ['pytest by pyproject', { 'pyproject.toml': '[tool.pytest.ini_options]\n' }, [pytest], null],
    ['pytest by setup.cfg', { 'setup.cfg': '[tool:pytest]\n' }, [pytest], null],
    ['tox', { 'tox.ini': '', 'pyproject.toml': '[project]\n' }, ['tox'], null],
    ['plain python', { 'pyproject.toml': '[project]\n' }, ['python3 -m unittest discover'], null],
    ['a setup.cfg about something else', { 'setup.cfg': '[metadata]\n' }, [], null],
    ['go', { 'go.mod': 'module x\n' }, ['go test ./...'], 'test -z "$(gofmt -l .)"'],
    ['cargo', { 'Cargo.toml': '[package]\n' }, ['cargo test --offline --no-fail-fast'], 'cargo fmt --check'],
    ['maven', { 'pom.xml': '<project/>' }, ['mvn -o -q --fail-at-end test'], null],
    ['gradle', { 'build.gradle.kts': '' }, ['gradle --offline --continue test'], null],
    ['rspec', { '.rspec': '' }, ['bundle exec rspec'], null],
    ['a Gemfile alone', { Gemfile: '' }, [], null],
    ['phpunit', { 'phpunit.xml.dist': '<phpunit/>' }, ['vendor/bin/phpunit --log-junit .patchgit-junit.xml'], null],
    ['a formatter script', { 'package.json': pack({ 'format:check': 'oxfmt --check' }) }, [], 'npm run format:check'],
    ['prettier', { '.prettierrc': '{}' }, [], 'npx --no-install prettier --check .'],
    [
      'two worlds at once',
      { 'package.json': pack({ test: 'x' }), 'go.mod': '' },
      ['npm test', 'go test ./...'],
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
