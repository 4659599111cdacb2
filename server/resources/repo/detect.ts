import type { CheckDefinition } from '#contract/check.ts';

/** Files at the top of a tree whose content says how the project is checked. */
export const detectionFiles = [
  'package.json',
  'Makefile',
  'GNUmakefile',
  'makefile',
  'pyproject.toml',
  'setup.cfg',
  'go.mod',
  'Cargo.toml',
] as const;

/** Whose being there says enough; their content is never read. */
export const detectionNames = [
  'pnpm-lock.yaml',
  'yarn.lock',
  'pytest.ini',
  'tox.ini',
  'pom.xml',
  'build.gradle',
  'build.gradle.kts',
  '.rspec',
  'phpunit.xml',
  'phpunit.xml.dist',
  '.prettierrc',
  '.prettierrc.json',
] as const;

/** Name to content; the content is empty for what is only looked for by its name. */
export type FilesAtTop = ReadonlyMap<string, string>;

export interface Detected {
  readonly checks: CheckDefinition[];
  readonly formatter: string | null;
}

/** Name, command, and where it leaves its reports. */
type Found = readonly [string, string, (readonly string[])?];

/** Below the top of the tree, where every runner may write; it goes with the sandbox. */
const reportFile = '.patchgit-junit.xml';

/**
 * The checks a project's own files name, in a fixed order, at most one per ecosystem. What cannot be read is skipped: a
 * broken package.json is the project's business and the checks that need it will say so. Commands run on after the first
 * failure and leave a report where the runner can: an old failure must not hide what comes behind it.
 */
export function detectChecks(files: FilesAtTop): Detected {
  const scripts = packageScripts(files.get('package.json'));
  const runner = files.has('pnpm-lock.yaml') ? 'pnpm' : files.has('yarn.lock') ? 'yarn' : 'npm';
  const found: (Found | null)[] = [
    isRealScript(scripts['test']) ? ['test', `${runner} test`] : null,
    makeTarget(files),
    pythonTests(files),
    files.has('go.mod') ? ['go test', 'go test ./...'] : null,
    files.has('Cargo.toml') ? ['cargo test', 'cargo test --offline --no-fail-fast'] : null,
    files.has('pom.xml') ? ['maven', 'mvn -o -q --fail-at-end test', ['**/target/surefire-reports/*.xml']] : null,
    files.has('build.gradle') || files.has('build.gradle.kts')
      ? ['gradle', 'gradle --offline --continue test', ['**/build/test-results/**/*.xml']]
      : null,
    files.has('.rspec') ? ['rspec', 'bundle exec rspec'] : null,
    files.has('phpunit.xml') || files.has('phpunit.xml.dist')
      ? ['phpunit', `vendor/bin/phpunit --log-junit ${reportFile}`, [reportFile]]
      : null,
  ];
  const checks = found
    .filter((check) => check !== null)
    .map(([name, command, reports]): CheckDefinition => ({
      name,
      command,
      source: 'detected',
      ...(reports === undefined ? {} : { reports: [...reports] }),
    }));
  return { checks, formatter: detectFormatter(files, scripts, runner) };
}

function packageScripts(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  const parsed = parseJson(text);
  const scripts = isRecord(parsed) ? parsed['scripts'] : null;
  if (!isRecord(scripts)) return {};
  return Object.fromEntries(
    Object.entries(scripts).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** `npm init` writes a test script that only prints an error; running it proves nothing. */
function isRealScript(script: string | undefined): boolean {
  return script !== undefined && script.trim() !== '' && !script.includes('no test specified');
}

function makeTarget(files: FilesAtTop): Found | null {
  const makefile = files.get('GNUmakefile') ?? files.get('makefile') ?? files.get('Makefile');
  if (makefile === undefined) return null;
  const target = ['test', 'check'].find((name) => new RegExp(`^${name}\\s*:(?!=)`, 'm').test(makefile));
  return target === undefined ? null : [`make ${target}`, `make ${target}`];
}

function pythonTests(files: FilesAtTop): Found | null {
  const project = files.get('pyproject.toml') ?? '';
  const usesPytest =
    files.has('pytest.ini') || /\bpytest\b/.test(project) || /^\[tool:pytest\]/m.test(files.get('setup.cfg') ?? '');
  if (usesPytest) return ['pytest', `python3 -m pytest -o junit_family=xunit2 --junitxml=${reportFile}`, [reportFile]];
  if (files.has('tox.ini')) return ['tox', 'tox'];
  return files.has('pyproject.toml') ? ['unittest', 'python3 -m unittest discover'] : null;
}

function detectFormatter(files: FilesAtTop, scripts: Record<string, string>, runner: string): string | null {
  const script = ['format:check', 'fmt:check', 'format-check'].find((name) => isRealScript(scripts[name]));
  if (script !== undefined) return `${runner} run ${script}`;
  if (files.has('.prettierrc') || files.has('.prettierrc.json')) return 'npx --no-install prettier --check .';
  if (files.has('Cargo.toml')) return 'cargo fmt --check';
  if (files.has('go.mod')) return 'test -z "$(gofmt -l .)"';
  return null;
}
