/**
 * The first thing every npm script runs, under whatever Node the machine has (20.20 or newer): installs what is locked,
 * gets what the sandbox and the tests need where it may, builds what changed, and hands over to the pinned Node.
 * Everything it does is skipped when it is done already. Its own output goes to standard error.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = join(root, 'node_modules/.bin/node');
const [target = 'start', ...args] = process.argv.slice(2);
const quiet = target === 'cli';

const say = (/** @type {string} */ sentence) => process.stderr.write(`${sentence}\n`);
const path = (/** @type {string} */ name) => join(root, name);

/** @type {Record<string, { entry: string[], tools?: string[], build?: boolean }>} */
const targets = {
  start: { entry: ['scripts/start.ts'], tools: ['bwrap'], build: true },
  test: {
    entry: ['node_modules/vitest/vitest.mjs', 'run', '--config', 'scripts/vitest.config.ts'],
    tools: ['bwrap', 'chromium', 'openssl', 'machine'],
    build: true,
  },
  demo: { entry: ['scripts/demo.ts'], tools: ['bwrap'], build: true },
  dev: { entry: ['scripts/dev.ts'], tools: ['bwrap'], build: true },
  bench: { entry: ['scripts/bench.ts'], tools: ['bwrap'], build: true },
  check: { entry: ['scripts/check.ts'] },
  simulate: { entry: ['scripts/simulate.ts'] },
  build: { entry: ['scripts/build.ts', '--force'] },
  cli: { entry: ['dist/cli.cjs'], build: true },
};

const chosen = targets[target];
if (!chosen) {
  say(`There is no script "${target}". Known: ${Object.keys(targets).join(', ')}.`);
  process.exit(2);
}
installDependencies();
for (const tool of chosen.tools ?? []) provideTool(tool);
if (chosen.build) buildWhatChanged();
runPinned(chosen.entry, args);

/** `npm ci`, once per lockfile. */
function installDependencies() {
  const stamp = path('node_modules/.patchgit-lock');
  const lock = createHash('sha256')
    .update(readFileSync(path('package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock && existsSync(node)) return;
  say('Installing the locked dependencies (once) …');
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const installed = spawnSync(command, [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (installed.status !== 0 || !existsSync(node)) {
    say(`${installed.stdout ?? ''}${installed.stderr ?? ''}`.trim());
    say(
      'The dependencies could not be installed. The lines above say why; run the same command again when it is mended.',
    );
    process.exit(1);
  }
  const why = whyNodeFails();
  if (why !== null) {
    say(why);
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

/** The sentence for a pinned Node that is there and does not start, or null. The loader names the library that it misses. */
function whyNodeFails() {
  const started = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (started.status === 0) return null;
  const [, library = ''] = /error while loading shared libraries: ([^:]+): /.exec(started.stderr ?? '') ?? [];
  const packages = { 'libatomic.so.1': 'libatomic1', 'libstdc++.so.6': 'libstdc++6', 'libgcc_s.so.1': 'libgcc-s1' };
  const name = packages[library];
  if (name === undefined)
    return `The pinned Node does not start here. ${started.error?.message ?? started.stderr.trim()}`;
  return `The pinned Node does not start here, because ${library} is missing. Install it with: sudo apt-get install ${name}`;
}

/** A program from the distribution: installed where we may, named where we may not. @param {string} tool */
function provideTool(tool) {
  if (tool === 'machine') return provideMachine();
  const packages = { bwrap: 'bubblewrap', chromium: 'chromium', openssl: 'openssl' };
  const purpose = {
    bwrap: 'the sandbox, which proves every change',
    chromium: 'the browser tests',
    openssl: 'the package registry of the tests',
  };
  if (isInstalled(tool)) return;
  const name = packages[tool];
  const byHand = `${tool} is not installed; it is needed for ${purpose[tool]}. Install it with: sudo apt-get install ${name}`;
  if (!mayInstall()) return say(byHand);
  say(`Installing ${name} for ${purpose[tool]} (once) …`);
  if (!aptInstall(name)) say(byHand);
}

/**
 * The packages of which tests boot a machine (server/testing/machine): unpacked into a folder and installed nowhere, so
 * that nothing is started and nothing of this system changes. What this system has already is taken from it.
 */
function provideMachine() {
  const folder = path('node_modules/.patchgit-machine');
  const names = ['systemd', 'dbus', 'passwd', 'procps', 'iproute2', 'nftables', 'openssh-server', 'cloud-init', 'git'];
  const stamp = join(folder, 'packages');
  const wanted = names.join(' ');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const skipped = 'The tests that boot a machine are skipped: they need root, and the packages of Debian or Ubuntu.';
  if (!mayInstall()) return say(skipped);
  say('Unpacking systemd and sshd for the tests that boot a machine (once) …');
  const archives = join(folder, 'archives');
  mkdirSync(join(archives, 'partial'), { recursive: true });
  if (!aptInstall('--download-only', '--no-upgrade', '-o', `Dir::Cache::archives=${archives}/`, ...names)) {
    return say(skipped);
  }
  // Packages still name /bin and /lib, which are links into /usr.
  const unpack = `set -eu
    rm -rf layer; mkdir layer; cd layer
    for name in bin sbin lib lib32 lib64 libx32; do mkdir -p usr/$name; ln -s usr/$name $name; done
    for package in ../archives/*.deb; do
      [ -e "$package" ] || continue
      dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink
    done
    rm -rf ../archives`;
  const unpacked = spawnSync('sh', ['-c', unpack], { cwd: folder, encoding: 'utf8' });
  if (unpacked.status !== 0) return say(`${skipped} ${unpacked.stderr.trim()}`);
  writeFileSync(stamp, wanted);
}

function mayInstall() {
  return process.getuid?.() === 0 && isInstalled('apt-get');
}

/** @param {string[]} words names of packages, and options @returns {boolean} whether it is done */
function aptInstall(...words) {
  const apt = (/** @type {string[]} */ ...all) =>
    spawnSync('apt-get', [...all, '-qq'], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      encoding: 'utf8',
    });
  const install = () => apt('install', '-y', '--no-install-recommends', ...words).status === 0;
  // The package list may be missing or old, and is only fetched when the first try needs it.
  return install() || (apt('update').status === 0 && install());
}

/** @param {string} program */
function isInstalled(program) {
  return (process.env.PATH ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, program)));
}

/** Builds when a source file differs from the last build, by name, size and time of change. */
function buildWhatChanged() {
  const hash = createHash('sha256');
  for (const folder of ['server', 'helper', 'web']) {
    for (const name of readdirSync(path(folder), { recursive: true }).map(String).sort()) {
      if (name.endsWith('.test.ts')) continue;
      const { size, mtimeMs } = statSync(join(root, folder, name));
      hash.update(`${folder}/${name} ${size} ${mtimeMs}\n`);
    }
  }
  for (const name of ['package-lock.json', 'scripts/build.ts']) hash.update(readFileSync(path(name)));
  const wanted = hash.digest('hex');
  const stamp = path('dist/.sources');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  if (!quiet) say('Building …');
  const built = spawnSync(node, [path('scripts/build.ts')], { cwd: root, encoding: 'utf8' });
  if (built.status !== 0) {
    say(whyNodeFails() ?? `${built.stdout}${built.stderr}`.trim());
    process.exit(1);
  }
  mkdirSync(path('dist'), { recursive: true });
  writeFileSync(stamp, wanted);
}

/** Hands over to the pinned Node; signals go through, and so does the exit code. @param {string[]} entry @param {string[]} more */
function runPinned([file = '', ...fixed], more) {
  const child = spawn(node, [path(file), ...fixed, ...more], {
    // A path on the command line is meant from where the owner stands.
    cwd: quiet ? (process.env.INIT_CWD ?? process.cwd()) : root,
    stdio: 'inherit',
    env: { ...process.env, NODE_COMPILE_CACHE: path('dist/compile-cache') },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    // What a loader ends with that misses a library.
    const why = code === 127 ? whyNodeFails() : null;
    if (why !== null) say(why);
    process.exit(signal ? 130 : (code ?? 1));
  });
}
