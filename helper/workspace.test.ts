import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { checkWorkspace } from './workspace.ts';
import { fingerprint, tryAll, tryOne, World } from './test-kit.ts';

const world = new World();
afterAll(() => world.remove());

const asRoot = process.getuid?.() === 0;

describe.each(world.everyForm())('the tree of a step, with the helper run by $name', (runner) => {
  const sandbox = world.sandbox(runner);
  const oddNames = [
    '-rf',
    '--',
    'new\nline',
    `it's "quoted" $(touch pwned) \`touch pwned\``,
    ' *',
    'ünï',
    '\u001b[31m',
    '\\',
  ];

  it('loses what is removed and gains what differs, whatever kind either is', async () => {
    const lower = world.tree(
      {
        'kept/deep/file': 'kept',
        'gone/deep/file': 'gone',
        'changed.txt': 'old',
        'file-to-folder': 'file',
        'folder-to-file/inner': 'inner',
        'folder-to-link/inner': 'inner',
        'link-to-file': ['kept/deep/file'],
        ...Object.fromEntries(oddNames.map((name) => [name, name])),
      },
      runner.uid,
    );
    const delta = world.tree(
      {
        'changed.txt': 'new',
        'file-to-folder/inner': 'inner',
        'folder-to-file': 'file',
        'folder-to-link': ['kept/deep'],
        'link-to-file': 'own',
        'added/-n': '-n',
        'kept/deep/added': 'added',
      },
      runner.uid,
    );
    const changed = ['changed.txt', 'file-to-folder', 'folder-to-file', 'folder-to-link', 'link-to-file'];
    const remove = ['gone/deep/file', 'gone', ...changed, ...oddNames];
    const before = [fingerprint(lower), fingerprint(delta)];
    const show = "find . -type f -printf '%P=' -exec cat {} ';' -printf '\\n' -o -type l -printf '%P -> %l\\n' | sort";
    const { log, exitCode } = await tryOne(sandbox, { lower, delta, remove }, show);
    expect(exitCode).toBe(0);
    expect(log.trim().split('\n')).toEqual([
      'added/-n=-n',
      'changed.txt=new',
      'file-to-folder/inner=inner',
      'folder-to-file=file',
      'folder-to-link -> kept/deep',
      'kept/deep/added=added',
      'kept/deep/file=kept',
      'link-to-file=own',
    ]);
    expect([fingerprint(lower), fingerprint(delta)]).toEqual(before);
  });

  it('can be deleted, changed, renamed and rebuilt in full, and the folder below stays as it is', async () => {
    const tree = { 'a/b/c': 'c', 'a/d': 'd', e: 'e', '.hidden/f': 'f', link: ['a/d'] as const };
    const lower = world.tree(tree, runner.uid);
    const before = fingerprint(lower);
    const [destroy, rebuild] = await tryAll(
      sandbox,
      { lower },
      'echo more >> a/b/c && chmod 755 e && touch -d 2001-01-01 a/d && rm -rf ./* ./.[!.]* && find . -mindepth 1',
      'rm -rf a && mkdir a && echo new > a/new && mv e a/e && mv .hidden/f g && ln -s /etc link2 && ls -A . a && umask',
    );
    expect(destroy).toMatchObject({ exitCode: 0, log: '' });
    expect(rebuild).toMatchObject({ exitCode: 0, log: '.:\n.hidden\na\ng\nlink\nlink2\n\na:\ne\nnew\n0022\n' });
    expect(fingerprint(lower)).toBe(before);
  });

  it('keeps its links inside: they lead to the files of the sandbox and never to those of the machine', async () => {
    const outside = world.path('outside');
    const lower = world.tree({ etc: ['/etc'], up: ['../../../../../../etc/shadow'], out: [outside] }, runner.uid);
    const delta = world.tree({ more: ['/etc'], node_modules: ['/oldroot/tmp'] }, runner.uid);
    const { log } = await tryOne(
      sandbox,
      { lower, delta },
      'cat etc/shadow up more/hosts; touch etc/x more/x out node_modules/x; cat more/passwd; exit 0',
    );
    expect(log).toContain('root:x:0:0::/:/bin/false\nrun:x:1000:1000::/tmp/home:/bin/sh\n');
    expect(log.match(/Read-only file system|No such file or directory/g)).toHaveLength(6);
    expect(existsSync(outside)).toBe(false);
  });

  it('is refused, and no verdict, when the difference would be written through a link', async () => {
    const lower = world.tree({ conf: ['/tmp'] }, runner.uid);
    const delta = world.tree({ 'conf/file': 'x' }, runner.uid);
    await expect(tryOne(sandbox, { lower, delta }, 'true')).rejects.toThrow(
      /could not be set up: cp: cannot overwrite/,
    );
  });

  it('is refused when it is not what an assignment may name, before anything runs', async () => {
    const lower = world.tree({ a: 'a' }, runner.uid);
    await expect(tryOne(sandbox, { lower, remove: ['a', '../x'] }, 'true')).rejects.toThrow(
      /not a path below the tree/,
    );
    await expect(tryOne(sandbox, { lower: world.path('nowhere') }, 'true')).rejects.toThrow(/does not exist/);
  });

  it('is refused when what differs has no room', async () => {
    const lower = world.tree({}, runner.uid);
    const delta = world.tree({ big: 'x'.repeat(2_000_000) }, runner.uid);
    const limits = { diskBytes: 1_000_000 };
    await expect(tryOne(sandbox, { lower, delta, limits }, 'true')).rejects.toThrow(/No space left on device/);
  });
});

describe('an assignment', () => {
  const lower = world.tree({ a: 'a' }, 65_534);

  it.each(['../x', '/etc/passwd', 'a/../../x', '', '.', 'a//b', 'a/', 'a\0b', '\ud800'])(
    'cannot name %j as a removed path',
    (path) => {
      const why = expect.stringMatching(/not a path below the tree/);
      expect(checkWorkspace({ lower, delta: null, remove: ['a', path] })).toEqual({ ok: false, why });
    },
  );

  it('cannot name a folder that is relative, absent or a link', () => {
    const link = `${world.tree({ link: [lower] }, 65_534)}/link`;
    for (const folder of ['tree', world.path('nowhere'), link, `${lower}/a`]) {
      expect(checkWorkspace({ lower: folder, delta: null, remove: [] }).ok).toBe(false);
      expect(checkWorkspace({ lower, delta: folder, remove: [] }).ok).toBe(false);
    }
    expect(checkWorkspace({ lower, delta: lower, remove: ['-rf', '...', 'a/..b'] }).ok).toBe(true);
  });
});

describe.runIf(asRoot)('a tree that belongs to somebody else', () => {
  it('is handed over when the helper is root, and stays as it is', async () => {
    const lower = world.tree({ 'a/b': 'b', link: ['a/b'] }, 0);
    const before = fingerprint(lower);
    const sandbox = world.sandbox({ name: 'root', uid: 0, nodePath: process.execPath });
    const { log, exitCode } = await tryOne(
      sandbox,
      { lower },
      'stat -c %U . a a/b link; echo x > a/b && rm -r a && ls',
    );
    expect({ exitCode, log }).toEqual({ exitCode: 0, log: 'run\nrun\nrun\nrun\nlink\n' });
    expect(fingerprint(lower)).toBe(before);
  });

  it('is found although only root can get to it', async () => {
    const lower = world.tree({ 'a/b': 'b' }, 65_534);
    const delta = world.tree({ c: 'c' }, 65_534);
    const closed = [lower, delta];
    closed.forEach((folder) => chmodSync(folder, 0o700));
    chmodSync(world.folder, 0o700);
    try {
      const sandbox = world.sandbox({ name: 'root', uid: 0, nodePath: process.execPath });
      expect(await tryOne(sandbox, { lower, delta }, 'cat a/b c && rm -r a')).toMatchObject({ exitCode: 0, log: 'bc' });
    } finally {
      chmodSync(world.folder, 0o755);
    }
  });

  it('is copied when an unprivileged helper can read it', async () => {
    const runner = world.runners().find(({ name }) => name !== 'root');
    if (runner === undefined) return;
    const lower = world.tree({ 'a/b': 'b' }, 0);
    expect(await tryOne(world.sandbox(runner), { lower }, 'echo c >> a/b && cat a/b')).toMatchObject({ log: 'bc\n' });
    expect(readFileSync(`${lower}/a/b`, 'utf8')).toBe('b');
    expect(statSync(lower).uid).toBe(0);
  });
});
