import { execFileSync } from 'node:child_process';
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
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyOffline } from './offline.ts';
import { git } from './testing/repository.ts';
import { good, queue, wanted } from './testing/sample.ts';

let folder: string;
let repository: string;

function sh(command: string): string {
  return execFileSync('sh', ['-ec', command], {
    cwd: repository,
    encoding: 'utf8',
    env: {
      ...process.env,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_NAME: 'o',
      GIT_AUTHOR_EMAIL: 'o@o',
      GIT_COMMITTER_NAME: 'o',
      GIT_COMMITTER_EMAIL: 'o@o',
    },
  });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchgit-offline-'));
  repository = join(folder, 'work');
  mkdirSync(join(repository, 'src'), { recursive: true });
  writeFileSync(join(repository, 'src/queue.js'), queue);
  writeFileSync(join(repository, 'open.txt'), 'alpha\nbeta');
  writeFileSync(join(repository, 'run.sh'), '#!/bin/sh\n');
  symlinkSync('open.txt', join(repository, 'link'));
  sh('git init -q && git add -A && git commit -qm base');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Every file below the folder but git's own, so that "nothing changed" means nothing at all. */
function snapshot(root: string, below = ''): Record<string, string> {
  return Object.fromEntries(
    readdirSync(join(root, below)).flatMap((name) => {
      const path = below === '' ? name : `${below}/${name}`;
      const there = lstatSync(join(root, path));
      if (there.isDirectory()) return path === 'work/.git' ? [] : Object.entries(snapshot(root, path));
      return [
        [
          path,
          there.isSymbolicLink()
            ? `-> ${readlinkSync(join(root, path))}`
            : `${there.mode.toString(8)} ${readFileSync(join(root, path), 'latin1')}`,
        ],
      ];
    }),
  );
}

const apply = (patch: string): ReturnType<typeof applyOffline> =>
  applyOffline(git, { repository, patch: Buffer.from(patch) });

describe('a patch on a working tree', () => {
  it('changes, adds, deletes, moves and links files, and leaves nothing else behind', async () => {
    chmodSync(join(repository, 'src/queue.js'), 0o600);
    const patch = `${good}diff --git a/run.sh b/bin/run.sh
old mode 100644
new mode 100755
rename from run.sh
rename to bin/run.sh
diff --git a/new/deep/x.txt b/new/deep/x.txt
new file mode 100644
--- /dev/null
+++ b/new/deep/x.txt
@@ -0,0 +1 @@
+x
diff --git a/open.txt b/open.txt
deleted file mode 100644
--- a/open.txt
+++ /dev/null
@@ -1,2 +0,0 @@
-alpha
-beta
\\ No newline at end of file
diff --git a/link b/link
--- a/link
+++ b/link
@@ -1 +1 @@
-open.txt
\\ No newline at end of file
+bin/run.sh
\\ No newline at end of file
`;
    const done = await apply(patch);
    expect(done).toMatchObject({ ok: true });
    const after = snapshot(folder);
    expect(Object.keys(after).toSorted()).toEqual([
      'work/bin/run.sh',
      'work/link',
      'work/new/deep/x.txt',
      'work/src/queue.js',
    ]);
    expect(after['work/link']).toBe('-> bin/run.sh');
    expect(after['work/src/queue.js']).toBe(`100600 ${wanted}`);
    expect(lstatSync(join(repository, 'bin/run.sh')).mode & 0o111).not.toBe(0);
    expect(readdirSync(join(repository, '.git')).filter((name) => name.startsWith('patchgit'))).toEqual([]);
    expect(sh('git stash list; git count-objects')).toMatch(/^\d+ objects/);
  });

  it('turns a file into a folder and a folder into a file', async () => {
    const patch =
      'diff --git a/open.txt b/open.txt\ndeleted file mode 100644\n--- a/open.txt\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-alpha\n-beta\n\\ No newline at end of file\ndiff --git a/open.txt/x b/open.txt/x\nnew file mode 100644\n--- /dev/null\n+++ b/open.txt/x\n@@ -0,0 +1 @@\n+x\n';
    expect(await apply(patch)).toMatchObject({ ok: true });
    expect(readFileSync(join(repository, 'open.txt/x'), 'utf8')).toBe('x\n');
    sh('git add -A && git commit -qm two');
    const back =
      'diff --git a/open.txt b/open.txt\nnew file mode 100644\n--- /dev/null\n+++ b/open.txt\n@@ -0,0 +1 @@\n+file\ndiff --git a/open.txt/x b/open.txt/x\ndeleted file mode 100644\n--- a/open.txt/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n';
    expect(await apply(back)).toMatchObject({ ok: true });
    expect(readFileSync(join(repository, 'open.txt'), 'utf8')).toBe('file\n');
  });

  it.each([
    ['a refused patch', (): void => undefined, good.replace('queue.push(item);', 'queue.shift();')],
    [
      'a touched file that was changed',
      (): void => writeFileSync(join(repository, 'src/queue.js'), `${queue}// mine\n`),
      good,
    ],
    ['a touched file that is gone', (): void => rmSync(join(repository, 'src/queue.js')), good],
    [
      'a file of the owner where a new one would go',
      (): void => writeFileSync(join(repository, 'new.txt'), 'mine\n'),
      `${good}--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+x\n`,
    ],
    [
      'a folder that became a symlink to outside',
      (): void => {
        mkdirSync(join(folder, 'outside'));
        rmSync(join(repository, 'src'), { recursive: true });
        symlinkSync('../outside', join(repository, 'src'));
        writeFileSync(join(folder, 'outside/queue.js'), queue);
      },
      good,
    ],
    [
      'an untracked symlink on the way to a new file',
      (): void => {
        mkdirSync(join(folder, 'outside'));
        symlinkSync('../outside', join(repository, 'out'));
      },
      `${good}--- /dev/null\n+++ b/out/x.txt\n@@ -0,0 +1 @@\n+x\n`,
    ],
  ])('changes nothing after %s', async (_, prepare, patch) => {
    prepare();
    const before = snapshot(folder);
    expect((await apply(patch)).ok).toBe(false);
    expect(snapshot(folder)).toEqual(before);
  });

  it('puts everything back when the disk fails half way', async () => {
    // A folder that appears where a file must go fails the last rename, after others were done.
    const patch = `${good}--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+x\n`;
    const before = snapshot(folder);
    const meddling: typeof git = {
      ...git,
      openObjects: (request) => {
        const objects = git.openObjects(request);
        return {
          ...objects,
          heads: async (oids) => {
            // The contents are read last, after the working tree was looked at.
            if (oids.length > 0 && request.objectsDir && existsSync(join(request.objectsDir, 'index')))
              mkdirSync(join(repository, 'new.txt/full'), { recursive: true });
            return await objects.heads(oids);
          },
        };
      },
    };
    await applyOffline(meddling, { repository, patch: Buffer.from(patch) }).then(
      (done) => expect(done.ok).toBe(false),
      (error: unknown) => expect(error).toBeInstanceOf(Error),
    );
    rmSync(join(repository, 'new.txt'), { recursive: true });
    expect(snapshot(folder)).toEqual(before);
  });

  it('says when there is no repository', async () => {
    expect(await applyOffline(git, { repository: folder, patch: Buffer.from(good) })).toMatchObject({
      ok: false,
      why: { code: 'repository_not_git' },
    });
  });
});
