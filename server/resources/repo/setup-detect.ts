/**
 * Which command fetches what the checks of a project need, by the project's own files. Pure. A command here leaves dependencies
 * only, and nothing that is built from the project's own sources: what it leaves is shared by every tree with the same lock files,
 * and a check that ran on what was built from another tree would prove that other tree.
 */
import { gradleProgram, isGradle, mavenProgram, nodeManager, type Detected, type FilesAtTop } from './detect.ts';
import { pythonSetUp, pythonSetUpFiles } from './setup-python.ts';

/** Their content says whether and how; they are read beside what `detect.ts` reads. */
export const setUpContents = ['Gemfile', 'composer.json', 'setup.py'] as const;

/** Dependencies that are in the tree already. */
export const setUpFolders = ['node_modules', 'vendor/bundle', 'vendor/cache'] as const;

/** That they are there says enough. */
export const setUpNames = [
  'package-lock.json',
  'pnpm-workspace.yaml',
  'npm-shrinkwrap.json',
  '.yarnrc.yml',
  '.pnp.cjs',
  'Cargo.lock',
  'composer.lock',
  'Gemfile.lock',
  'vendor/modules.txt',
  'vendor/autoload.php',
  '.cargo/config.toml',
  ...pythonSetUpFiles,
] as const;

export interface DetectedSetUp {
  readonly command: string;
  /** Hosts that the command usually reaches. */
  readonly hosts: readonly string[];
}

/** The worlds that a project can be of, as its checks name them. */
type World = 'node' | 'python' | 'go' | 'rust' | 'maven' | 'gradle' | 'ruby' | 'php';

/** null: nothing is to be installed for these checks and this formatter, or it is in the tree already. */
export function detectSetUp(files: FilesAtTop, { checks, formatter }: Detected): DetectedSetUp | null {
  const worlds = worldsOf(checks, formatter);
  const finders: Readonly<Record<World, (files: FilesAtTop) => DetectedSetUp | null>> = {
    node: nodeSetUp,
    python: pythonSetUp,
    go: goSetUp,
    rust: rustSetUp,
    maven: mavenSetUp,
    gradle: gradleSetUp,
    ruby: rubySetUp,
    php: phpSetUp,
  };
  const found = Object.entries(finders)
    .filter(([world]) => [...worlds].some((wanted) => wanted === world))
    .map(([, find]) => find(files))
    .filter((setUp) => setUp !== null);
  if (found.length === 0) return null;
  return {
    command: found.map(({ command }) => command).join(' && '),
    hosts: [...new Set(found.flatMap(({ hosts }) => hosts))],
  };
}

const everyWorld: readonly World[] = ['node', 'python', 'go', 'rust', 'maven', 'gradle', 'ruby', 'php'];

const worldOf: Readonly<Record<string, World>> = {
  test: 'node',
  pytest: 'python',
  tox: 'python',
  unittest: 'python',
  'go test': 'go',
  'cargo test': 'rust',
  maven: 'maven',
  gradle: 'gradle',
  rspec: 'ruby',
  'rake test': 'ruby',
  phpunit: 'php',
};

/** Which worlds the checks are of. A make target, or checks that only the owner knows, may be of any. */
function worldsOf(checks: Detected['checks'], formatter: string | null): ReadonlySet<World> {
  const worlds = checks.map(({ name }) => worldOf[name]);
  const known = worlds.filter((world) => world !== undefined);
  if (checks.length === 0 || known.length < checks.length) return new Set(everyWorld);
  const formats = formatter !== null && /^(?:npm|pnpm|yarn|npx) /.test(formatter);
  return new Set([...known, ...(formats ? (['node'] as const) : [])]);
}

function nodeSetUp(files: FilesAtTop): DetectedSetUp | null {
  const pack = jsonObject(files.get('package.json'));
  if (pack === null || files.has('node_modules') || files.has('.pnp.cjs')) return null;
  const lists = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies', 'workspaces'];
  if (!lists.some((list) => hasMembers(pack[list])) && !files.has('pnpm-workspace.yaml')) return null;
  const npm = ['registry.npmjs.org'];
  const yarn = [...npm, 'registry.yarnpkg.com', 'repo.yarnpkg.com'];
  // `prepare` is where a package builds itself, and what it builds must be built from the tree that is checked.
  const scripts = pack['scripts'];
  const builds =
    isRecord(scripts) && (typeof scripts['prepare'] === 'string' || typeof scripts['prepublish'] === 'string');
  const manager = nodeManager(files);
  if (manager === 'pnpm') {
    const command = `pnpm install ${files.has('pnpm-lock.yaml') ? '--frozen-lockfile' : '--no-lockfile'}`;
    return { command: builds ? `${command} --ignore-scripts && pnpm rebuild` : command, hosts: npm };
  }
  if (manager === 'yarn') {
    const named = pack['packageManager'];
    const isNew = files.has('.yarnrc.yml') || (typeof named === 'string' && /^yarn@[2-9]/.test(named));
    if (isNew) return { command: 'yarn install --immutable', hosts: yarn };
    const command = `yarn install ${files.has('yarn.lock') ? '--frozen-lockfile' : '--no-lockfile'} --non-interactive`;
    return { command: builds ? `${command} --ignore-scripts && npm rebuild` : command, hosts: yarn };
  }
  const isLocked = files.has('package-lock.json') || files.has('npm-shrinkwrap.json');
  const command = isLocked ? 'npm ci' : 'npm install --no-package-lock';
  return { command: builds ? `${command} --ignore-scripts && npm rebuild` : command, hosts: npm };
}

function goSetUp(files: FilesAtTop): DetectedSetUp | null {
  // What the modules of a workspace need stands in their own folders.
  const needs = files.has('go.work') || /^\s*require\b/m.test(files.get('go.mod') ?? '');
  if (files.has('vendor/modules.txt') || !needs) return null;
  return { command: 'go mod download', hosts: ['proxy.golang.org', 'sum.golang.org'] };
}

function rustSetUp(files: FilesAtTop): DetectedSetUp | null {
  const manifest = files.get('Cargo.toml') ?? '';
  // A table of dependencies with something in it, one of its own for a dependency, or members that may have some.
  const needs =
    /^\[[^\]\n]*dependencies\]\s*\n(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*[A-Za-z0-9_"'-]/m.test(manifest) ||
    /^\[[^\]\n]*dependencies\.[^\]\n]+\]/m.test(manifest) ||
    /^\[workspace\b/m.test(manifest);
  // A vendored project says in its own configuration that nothing is to be fetched.
  if (!needs || files.has('.cargo/config.toml')) return null;
  return {
    command: files.has('Cargo.lock') ? 'cargo fetch --locked' : 'cargo fetch',
    hosts: ['index.crates.io', 'static.crates.io'],
  };
}

/**
 * `go-offline` does not know what the test plugin fetches when it meets the first test, so a test that is not there is run once;
 * what that has compiled is taken away again. Only the first part decides: a project that does not compile is the checks' to say.
 */
function mavenSetUp(files: FilesAtTop): DetectedSetUp | null {
  if (!files.has('pom.xml')) return null;
  const mvn = mavenProgram(files);
  const none = '-Dtest=NoSuchTest -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false';
  return {
    command: `${mvn} -B -q dependency:go-offline && { ${mvn} -B -q ${none} test; ${mvn} -B -q clean; }`,
    hosts: ['repo.maven.apache.org', 'repo1.maven.org'],
  };
}

/** gradle has no command for it: every configuration is resolved by a task of ours, and what cannot be is left to the checks. */
function gradleSetUp(files: FilesAtTop): DetectedSetUp | null {
  if (!isGradle(files)) return null;
  const resolve =
    'configurations.findAll { it.canBeResolved }.each { it.incoming.artifactView { lenient(true) }.files.files }';
  const script = `allprojects { tasks.register("patchgitFetch") { doLast { ${resolve} } } }`;
  return {
    command: `echo '${script}' > /tmp/fetch.gradle && ${gradleProgram(files)} --no-daemon -q -I /tmp/fetch.gradle patchgitFetch`,
    hosts: [
      'repo.maven.apache.org',
      'repo1.maven.org',
      'plugins.gradle.org',
      'plugins-artifacts.gradle.org',
      // The wrapper fetches gradle itself.
      ...(files.has('gradlew') ? ['services.gradle.org'] : []),
    ],
  };
}

function rubySetUp(files: FilesAtTop): DetectedSetUp | null {
  if (!/^\s*(?:gem|gemspec)\b/m.test(files.get('Gemfile') ?? '')) return null;
  if (files.has('vendor/bundle') || files.has('vendor/cache')) return null;
  // Written down in the tree, where "bundle exec" of the checks finds it.
  const here = 'bundle config set --local path vendor/bundle';
  const frozen = files.has('Gemfile.lock') ? ' && bundle config set --local frozen true' : '';
  return { command: `${here}${frozen} && bundle install`, hosts: ['rubygems.org', 'index.rubygems.org'] };
}

function phpSetUp(files: FilesAtTop): DetectedSetUp | null {
  const pack = jsonObject(files.get('composer.json'));
  if (pack === null || files.has('vendor/autoload.php')) return null;
  const needs = ['require', 'require-dev'].some((list) => {
    const names = pack[list];
    // "php" and "ext-…" are of the system, not of a registry.
    return isRecord(names) && Object.keys(names).some((name) => name.includes('/'));
  });
  if (!needs) return null;
  // Packagist says where a package is, and that is GitHub for nearly all of them.
  return {
    command: 'composer install --no-interaction --no-progress',
    hosts: ['repo.packagist.org', 'api.github.com', 'codeload.github.com'],
  };
}

function jsonObject(text: string | undefined): Record<string, unknown> | null {
  if (text === undefined) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch (error) {
    // A broken manifest is the project's business, and the checks that need it will say so.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasMembers(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}
