import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Doctor } from '#contract/api.ts';
import { ProposalDocument } from '#contract/proposal.ts';
import { daemonCommand } from './cli/daemon-command.ts';
import { canBoot } from './testing/machine/layer.ts';
import { installed, node, type Installed } from './testing/machine/installed.ts';
import { until } from './testing/wait.ts';

const root = join(import.meta.dirname, '..');
const unit = readFileSync(join(root, 'systemd/patchgit.service'), 'utf8');

it('the unit starts the daemon with the flags and the environment that were measured', () => {
  const { args, environment } = daemonCommand('/opt/patchgit');
  const flags = args.slice(0, -1).join(' ');
  expect(unit).toContain(`/opt/patchgit/node_modules/node/bin/node ${flags} /opt/patchgit/dist/server.cjs\n`);
  const words = unit.split('\n').flatMap((line) => (line.startsWith('Environment=') ? line.slice(12).split(' ') : []));
  for (const [name, value] of Object.entries(environment)) expect(words).toContain(`${name}=${value}`);
});

/** What `systemd-analyze security` gives systemd 252 for these files, in tenths; 100 is a unit with no wall at all. */
const exposures = [
  ['patchgit.service', 20],
  // bubblewrap needs what the others are refused.
  ['patchgit-run@.service', 30],
  ['patchgit-give@.service', 15],
  ['patchgit-apply@.service', 10],
] as const;

/** What the command prints with --json. */
const Accepted = z.object({ jobId: z.string() });
const Shown = ProposalDocument.pick({ id: true, digest: true, checks: true, gates: true });

const secret = 'ghp_thisTokenIsPlantedAndBelongsToNobody00';
const patch = `--- a/number.txt
+++ b/number.txt
@@ -1 +1 @@
-one
+two
`;

const name = 'under a real systemd, as the user of the hardened unit';
describe.runIf(canBoot(name))(name, () => {
  let house: Installed;
  beforeAll(async () => {
    house = await installed({ root, environment: `GITHUB_TOKEN=${secret}\n` });
    await house.addRepository('small', { 'number.txt': 'one\n' }, 'grep -Eq "one|two" number.txt');
    // Long enough to be killed in the middle of, and ended by that.
    await house.addRepository('slow', { 'number.txt': 'one\n' }, 'sleep 1');
  });
  afterAll(() => house?.close());

  const doctor = async (): Promise<Doctor> =>
    Doctor.parse(JSON.parse((await house.patchgit(['doctor', '--json'])).stdout));
  const propose = async (name: string, ...more: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await house.patchgit(
      ['propose', '--repo', name, '--diff', '-', '--json', ...more],
      patch,
    );
    if (code !== 0) throw new Error(stderr || stdout);
    return JSON.parse(stdout);
  };
  const restarts = async (): Promise<number> =>
    Number(await house.machine.must(['systemctl', 'show', '--value', '--property=NRestarts', 'patchgit']));

  it('doctor says that checks run as a user of their own, with every limit held by a control group', async () => {
    const { ok, findings } = await doctor();
    expect(ok).toBe(true);
    const sandbox = findings.filter(({ name }) => name === 'sandbox');
    const uid = (await house.machine.must(['id', '-u', 'patchgit-run'])).trim();
    expect(sandbox[0]?.sentence).toContain(`runs checks as user ${uid}`);
    expect(findings).toContainEqual({
      name: 'users',
      verdict: 'good',
      sentence: expect.stringMatching(/^patchgit\.service runs the daemon as .* patchgit-run does, who has no secret/),
    });
    expect(sandbox[0]?.sentence).toContain('overlay');
    if (house.holdsLimits) {
      expect(sandbox.map(({ verdict }) => verdict)).toEqual(['good']);
      expect(sandbox[0]?.sentence).toContain('A control group limits memory, pids, cpu.');
    }
  });

  it('a pasted diff is proved, and GO pushes its branch to a repository of the machine', async () => {
    const document = Shown.parse(await propose('small', '--wait'));
    expect(document.checks.map(({ after }) => after?.conclusion)).toEqual(['success']);
    expect(document.gates.filter(({ verdict }) => verdict === 'closed')).toEqual([]);
    const went = await house.patchgit(['go', document.id, '--digest', document.digest, '--json']);
    expect(went.code, went.stdout).toBe(0);
    expect(await house.branches('small')).toHaveLength(2);
  });

  it('what a set-up installs is kept for the next job, as the user of the sandbox, and no check can write it', async () => {
    const command = 'mkdir -p "$HOME/kept" && date +%s%N > "$HOME/kept/it" && id -u';
    const check = 'cat "$HOME/kept/it" && echo mine >> "$HOME/kept/it"';
    await house.addRepository('needs', { 'number.txt': 'one\n' }, check, ['--setup', command]);
    const first = Shown.parse(await propose('needs', '--wait'));
    expect(first.checks.map(({ command: ran, before, after }) => [ran, before.conclusion, after.conclusion])).toEqual([
      [command, 'success', 'success'],
      [check, 'success', 'success'],
    ]);
    const layers = async (): Promise<string> =>
      await house.machine.must(['sh', '-c', 'cat /var/lib/patchgit/layers/*/home/kept/it']);
    const kept = await layers();
    expect(kept).toMatch(/^\d+\n$/);
    const again = Shown.parse(await propose('needs', '--wait'));
    expect(again.checks[0]?.after.notes?.join()).toMatch(/layer/);
    expect(await layers()).toBe(kept);
  });

  it('a patch is read by the user of the sandbox, who sees mirrors and quarantine and can write to neither', async () => {
    const { machine } = house;
    const reads = await machine.must(['journalctl', '--no-pager', '--output=cat', '--unit=patchgit-apply@*']);
    expect(reads).toContain('Started patchgit-apply@');
    const show = `[Service]\nExecStart=\nExecStart=/bin/sh -c 'id -un; ls -A /var/lib/patchgit /etc/patchgit; \
for place in mirrors quarantine; do touch /var/lib/patchgit/$$place/x; done; cat /proc/net/dev | wc -l'\nStandardError=socket\n`;
    await machine.writeFile('/etc/systemd/system/patchgit-apply@.service.d/show.conf', show);
    await machine.must(['systemctl', 'daemon-reload']);
    const ask = `require('net').connect('/run/patchgit-run/apply.sock').pipe(process.stdout)`;
    const seen = await machine.must([node, '-e', ask], { user: 'patchgit' });
    expect(seen).toMatch(/^patchgit-run\n/);
    expect(seen).toContain("ls: cannot open directory '/etc/patchgit': Permission denied");
    expect(seen).toContain('/var/lib/patchgit:\nmirrors\nquarantine\n');
    expect(seen.match(/^touch: cannot touch .*: Read-only file system$/gm)).toHaveLength(2);
    expect((await machine.run([node, '-e', ask], { user: 'nobody' })).stderr).toContain('EACCES');
    await machine.must(['rm', '/etc/systemd/system/patchgit-apply@.service.d/show.conf']);
    await machine.must(['systemctl', 'daemon-reload']);
  });

  it('checkouts belong to the user of the sandbox, and the daemon can still take one away that was changed', async () => {
    const { machine } = house;
    const ownersOf = async (): Promise<string> =>
      machine.must(['sh', '-c', 'find /var/lib/patchgit/checkouts -mindepth 1 -printf "%U:%G\n" | sort -u']);
    const ids = (await machine.must(['sh', '-c', 'id -u patchgit-run; id -g patchgit-run'])).trim().replace('\n', ':');
    expect(await ownersOf()).toBe(`${ids}\n`);
    await machine.must([
      'sh',
      '-c',
      'for file in /var/lib/patchgit/checkouts/*/number.txt; do echo more >> "$file"; done',
    ]);
    await machine.must(['systemctl', 'restart', 'patchgit']);
    await house.answers();
    const document = Shown.parse(await propose('small', '--wait'));
    expect(document.checks.map(({ after }) => after?.conclusion)).toEqual(['success']);
    expect(await machine.must(['journalctl', '--no-pager', '--unit=patchgit'])).toContain('is not its tree any more');
    expect(await ownersOf()).toBe(`${ids}\n`);
  });

  it("only the folder of a new checkout is given to that user, and only at the daemon's word", async () => {
    const { machine } = house;
    const ask = (name: string, user = 'patchgit'): Promise<string> => {
      const script = `const s = require('net').connect('/run/patchgit-run/give.sock'); s.on('error', (e) => console.log(e.message));
        s.pipe(process.stdout); s.end(${JSON.stringify(`${name}\n`)});`;
      return machine.must([node, '-e', script], { user });
    };
    const fresh = `${'a'.repeat(40)}.${'b'.repeat(12)}`;
    const at = `/var/lib/patchgit/checkouts/${fresh}`;
    // What a link leads to is nobody's to give.
    const make =
      'mkdir -p "$1/tree/deep"; ln -s /var/lib/patchgit/patchgit.db "$1/tree/link"; ln -s /etc "$1/tree/folder"';
    await machine.must(['sh', '-c', make, 'sh', at], { user: 'patchgit' });
    for (const name of [
      '',
      '.',
      '..',
      fresh,
      `../checkouts/${fresh}/tree`,
      `${fresh}/tree/deep`,
      '/etc',
      'a'.repeat(40),
    ]) {
      expect(await ask(name)).toBe('That is not the name of a new checkout.\n');
    }
    expect(await ask(`${fresh}/tree`, 'nobody')).toContain('EACCES');
    expect(await ask(`${fresh}/tree`)).toBe('given\n');
    const owners = await machine.must(['stat', '-c', '%U', at, `${at}/tree/deep`, `${at}/tree/link`]);
    expect(owners).toBe('patchgit\npatchgit-run\npatchgit-run\n');
    expect(await machine.must(['stat', '-c', '%U', '/var/lib/patchgit/patchgit.db', '/etc'])).toBe('patchgit\nroot\n');
    await machine.must(['rm', '-r', at]);
  });

  it('killed in the middle of a check it is started again, nothing of the check is left, and the change is proved', async () => {
    const { jobId } = Accepted.parse(await propose('slow'));
    const sleeping = async (): Promise<boolean> =>
      (await house.machine.run(['pgrep', '--uid', 'patchgit-run', '--exact', 'sleep'])).code === 0;
    await until('the check runs', sleeping);
    const before = await restarts();
    await house.machine.must(['systemctl', 'kill', '--signal=KILL', '--kill-whom=main', 'patchgit']);
    await until('nothing of the check is left', async () => !(await sleeping()));
    await until('systemd starts it again', async () => (await restarts()) > before);
    await house.answers();
    const document = await until('the change is proved', async () => {
      const shown = Shown.safeParse(JSON.parse((await house.patchgit(['show', jobId, '--json'])).stdout));
      return shown.success && shown.data;
    });
    expect(document.checks.map(({ after }) => after?.conclusion)).toEqual(['success']);
  });

  it('what it knows is there after an orderly restart, and its journal holds no secret', async () => {
    const before = (await house.patchgit(['audit', 'verify', '--json'])).stdout;
    await house.machine.must(['systemctl', 'restart', 'patchgit']);
    await house.answers();
    const link: unknown = JSON.parse((await house.patchgit(['device', 'add', '--json'])).stdout);
    const journal = await house.machine.must(['journalctl', '--no-pager', '--output=export']);
    expect(journal).toContain('patchgit is serving');
    expect(journal).not.toContain(secret);
    expect(journal).not.toContain(linkSecret(link));
    const after = (await house.patchgit(['audit', 'verify', '--json'])).stdout;
    expect(JSON.parse(before)).toMatchObject({ ok: true });
    expect(JSON.parse(after)).toMatchObject({ ok: true });
  });

  it('nobody else on the machine can look into its data', async () => {
    const look = await house.machine.run(['ls', '/var/lib/patchgit'], { user: 'nobody' });
    expect(look.code).not.toBe(0);
    expect(look.stderr).toContain('Permission denied');
  });

  it('the sandbox works as a user of its own behind a socket, who reaches only the trees that are to be proved', async () => {
    const { machine } = house;
    const trees = '/var/lib/patchgit/checkouts';
    await machine.must(['sh', '-c', 'mkdir -p "$1"; chmod 755 "$1"; mkdir "$1/of-daemon" "$1/of-run"', 'sh', trees]);
    await machine.must(['chown', 'patchgit:', `${trees}/of-daemon`]);
    await machine.must(['chown', 'patchgit-run:', `${trees}/of-run`]);
    const uid = (await machine.must(['id', '-u', 'patchgit-run'])).trim();
    const ways = await Promise.all(
      ['of-daemon', 'of-run'].map(async (tree) => {
        const { ready, outcomes, refused } = await house.askHelper({
          lower: `${trees}/${tree}`,
          command: 'touch written',
        });
        expect(refused).toBe('');
        expect(outcomes.map(({ exitCode }) => exitCode)).toEqual([0]);
        expect(ready.isolation.join(' ')).toContain(`runs checks as user ${uid}`);
        if (house.holdsLimits) expect(ready.isolation.join(' ')).toContain('A control group limits memory, pids, cpu.');
        return ready.isolation.some((sentence) => sentence.includes('overlay')) ? 'overlay' : 'copy';
      }),
    );
    // A tree of another user cannot be changed through an overlay, so it is copied.
    expect(ways).toEqual(['copy', 'overlay']);
    // What a helper itself sees of the machine, while it holds a sandbox.
    const talking = house.askHelper({ lower: `${trees}/of-run`, command: 'sleep 60' });
    const pid = await until('a helper runs', async () => {
      // Before it runs it is systemd itself, which has not made the walls yet.
      const shown = await machine.must(['systemctl', 'show', '--property=MainPID,SubState', 'patchgit-run@*.service']);
      return /^MainPID=(\d+)\nSubState=running$/m.exec(shown)?.[1] ?? null;
    });
    const see = (...words: string[]): Promise<string> =>
      machine.must(['nsenter', '--target', pid, '--mount', ...words]);
    expect(await see('ls', '-A', '/var/lib', '/var/lib/patchgit')).toBe(
      '/var/lib:\npatchgit\n\n/var/lib/patchgit:\ncheckouts\nlayers\nquarantine\n',
    );
    await machine.must(['systemctl', 'stop', 'patchgit-run@*.service']);
    expect((await talking).outcomes.map(({ exitCode }) => exitCode)).not.toContain(0);
    expect((await house.askHelper({ lower: trees, command: 'true' }, 'nobody')).refused).toContain('EACCES');
  });

  it.each(exposures)('%s is exposed no more than it needs', async (name, exposureMax) => {
    const analyze = ['systemd-analyze', 'security', '--no-pager', `--threshold=${exposureMax}`];
    const found = await house.machine.run([...analyze, name]);
    expect(found.stdout).toContain('Overall exposure level');
    expect(found.code, found.stdout).toBe(0);
  });

  it('where the host forbids user namespaces doctor says so and how to allow them, and GO stays shut', async () => {
    await house.forbidUserNamespaces();
    const { code, stdout } = await house.patchgit(['doctor', '--json']);
    expect(code).toBe(1);
    const { ok, findings } = Doctor.parse(JSON.parse(stdout));
    expect(ok).toBe(false);
    const bad = findings.filter(({ verdict }) => verdict === 'bad').map(({ name, sentence }) => `${name}: ${sentence}`);
    expect(bad).toHaveLength(2);
    expect(bad[0]).toMatch(/^sandbox: Nothing can be proved here\. .*forbids user namespaces/);
    expect(bad[1]).toMatch(/^host: .*user\.max_user_namespaces is 0\. To allow them: /);
    const before = await house.branches('small');
    const draft = Shown.parse(await propose('small', '--wait'));
    expect(draft.checks.map(({ after }) => after?.conclusion)).not.toContain('success');
    const went = await house.patchgit(['go', draft.id, '--digest', draft.digest, '--json']);
    expect(went.code).toBe(1);
    expect(await house.branches('small')).toEqual(before);
    expect(draft.gates.map(({ verdict }) => verdict)).toContain('closed');
  });
});

/** The part of a one-time link that lets somebody in. */
function linkSecret(answer: unknown): string {
  const found = /[#?/=]([\w-]{16,})"/.exec(JSON.stringify(answer))?.[1];
  if (found === undefined) throw new Error(`no link in ${JSON.stringify(answer)}`);
  return found;
}
