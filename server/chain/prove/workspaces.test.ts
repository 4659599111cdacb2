import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { array, assert, asyncProperty, constant, constantFrom, nat, oneof, record, string, tuple } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Limits, Workspace } from '#contract/helper-wire.ts';
import { ObjectId } from '#contract/ids.ts';
import { baseSandbox } from '../../adapters/base-sandbox.ts';
import { findRunUser } from '../../adapters/base-sandbox-user.ts';
import { hardenedGit } from '../../adapters/git.ts';
import { pinoLog } from '../../adapters/pino-log.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import { checkouts, type Checkouts } from '../../resources/repo/checkout.ts';
import { openQuarantine } from '../../resources/repo/quarantine.ts';
import { trashIsEmpty } from '../../resources/repo/trash.ts';
import { gitEnvironment } from '../../testing/repository.ts';
import { buildWorkspaces, type Workspaces } from './workspaces.ts';

const mebibyte = 1024 * 1024;
const limits: Limits = {
  wallMs: 60_000,
  cpuPercent: 200,
  memoryBytes: 512 * mebibyte,
  processes: 64,
  diskBytes: 64 * mebibyte,
  tmpBytes: 8 * mebibyte,
  logBytes: 512 * 1024,
  outputBytes: 8 * mebibyte,
};
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const git = hardenedGit({ path: process.env['PATH'] ?? '/usr/bin:/bin' });
const sandbox = baseSandbox({
  nodePath: process.execPath,
  helperPath: new URL('../../../helper/main.ts', import.meta.url).pathname,
  npmFolder: null,
  log: silent,
});

/** Path as bytes in latin1, to what stands there. */
type Tree = ReadonlyMap<string, { readonly mode: '100644' | '100755' | '120000'; readonly content: string }>;

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(async () => {
  await trashIsEmpty();
  rmSync(world.folder, { recursive: true, force: true });
});

interface World {
  readonly folder: string;
  readonly gitDir: string;
  readonly cached: () => Promise<Checkouts>;
  /** Makes a commit with exactly this tree. */
  readonly commit: (tree: Tree) => { readonly commit: ObjectId; readonly tree: ObjectId };
  readonly wholeTrees: () => string[];
  readonly build: (
    cache: Checkouts,
    base: ObjectId,
    tree: ObjectId,
    use: (built: Workspaces) => Promise<void>,
  ) => Promise<void>;
}

async function makeWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-workspaces-'));
  chmodSync(folder, 0o755);
  const gitDir = join(folder, 'mirror.git');
  const run = (args: readonly string[], input?: Buffer): string =>
    execFileSync('git', [`--git-dir=${gitDir}`, ...args], {
      env: gitEnvironment,
      input: input ?? '',
      maxBuffer: 64 * mebibyte,
    })
      .toString('utf8')
      .trim();
  run(['init', '-q', '--bare', gitDir]);
  const runUser = await findRunUser();
  const random = systemRandom();
  let count = 0;
  let trees = '';
  return {
    folder,
    gitDir,
    cached: async () => {
      count += 1;
      trees = join(folder, `checkouts-${count}`);
      mkdirSync(trees);
      return checkouts({
        git,
        folder: trees,
        clock: systemClock(),
        random,
        runUser,
        log: pinoLog({ level: 'silent', fileDescriptor: 2 }),
      });
    },
    wholeTrees: () => readdirSync(trees),
    commit: (tree) => {
      run(['fast-import', '--quiet', '--force'], Buffer.from(streamOf(tree), 'latin1'));
      const [commit, made] = run(['rev-parse', 'refs/heads/made', 'refs/heads/made^{tree}']).split('\n');
      return { commit: ObjectId.parse(commit), tree: ObjectId.parse(made) };
    },
    build: async (cache, base, tree, use) => {
      const quarantine = await openQuarantine(join(folder, 'quarantine'), random);
      try {
        await use(await buildWorkspaces({ git, checkouts: cache, gitDir, base, tree, quarantine }));
      } finally {
        await quarantine.close();
      }
    },
  };
}

function streamOf(tree: Tree): string {
  const parts = [
    'reset refs/heads/made\ncommit refs/heads/made\ncommitter a <a@b> 1767225600 +0000\ndata 0\ndeleteall\n',
  ];
  for (const [path, { mode, content }] of tree) {
    const quoted = [...Buffer.from(path, 'latin1')].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    parts.push(`M ${mode} inline "${quoted}"\ndata ${content.length}\n${content}\n`);
  }
  return parts.join('');
}

/** Runs inside the sandbox: every path with its mode and, as git counts it, the hash of its content. */
const lister = `node -e '
const fs = require("fs"), { createHash } = require("crypto"), path = require("path"), out = [];
const walk = (folder, shown) => { for (const name of fs.readdirSync(folder, { encoding: "latin1" })) {
  const at = Buffer.concat([folder, Buffer.from("/" + name, "latin1")]), is = fs.lstatSync(at), to = shown + name;
  if (is.isDirectory()) { out.push("040000 " + to); walk(at, to + "/"); continue; }
  const bytes = is.isSymbolicLink() ? fs.readlinkSync(at, { encoding: "buffer" }) : fs.readFileSync(at);
  const mode = is.isSymbolicLink() ? "120000" : is.mode & 0o100 ? "100755" : "100644";
  out.push(mode + " " + createHash("sha1").update("blob " + bytes.length + "\\0").update(bytes).digest("hex") + " " + to);
} };
walk(Buffer.from("."), ""); console.log(JSON.stringify(out));'`;

async function listInSandbox(workspace: Workspace): Promise<string[]> {
  const request = { workspace, steps: [{ name: 'list', command: lister }], limits };
  const ran = await sandbox.run(request, () => undefined, new AbortController().signal);
  if (!ran.ok) throw new Error(ran.why);
  const log = Buffer.from(ran.value[0]?.logBase64 ?? '', 'base64').toString('utf8');
  if (ran.value[0]?.exitCode !== 0) throw new Error(log);
  return (JSON.parse(log) as string[]).toSorted();
}

/** What the helper does, without what isolates it: many times faster, for many more trees. No link may lead out. */
function listComposed({ lower, delta, remove }: Workspace): string[] {
  const home = mkdtempSync(join(world.folder, 'composed-'));
  const work = join(home, 'in/the/middle');
  mkdirSync(work, { recursive: true });
  try {
    execFileSync('cp', ['-a', `${lower}/.`, work]);
    if (remove.length > 0)
      execFileSync('xargs', ['-0', 'rm', '-rf', '--'], { cwd: work, input: `${remove.join('\0')}\0` });
    if (delta !== null) execFileSync('cp', ['-a', `${delta}/.`, work]);
    return listFolder(Buffer.from(work), '').toSorted();
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function listFolder(folder: Buffer, shown: string): string[] {
  return readdirSync(folder, { encoding: 'buffer' }).flatMap((name) => {
    const at = Buffer.concat([folder, Buffer.from('/'), name]);
    const path = `${shown}${name.toString('latin1')}`;
    const found = lstatSync(at);
    if (found.isDirectory()) return [`040000 ${path}`, ...listFolder(at, `${path}/`)];
    const bytes = found.isSymbolicLink() ? readlinkSync(at, { encoding: 'buffer' }) : readFileSync(at);
    const mode = found.isSymbolicLink() ? '120000' : (found.mode & 0o100) === 0 ? '100644' : '100755';
    return [`${mode} ${createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')} ${path}`];
  });
}

/** The same from git's own words: files, and the folders they need. */
function listInGit(tree: ObjectId): string[] {
  const rows = execFileSync('git', [`--git-dir=${world.gitDir}`, 'ls-tree', '-r', '-z', tree], { env: gitEnvironment })
    .toString('latin1')
    .split('\0')
    .filter(Boolean);
  const listed = new Set<string>();
  for (const row of rows) {
    const [, mode = '', oid = '', path = ''] = /^(\d+) \w+ (\w+)\t(.*)$/s.exec(row) ?? [];
    listed.add(`${mode} ${oid} ${path}`);
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) listed.add(`040000 ${parts.slice(0, depth).join('/')}`);
  }
  return [...listed].toSorted();
}

const bytesOf = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const names = ['a', 'b', 'c', 'a b', '-f', 'ä\u{1F600}', "it's\n", '\\x', '.hidden'].map(bytesOf);
const somePath = array(constantFrom(...names), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const someThing = oneof(
  record({
    mode: constantFrom('100644' as const, '100755' as const),
    content: string({ unit: 'binary', maxLength: 40 }).map((text) => bytesOf(text)),
  }),
  record({
    mode: constant('120000' as const),
    content: constantFrom('a', '../b', 'a/b', '.', 'gone'),
  }),
);

/** Later paths win: what was a file makes room for a folder, and the other way round. */
function treeOf(
  entries: readonly (readonly [string, { mode: '100644' | '100755' | '120000'; content: string }])[],
): Tree {
  const tree = new Map<string, { mode: '100644' | '100755' | '120000'; content: string }>();
  for (const [path, thing] of entries) {
    for (const other of tree.keys())
      if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) tree.delete(other);
    tree.set(path, thing);
  }
  return tree;
}

const someEntries = array(tuple(somePath, someThing), { minLength: 1, maxLength: 12 });
/** Three trees, each from the one before with entries laid over it and some left out. */
const someTrees = tuple(someEntries, someEntries, someEntries, nat(5), nat(5)).map(([one, two, three, cut, other]) => {
  const second = [...one.filter((_, index) => index % 6 !== cut), ...two];
  return [one, second, [...second.filter((_, index) => index % 6 !== other), ...three]].map(treeOf) as [
    Tree,
    Tree,
    Tree,
  ];
});

/** Three trees in a row: the first is cached, the second is the base, the third the patched one. */
async function compare(
  trees: readonly Tree[],
  list: (workspace: Workspace) => string[] | Promise<string[]>,
): Promise<string[]> {
  const cache = await world.cached();
  const [near, base, patched] = trees.map((tree) => world.commit(tree));
  if (near === undefined || base === undefined || patched === undefined) throw new Error('three trees are compared');
  await cache.whole(world.gitDir, near.tree);
  await world.build(cache, base.commit, patched.tree, async ({ before, after }) => {
    expect(await list(before)).toEqual(listInGit(base.tree));
    expect(await list(after)).toEqual(listInGit(patched.tree));
  });
  return world.wholeTrees().filter((tree) => tree !== near.tree);
}

describe('the tree that a check sees', { timeout: 240_000 }, () => {
  it('is byte for byte, mode for mode and folder for folder the tree of git, laid over a checkout of a tree near it', async () => {
    await assert(
      asyncProperty(someTrees, async (trees) => {
        expect(await compare(trees, listComposed)).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  it('is the same inside the real sandbox, where links lead out of the tree', async () => {
    const file = (content: string) => ({ mode: '100644', content }) as const;
    const program = (content: string) => ({ mode: '100755', content }) as const;
    const link = (content: string) => ({ mode: '120000', content }) as const;
    const first = {
      a: file('1'),
      'b/c/d': file('2'),
      'b/e': link('/etc/passwd'),
      f: link('b'),
      'g/h': file('3'),
      i: file('4'),
    };
    const second = {
      a: program('1'),
      'b/e': file('5'),
      'f/x': file('6'),
      g: link('../..'),
      'i/j': file('7'),
      'k l': file(''),
    };
    const third = {
      'a/b': link('gone'),
      'b/e': link('c'),
      f: file('8'),
      'g/h': program('3'),
      i: link('.'),
      [bytesOf('ä')]: file('9'),
    };
    const trees = [first, second, third].map((tree) => new Map(Object.entries(tree)));
    expect(await compare(trees, listInSandbox)).toEqual([]);
    expect(await compare(trees.toReversed(), listInSandbox)).toEqual([]);
  });

  it('is taken whole when a name is not UTF-8 text', async () => {
    const first: Tree = new Map([['a', { mode: '100644', content: '1' }]]);
    const second: Tree = new Map([...first, ['\xff\xfe', { mode: '100644', content: '2' }]]);
    expect(await compare([first, first, second], listComposed)).toHaveLength(1);
    expect(await compare([first, second, first], listComposed)).toHaveLength(1);
  });

  it('has the line ends that a checkout of the whole tree would have, also when the patch changes which', async () => {
    const text = (content: string) => ({ mode: '100644', content }) as const;
    const first = { '.gitattributes': text('*.bat eol=crlf\n'), 'x/a.bat': text('1\n2\n'), 'x/b.txt': text('1\n') };
    const second = { ...first, 'x/a.bat': text('1\n3\n') };
    const third = { ...second, 'x/.gitattributes': text('*.txt eol=crlf\n') };
    const [near, base, patched] = [first, second, third].map((tree) => world.commit(new Map(Object.entries(tree))));
    if (near === undefined || base === undefined || patched === undefined) throw new Error('three trees are compared');
    const cache = await world.cached();
    await cache.whole(world.gitDir, near.tree);
    const read = (workspace: Workspace, path: string): string => {
      const delta = join(workspace.delta ?? '/nonexistent', path);
      return readFileSync(existsSync(delta) ? delta : join(workspace.lower, path), 'utf8');
    };
    await world.build(cache, base.commit, patched.tree, async ({ before, after }) => {
      expect(before.remove).toEqual(['x/a.bat']);
      expect([read(before, 'x/a.bat'), read(before, 'x/b.txt')]).toEqual(['1\r\n3\r\n', '1\n']);
      expect([read(after, 'x/a.bat'), read(after, 'x/b.txt')]).toEqual(['1\r\n3\r\n', '1\r\n']);
    });
  });
});
