/**
 * Ways in which a repository makes plain git run a program of its choosing (security note T7 to T9). Each is planted alone, what we
 * run on the repository and on a mirror of it stays quiet, and then plain git shows that the trap was live.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ObjectId } from '#contract/ids.ts';
import { hardenedGit } from './git.ts';

const path = process.env['PATH'] ?? '/usr/bin:/bin';
const git = hardenedGit({ path });
const who = '-c user.name=o -c user.email=o@o -c init.defaultBranch=main';

let folder: string;
let origin: string;
let canary: string;
let evil: string;

function sh(command: string, cwd = origin, environment: Record<string, string> = {}): void {
  execFileSync('sh', ['-c', command], {
    cwd,
    stdio: 'pipe',
    // A trap that talks to git may wait for ever; it has sprung by then.
    timeout: 10_000,
    killSignal: 'SIGKILL',
    env: { PATH: path, HOME: folder, EVIL: evil, GIT_TERMINAL_PROMPT: '0', ...environment },
  });
}

/** The control: plain git in the same place. What it answers does not matter, only whether the trap sprang. */
function plainly(command: string): void {
  sh(`timeout -k 1 5 sh -c '${command.replaceAll("'", `'\\''`)}' </dev/null >/dev/null 2>&1 || true`);
}

let template: string;
beforeAll(() => {
  template = mkdtempSync(join(tmpdir(), 'patchgit-canary-template-'));
  folder = template;
  sh(
    `git ${who} init -q . && printf 'one\\n' > a.txt && printf 'two\\n' > b.txt && git add . && git ${who} commit -qm one
     printf '* filter=evil diff=evil merge=evil\\n' > .gitattributes && printf 'three\\n' > a.txt
     git add . && git ${who} commit -qm two`,
    template,
  );
});
afterAll(() => rmSync(template, { recursive: true, force: true }));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchgit-canary-'));
  origin = join(folder, 'origin');
  canary = join(folder, 'PWNED');
  evil = join(folder, 'evil.sh');
  writeFileSync(evil, `#!/bin/sh\ntouch ${canary}\nexit 0\n`, { mode: 0o755 });
  cpSync(template, origin, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What patchgit runs on a mirror, with the arguments it uses. */
async function everything(gitDir: string): Promise<void> {
  const indexFile = join(folder, 'index');
  const workTree = join(folder, 'tree');
  rmSync(indexFile, { force: true });
  rmSync(workTree, { recursive: true, force: true });
  mkdirSync(workTree);
  const head = (await git.run({ gitDir, args: ['rev-parse', '--verify', 'HEAD'] })).stdout.toString().trim();
  const diff = await git.run({
    gitDir,
    args: ['diff-tree', '-r', '-p', '--no-ext-diff', '--no-textconv', 'HEAD~1', 'HEAD'],
  });
  for (const args of [
    ['cat-file', 'blob', 'HEAD:a.txt'],
    ['ls-tree', '-r', '-z', '--full-tree', head],
    ['diff-tree', '-r', '-z', '--raw', '--no-renames', 'HEAD~1', 'HEAD'],
    ['merge-base', '--is-ancestor', 'HEAD~1', 'HEAD'],
    ['grep', '-z', '-l', '-F', '-e', 'three', 'HEAD', '--'],
    ['log', '-1'],
  ]) {
    await git.run({ gitDir, args });
  }
  for (const [args, stdin] of [
    [['read-tree', 'HEAD~1'], ''],
    [['apply', '--cached', '--whitespace=nowarn', '-p1', '-'], diff.stdout.toString()],
    [['write-tree'], ''],
  ] as const) {
    await git.run({ gitDir, indexFile, args, stdin });
  }
  for (const args of [
    ['checkout-index', '--force', '--quiet', '--all'],
    ['update-index', '-q', '--really-refresh'],
  ]) {
    await git.run({ gitDir, indexFile, workTree, args });
  }
  await git.run({
    gitDir,
    args: ['commit-tree', '-p', 'HEAD', '-F', '-', 'HEAD^{tree}'],
    stdin: 'message',
    identity: { name: 'o', email: 'o@o', atMs: 0 },
  });
}

interface Way {
  readonly name: string;
  /** Shell, run in the origin; $EVIL is the program. */
  readonly plant: string;
  /** Plain git that springs it. */
  readonly plain: string;
  /** A driver has a name of the attacker's, which no setting of ours can take back: only a configuration of our own can. */
  readonly named?: boolean;
}

const hook = (name: string): string => `cp $EVIL .git/hooks/${name}`;
const ways: Way[] = [
  { name: 'core.fsmonitor', plant: 'git config core.fsmonitor $EVIL', plain: 'git status' },
  {
    name: 'core.hooksPath',
    plant: 'mkdir h && cp $EVIL h/post-checkout && git config core.hooksPath h',
    plain: 'git checkout -q HEAD~1',
  },
  { name: 'hook post-index-change', plant: hook('post-index-change'), plain: 'git read-tree HEAD' },
  { name: 'hook post-checkout', plant: hook('post-checkout'), plain: 'git checkout -q HEAD~1' },
  {
    name: 'hook reference-transaction',
    plant: hook('reference-transaction'),
    plain: 'git update-ref refs/heads/x HEAD',
  },
  { name: 'hook pre-commit', plant: hook('pre-commit'), plain: `git ${who} commit --allow-empty -m x` },
  {
    name: 'hook pre-applypatch',
    plant: hook('applypatch-msg'),
    plain: `git format-patch --stdout HEAD~1 > p && git checkout -q HEAD~1 && git ${who} am p`,
  },
  {
    name: 'hook pre-push',
    plant: `git clone -q --bare . ../other && ${hook('pre-push')}`,
    plain: 'git push -q ../other HEAD:refs/heads/x',
  },
  { name: 'hook post-merge', plant: hook('post-merge'), plain: `git checkout -q HEAD~1 && git ${who} merge -q main` },
  { name: 'core.pager', plant: 'git config core.pager $EVIL', plain: 'script -qec "git log -1" /dev/null' },
  { name: 'pager.<command>', plant: 'git config pager.diff $EVIL', plain: 'script -qec "git diff HEAD~1" /dev/null' },
  { name: 'core.editor', plant: 'git config core.editor $EVIL', plain: `git ${who} commit --allow-empty` },
  {
    name: 'core.sshCommand',
    plant: 'git config core.sshCommand $EVIL && git remote add r ssh://nowhere.invalid/x',
    plain: 'git fetch r',
  },
  {
    name: 'core.gitProxy',
    plant: 'git config core.gitProxy $EVIL && git remote add r git://nowhere.invalid/x',
    plain: 'git fetch r',
  },
  {
    name: 'core.alternateRefsCommand',
    plant:
      'git clone -q --bare . ../alt && echo ../../../alt/objects > .git/objects/info/alternates && git config core.alternateRefsCommand $EVIL && git clone -q --bare . ../other',
    plain: 'git fetch -q ../other HEAD',
  },
  {
    name: 'credential.helper',
    plant: 'git config credential.helper "!$EVIL"',
    plain: 'printf "protocol=https\\nhost=x\\n\\n" | git credential fill',
  },
  {
    name: 'gpg.program',
    plant: 'git config gpg.program $EVIL && git config commit.gpgSign true',
    plain: `git ${who} commit --allow-empty -m x`,
  },
  {
    name: 'gpg.program on reading',
    plant: 'git config gpg.program $EVIL && git config log.showSignature true',
    plain:
      'printf "tree %s\\nauthor o <o@o> 0 +0000\\ncommitter o <o@o> 0 +0000\\ngpgsig -----BEGIN PGP SIGNATURE-----\\n x\\n -----END PGP SIGNATURE-----\\n\\nx\\n" $(git rev-parse HEAD^{tree}) | git hash-object -t commit -w --stdin | xargs git log -1',
  },
  { name: 'diff.external', plant: 'git config diff.external $EVIL', plain: 'git diff HEAD~1' },
  { name: 'diff.<driver>.command', plant: 'git config diff.evil.command $EVIL', plain: 'git diff HEAD~1' },
  { name: 'diff.<driver>.textconv', plant: 'git config diff.evil.textconv $EVIL', plain: 'git diff HEAD~1' },
  {
    name: 'filter.<driver>.clean',
    plant: 'git config filter.evil.clean $EVIL',
    plain: 'touch a.txt && git add -A',
    named: true,
  },
  {
    name: 'filter.<driver>.smudge',
    plant: 'git config filter.evil.smudge $EVIL',
    plain: 'rm a.txt && git checkout -q -- a.txt',
    named: true,
  },
  {
    name: 'filter.<driver>.process',
    plant: 'git config filter.evil.process $EVIL',
    plain: 'rm a.txt && git checkout -q -- a.txt',
    named: true,
  },
  {
    name: 'merge.<driver>.driver',
    plant: `git config merge.evil.driver $EVIL && git branch side HEAD~1 && git checkout -q side && cp .git/../a.txt x 2>/dev/null; printf '* merge=evil\\n' > .gitattributes && printf 'side\\n' > a.txt && git add . && git ${who} commit -qm side && git checkout -q main`,
    plain: `git ${who} merge -q side`,
  },
  { name: 'alias with a bang', plant: 'git config alias.ls-trees "!$EVIL"', plain: 'git ls-trees' },
  {
    name: 'include.path',
    plant: 'printf "[core]\\nfsmonitor = $EVIL\\n" > .git/more && git config include.path more',
    plain: 'git status',
  },
  {
    name: 'includeIf',
    plant: 'printf "[core]\\nfsmonitor = $EVIL\\n" > .git/more && git config "includeIf.gitdir:/**.path" more',
    plain: 'git status',
  },
  {
    name: 'config.worktree',
    plant: 'git config extensions.worktreeConfig true && printf "[core]\\nfsmonitor = $EVIL\\n" > .git/config.worktree',
    plain: 'git status',
  },
  {
    name: 'info/attributes with a driver',
    plant: 'echo "* diff=info" > .git/info/attributes && git config diff.info.command $EVIL',
    plain: 'git diff HEAD~1',
  },
  {
    name: 'core.attributesFile',
    plant:
      'echo "* diff=file" > ../attributes && git config core.attributesFile ../attributes && git config diff.file.command $EVIL && printf "" > .gitattributes',
    plain: 'git diff HEAD~1',
  },
  {
    name: 'url.<ext>.insteadOf',
    plant: 'git config protocol.ext.allow always && git config "url.ext::$EVIL .insteadOf" x: && git remote add r x:y',
    plain: 'git fetch r',
  },
  {
    name: 'remote.<name>.uploadpack',
    plant: 'git clone -q --bare . ../other && git remote add r ../other && git config remote.r.uploadpack $EVIL',
    plain: 'git fetch r',
  },
  {
    name: 'remote.<name>.receivepack',
    plant: 'git clone -q --bare . ../other && git remote add r ../other && git config remote.r.receivepack $EVIL',
    plain: 'git push -q r HEAD:refs/heads/x',
  },
  {
    name: 'promisor remote',
    plant:
      'git clone -q --bare . ../other && git remote add r ../other && git config remote.r.promisor true && git config remote.r.uploadpack $EVIL && git config extensions.partialClone r && rm -f .git/objects/$(git rev-parse HEAD:b.txt | sed "s|^..|&/|")',
    plain: 'git cat-file -p HEAD:b.txt',
  },
  {
    name: 'trailer.<name>.command',
    plant: 'git config trailer.x.command $EVIL',
    plain: 'printf "x\\n" | git interpret-trailers',
  },
  { name: 'sequence.editor', plant: 'git config sequence.editor $EVIL', plain: `git ${who} rebase -i HEAD~1` },
  {
    name: 'submodule.<name>.update',
    plant: `git -c protocol.file.allow=always ${who} submodule --quiet add "$PWD/../origin" sub && git config submodule.sub.update "!$EVIL"`,
    plain: 'git -C sub checkout -q HEAD~1; git submodule update sub',
  },
  {
    name: 'a .git file that leads elsewhere',
    plant: 'mv .git ../real && printf "gitdir: ../real\\n" > .git && git config core.fsmonitor $EVIL',
    plain: 'git status',
  },
  {
    name: 'a bare repository in the tree',
    plant:
      'git init -q --bare inner && printf "[core]\\nbare = false\\nworktree = ..\\nfsmonitor = $EVIL\\n" >> inner/config',
    plain: 'cd inner && git status',
  },
];

describe('a repository that would run a program', () => {
  it.each(ways)('stays quiet under patchgit: $name', async ({ plant, plain, named }) => {
    sh(plant);
    rmSync(canary, { force: true });
    if (named !== true)
      await everything(existsSync(join(origin, '.git/HEAD')) ? join(origin, '.git') : join(folder, 'real'));
    expect(existsSync(canary)).toBe(false);
    plainly(plain);
    expect(existsSync(canary), 'plain git springs the trap').toBe(true);
  });

  it('hands none of its configuration, hooks and attributes to a mirror of it', async () => {
    for (const { plant } of ways.filter(({ plant }) => plant.startsWith('git config ') && !plant.includes('&&')))
      sh(plant);
    for (const name of ['post-checkout', 'post-index-change', 'reference-transaction', 'post-merge']) sh(hook(name));
    sh('echo "* diff=evil filter=evil" > .git/info/attributes');
    rmSync(canary, { force: true });
    const mirror = join(folder, 'mirror.git');
    expect((await git.fetch(mirror, origin)).ok).toBe(true);
    await everything(mirror);
    expect(existsSync(canary)).toBe(false);
    plainly('git status');
    expect(existsSync(canary), 'plain git springs the trap').toBe(true);
  });

  it('stays quiet when the environment would make git do it', async () => {
    const traps: Record<string, string> = {
      GIT_SSH_COMMAND: evil,
      GIT_EXTERNAL_DIFF: evil,
      GIT_PAGER: evil,
      GIT_EDITOR: evil,
      GIT_ASKPASS: evil,
      GIT_PROXY_COMMAND: evil,
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'core.fsmonitor',
      GIT_CONFIG_VALUE_0: evil,
      GIT_CONFIG_KEY_1: 'diff.evil.command',
      GIT_CONFIG_VALUE_1: evil,
      GIT_CONFIG_PARAMETERS: `'core.fsmonitor=${evil}'`,
      GIT_EXEC_PATH: folder,
      GIT_TEMPLATE_DIR: folder,
      HOME: folder,
      XDG_CONFIG_HOME: folder,
    };
    writeFileSync(join(folder, '.gitconfig'), `[core]\nfsmonitor = ${evil}\n[diff "evil"]\ncommand = ${evil}\n`);
    const before = new Map(Object.keys(traps).map((name) => [name, process.env[name]]));
    Object.assign(process.env, traps);
    try {
      const mirror = join(folder, 'mirror.git');
      expect((await git.fetch(mirror, origin)).ok).toBe(true);
      await everything(mirror);
      await everything(join(origin, '.git'));
      expect(existsSync(canary)).toBe(false);
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
    sh('git diff HEAD~1 >/dev/null 2>&1 || true', origin, { GIT_EXTERNAL_DIFF: evil });
    expect(existsSync(canary), 'plain git springs the trap').toBe(true);
  });

  it('reads no replaced object, and asks for no missing one', async () => {
    sh('git replace HEAD HEAD~1');
    const head = ObjectId.parse(
      (await git.run({ gitDir: join(origin, '.git'), args: ['rev-parse', 'HEAD'] })).stdout.toString().trim(),
    );
    const shown = await git.run({ gitDir: join(origin, '.git'), args: ['cat-file', 'blob', `${head}:a.txt`] });
    expect(shown.stdout.toString()).toBe('three\n');
  });
});
