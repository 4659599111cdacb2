/** The first thing every npm script runs, on a machine that lacks what the pinned Node is linked against. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const pinned = join(root, 'node_modules/node/bin/node');

const linkedTo = (file: string): string => spawnSync('sh', ['-c', 'ldd "$1"', 'sh', file], { encoding: 'utf8' }).stdout;

/** Another Node than the pinned one, and the library that only the pinned one needs; null where this cannot be tried. */
function findParts(): { readonly node: string; readonly library: string } | null {
  const [, library] = /libatomic\.so\.1 => (\S+)/.exec(linkedTo(pinned)) ?? [];
  const node = ['/usr/local/bin/node', '/usr/bin/node'].find((path) => {
    const linked = linkedTo(path);
    return linked !== '' && !linked.includes('libatomic');
  });
  return process.getuid?.() === 0 && node !== undefined && library !== undefined ? { node, library } : null;
}

const parts = findParts();
if (parts === null)
  process.stderr.write('Not tried here, a Node that misses a library: it needs root and a second Node.\n');

it.runIf(parts !== null)('a Node that misses a library is one sentence, which names the package', () => {
  const { node = '', library = '' } = parts ?? {};
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-setup-'));
  // In a mount namespace of its own the library is not there: a device 0, 0 is how an overlay says so.
  const script = `set -eu
    mount -t tmpfs hidden "$1"
    mkdir "$1/lower"
    mknod "$1/lower/libatomic.so.1" c 0 0
    mount -t overlay -o "ro,lowerdir=$1/lower:$2" hidden "$2"
    exec "$3" scripts/setup.mjs cli --help`;
  const words = ['--mount', '--', 'sh', '-c', script, 'hide', folder, dirname(library), node];
  const { status, stderr } = spawnSync('unshare', words, { cwd: root, encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  expect(stderr).toContain('because libatomic.so.1 is missing. Install it with: sudo apt-get install libatomic1\n');
  expect(status).not.toBe(0);
});
