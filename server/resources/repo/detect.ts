import type { CheckDefinition } from '#contract/check.ts';

/** Files at the top of a tree whose content says how the project is checked. */
export const detectionFiles = [
  'package.json',
  'Makefile',
  'GNUmakefile',
  'makefile',
  'pyproject.toml',
  'setup.cfg',
  'tox.ini',
  'requirements.txt',
  'requirements-dev.txt',
  'requirements_dev.txt',
  'dev-requirements.txt',
  'requirements-test.txt',
  'test-requirements.txt',
  'setup.py',
  'go.mod',
  'Cargo.toml',
  'Gemfile',
  'Rakefile',
] as const;

/** Whose being there says enough; their content is never read. */
export const detectionNames = [
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'yarn.lock',
  'pytest.ini',
  '.pytest.ini',
  'conftest.py',
  'tests/conftest.py',
  'test/conftest.py',
  'go.work',
  'pom.xml',
  'mvnw',
  'build.gradle',
  'build.gradle.kts',
  'settings.gradle',
  'settings.gradle.kts',
  'gradlew',
  'composer.json',
  'vendor/autoload.php',
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
  const pack = packageOf(files);
  const scripts = scriptsOf(pack);
  const runner = nodeManager(files);
  const found: (Found | null)[] = [
    nodeTests(files, pack),
    makeTarget(files),
    pythonTests(files),
    goTests(files),
    rustTests(files),
    mavenTests(files),
    gradleTests(files),
    rubyTests(files),
    phpTests(files),
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

export type NodeManager = 'npm' | 'pnpm' | 'yarn';

/** What the project itself names, else what its lock file is of. */
export function nodeManager(files: FilesAtTop): NodeManager {
  const named = packageOf(files)['packageManager'];
  const known = typeof named === 'string' ? /^(npm|pnpm|yarn)@/.exec(named)?.[1] : undefined;
  if (known === 'npm' || known === 'pnpm' || known === 'yarn') return known;
  if (files.has('pnpm-lock.yaml') || files.has('pnpm-workspace.yaml')) return 'pnpm';
  return files.has('yarn.lock') ? 'yarn' : 'npm';
}

/** The project's own test script; in a workspace without one, that of every package that has one, each to its end. */
function nodeTests(files: FilesAtTop, pack: Record<string, unknown>): Found | null {
  if (isRealScript(scriptsOf(pack)['test'])) return ['test', `${nodeManager(files)} test`];
  if (files.has('pnpm-workspace.yaml')) return ['test', 'pnpm -r --no-bail --workspace-concurrency=1 test'];
  // yarn has no command for it that all of its versions know; npm runs the scripts as well.
  return 'workspaces' in pack ? ['test', 'npm test --workspaces --if-present'] : null;
}

function packageOf(files: FilesAtTop): Record<string, unknown> {
  const parsed = parseJson(files.get('package.json') ?? '{}');
  return isRecord(parsed) ? parsed : {};
}

function scriptsOf(pack: Record<string, unknown>): Record<string, string> {
  const scripts = pack['scripts'];
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

/** A rule, maybe for several targets at once, and no assignment. */
function makeTarget(files: FilesAtTop): Found | null {
  const makefile = files.get('GNUmakefile') ?? files.get('makefile') ?? files.get('Makefile');
  if (makefile === undefined) return null;
  const isTarget = (name: string): boolean =>
    new RegExp(String.raw`^(?:[\w./%-]+[ \t]+)*${name}(?:[ \t]+[\w./%-]+)*[ \t]*(?:::(?!=)|:(?![:=]))`, 'm').test(
      makefile,
    );
  const target = ['test', 'check'].find(isTarget);
  return target === undefined ? null : [`make ${target}`, `make ${target}`];
}

/** Where a project says pytest, and tox as well, pytest it is: it needs no environments of its own. */
export function pythonRunner(files: FilesAtTop): 'pytest' | 'tox' | 'unittest' | null {
  const project = files.get('pyproject.toml') ?? '';
  const config = files.get('setup.cfg') ?? '';
  const tox = files.get('tox.ini');
  const saysPytest =
    files.has('pytest.ini') ||
    files.has('.pytest.ini') ||
    /\bpytest\b/.test(project) ||
    /^\[tool:pytest\]/m.test(config);
  if (saysPytest) return 'pytest';
  // A tox.ini can hold the settings of pytest and nothing of tox.
  const isOnlyPytest = tox !== undefined && /^\[pytest\]/m.test(tox) && !/^\[(?:tox|testenv)\b/m.test(tox);
  if ((tox !== undefined && !isOnlyPytest) || /^\[tool\.tox\b/m.test(project) || /^\[tox:tox\]/m.test(config))
    return 'tox';
  if (isOnlyPytest || hintsAtPytest(files)) return 'pytest';
  return files.has('pyproject.toml') || files.has('setup.py') ? 'unittest' : null;
}

function hintsAtPytest(files: FilesAtTop): boolean {
  const isListed = [...files].some(
    ([name, text]) => /requirements/.test(name) && /^pytest\s*(?:$|[[=<>~!;#])/m.test(text),
  );
  const hasConftest = ['conftest.py', 'tests/conftest.py', 'test/conftest.py'].some((name) => files.has(name));
  return isListed || hasConftest || /\bpytest\b/.test(files.get('setup.py') ?? '');
}

function pythonTests(files: FilesAtTop): Found | null {
  switch (pythonRunner(files)) {
    case 'pytest':
      return ['pytest', `python3 -m pytest -o junit_family=xunit2 --junitxml=${reportFile}`, [reportFile]];
    case 'tox':
      return ['tox', 'tox'];
    case 'unittest':
      return ['unittest', 'python3 -m unittest discover'];
    case null:
      return null;
  }
}

/** With -v, because without it no test that passes is named, and one that is gone could not be missed. */
function goTests(files: FilesAtTop): Found | null {
  // In a workspace "./..." means one module at most, and none where the top has none.
  if (files.has('go.work')) return ['go test', `go test -v $(go list -f '{{.Dir}}/...' -m)`];
  return files.has('go.mod') ? ['go test', 'go test -v ./...'] : null;
}

function rustTests(files: FilesAtTop): Found | null {
  const manifest = files.get('Cargo.toml');
  if (manifest === undefined) return null;
  // A package that is the root of a workspace would else be tested alone.
  const scope = /^\[workspace\b/m.test(manifest) ? ' --workspace' : '';
  return ['cargo test', `cargo test --offline --no-fail-fast${scope}`];
}

function mavenTests(files: FilesAtTop): Found | null {
  if (!files.has('pom.xml')) return null;
  return ['maven', `${mavenProgram(files)} -o -q --fail-at-end test`, ['**/target/surefire-reports/*.xml']];
}

/** A wrapper brings the version that the project is built with; it may be without its executable bit. */
export function mavenProgram(files: FilesAtTop): string {
  return files.has('mvnw') ? 'sh ./mvnw' : 'mvn';
}

function gradleTests(files: FilesAtTop): Found | null {
  if (!isGradle(files)) return null;
  return ['gradle', `${gradleProgram(files)} --offline --continue test`, ['**/build/test-results/**/*.xml']];
}

/** A build of several projects may have a file of settings alone at the top. */
export function isGradle(files: FilesAtTop): boolean {
  return ['build.gradle', 'build.gradle.kts', 'settings.gradle', 'settings.gradle.kts'].some((name) => files.has(name));
}

export function gradleProgram(files: FilesAtTop): string {
  return files.has('gradlew') ? 'sh ./gradlew' : 'gradle';
}

function rubyTests(files: FilesAtTop): Found | null {
  const gems = files.get('Gemfile');
  const through = gems === undefined ? '' : 'bundle exec ';
  if (files.has('.rspec') || /^\s*gem\s*\(?\s*["']rspec/m.test(gems ?? '')) return ['rspec', `${through}rspec`];
  const tasks = files.get('Rakefile') ?? '';
  const hasTests = /\b(?:Rake|Minitest)::TestTask\b|^\s*task\s*\(?\s*:?["']?test\b|\.load_tasks\b/m.test(tasks);
  return hasTests ? ['rake test', `${through}rake test`] : null;
}

function phpTests(files: FilesAtTop): Found | null {
  if (!files.has('phpunit.xml') && !files.has('phpunit.xml.dist')) return null;
  const isOwn = files.has('composer.json') || files.has('vendor/autoload.php');
  return ['phpunit', `${isOwn ? 'vendor/bin/phpunit' : 'phpunit'} --log-junit ${reportFile}`, [reportFile]];
}

function detectFormatter(files: FilesAtTop, scripts: Record<string, string>, runner: string): string | null {
  const script = ['format:check', 'fmt:check', 'format-check'].find((name) => isRealScript(scripts[name]));
  if (script !== undefined) return `${runner} run ${script}`;
  if (files.has('.prettierrc') || files.has('.prettierrc.json')) return 'npx --no-install prettier --check .';
  if (files.has('Cargo.toml')) return 'cargo fmt --check';
  if (files.has('go.mod')) return 'test -z "$(gofmt -l .)"';
  return null;
}
