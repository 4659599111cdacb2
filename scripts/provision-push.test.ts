/** The third user of the wall, on a machine that systemd runs: patchgit-push holds the token of GitHub, and the daemon never does. */
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Doctor } from '#contract/api.ts';
import { ProposalDocument } from '#contract/proposal.ts';
import { startFakeGitHub, type FakeGitHub } from '../server/testing/forge/forge.ts';
import { allowed } from '../server/testing/github-house.ts';
import { canBoot } from '../server/testing/machine/layer.ts';
import { bootMachine, type Machine } from '../server/testing/machine/machine.ts';

const root = join(import.meta.dirname, '..');
const node = '/opt/patchgit/node_modules/node/bin/node';
const provisionMsMax = 240_000;
const patch = '--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n';
/** What `systemd-analyze security` gives systemd 252 for the unit, in tenths. Its way to the network is what it is for. */
const exposureMax = 15;
const Shown = ProposalDocument.pick({ id: true, digest: true });

/** From an address that the machine reaches to a port of this host's own loopback. */
async function lead(from: string, to: string): Promise<{ readonly server: Server; readonly port: number }> {
  const target = Number(new URL(to).port);
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    near.on('error', () => far.destroy()).pipe(far);
    far.on('error', () => near.destroy()).pipe(near);
  }).listen(0, from);
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('it has no port');
  return { server, port: address.port };
}

const name = 'a machine whose patchgit-push holds the token of GitHub';
describe.runIf(canBoot(name))(name, () => {
  let forge: FakeGitHub;
  let token: string;
  let machine: Machine;
  const servers: Server[] = [];
  const sh = (script: string): Promise<string> => machine.must(['sh', '-c', script]);
  const provision = async (...words: string[]): Promise<string> => {
    const command = ['sh', '/opt/patchgit/scripts/provision.sh', ...words];
    const { code, stdout, stderr } = await machine.run(command, { wallMs: provisionMsMax });
    expect(code, `${stdout}${stderr}`).toBe(0);
    return `${stdout}${stderr}`;
  };
  /** Any request as a user of the machine: status and header, or why there was none. */
  const ask = (user: string, method: string, address: string): Promise<string> => {
    const order = `'patchgit-made-at': String(process.hrtime.bigint() / 1000000n), 'patchgit-wall': '9000'`;
    const script = `require('http').request({ socketPath: '/run/patchgit-push/push.sock', method: '${method}', path: '${address}',
      headers: { ${order} } }, (a) => { console.log(a.statusCode, a.headers['patchgit-push'] ?? ''); a.resume(); })
      .on('error', (e) => console.log(e.code)).end();`;
    return machine.must([node, '-e', script], { user }).then((text) => text.trim());
  };

  beforeAll(async () => {
    forge = await startFakeGitHub();
    token = forge.addToken({ kind: 'fine_grained', login: 'ada', permissions: allowed });
    machine = await bootMachine({ hostname: 'droplet', network: 'link', folders: { [root]: '/opt/patchgit' } });
    // Outside of a container systemd does this itself. What is under /usr of this host is no part of the machine.
    await sh('mount --make-rshared / && mount -t tmpfs empty /usr/local && mkdir -p /usr/local/bin');
    // GitHub without TLS is only ever on this machine: so its loopback leads to the forge, at the same ports.
    for (const url of [forge.url, forge.gitUrl]) {
      const way = await lead(machine.internet ?? '', url);
      servers.push(way.server);
      const script = `require('net').createServer((a) => { const b = require('net').connect(${way.port}, '${machine.internet}');
        a.on('error', () => b.destroy()).pipe(b); b.on('error', () => a.destroy()).pipe(a); }).listen(${new URL(url).port}, '127.0.0.1');`;
      await machine.must(['systemd-run', '--quiet', node, '-e', script]);
    }
    const places = `GITHUB_API_URL=${forge.url}\nGITHUB_GIT_URL=${forge.gitUrl}\n`;
    await machine.writeFile('/etc/patchgit/environment', `${places}GITHUB_TOKEN=${token}\n`, 0o600);
  }, provisionMsMax);
  afterAll(async () => {
    await machine?.close();
    for (const server of servers) server.close();
    await forge?.close();
  });

  it('takes a token that the daemon had to the other user, and says so before it does', async () => {
    const asked = await provision('--check');
    expect(asked).toContain('Would give the token of GitHub to patchgit-push alone.\n');
    expect(asked).toContain('Would start patchgit-push.socket, now and with the machine.\n');
    const said = await provision();
    expect(said).toContain('Next: give the token of GitHub to patchgit-push alone.\n');
    expect(said).not.toContain(token);
    const lines = (await sh('grep -v "^#" /etc/patchgit/environment')).trim().split('\n');
    expect(lines).toEqual([
      `GITHUB_API_URL=${forge.url}`,
      `GITHUB_GIT_URL=${forge.gitUrl}`,
      'PATCHGIT_PUSH_SOCKET=/run/patchgit-push/push.sock',
    ]);
    expect(await sh('stat -c "%U %a" /etc/patchgit/github-token /etc/patchgit/push.environment')).toBe(
      'root 600\nroot 600\n',
    );
    expect(await provision()).toContain('Nothing was to be done.');
  });

  it('GO makes a branch and a pull request with a token that the daemon does not have', async () => {
    const url = forge.addRepository({ owner: 'ada', name: 'shop', files: { 'a.txt': 'one\n' } });
    const patchgit = (words: readonly string[], stdin = ''): Promise<string> =>
      machine.must(['patchgit', ...words], { stdin, wallMs: 60_000 });
    await patchgit(['repo', 'add', url, '--name', 'shop', '--check', 'grep -q . a.txt', '--json']);
    const proposed = await patchgit(['propose', '--repo', 'shop', '--diff', '-', '--wait', '--json'], patch);
    const { id, digest } = Shown.parse(JSON.parse(proposed));
    await patchgit(['go', id, '--digest', digest, '--json']);
    expect(forge.pull('ada/shop', 1)).toMatchObject({ author: 'ada', base: 'main', state: 'open' });
    expect([...forge.branches('ada/shop').keys()]).toHaveLength(2);
    const { findings } = Doctor.parse(JSON.parse((await machine.run(['patchgit', 'doctor', '--json'])).stdout));
    const sentences = findings.filter(({ name: of }) => of === 'GitHub').map(({ sentence }) => sentence);
    expect(sentences).toContainEqual(expect.stringMatching(/^patchgit-push holds the token/));
    expect(sentences).toContainEqual('GitHub knows the token: patchgit acts there as ada.');
  });

  it("the daemon's user cannot read it: no file, no credential, no environment, no memory, no journal", async () => {
    expect(await ask('patchgit', 'GET', `${forge.url}/user`)).toBe('200');
    const pid = (await sh('systemctl show --value --property=MainPID patchgit-push')).trim();
    expect(Number(pid)).toBeGreaterThan(1);
    expect(await sh(`stat -c %U /proc/${pid}; cat /run/credentials/patchgit-push.service/github-token`)).toBe(
      `patchgit-push\n${token}\n`,
    );
    for (const user of ['patchgit', 'patchgit-run', 'nobody']) {
      for (const place of [
        '/etc/patchgit/github-token',
        '/run/credentials/patchgit-push.service/github-token',
        `/proc/${pid}/environ`,
        `/proc/${pid}/mem`,
        `/proc/${pid}/root/run/credentials/patchgit-push.service/github-token`,
      ]) {
        const looked = await machine.run(['head', '-c', '10', place], { user });
        expect([looked.code, looked.stdout], `${user} ${place}`).toEqual([1, '']);
      }
    }
    const daemon = (await sh('systemctl show --value --property=MainPID patchgit')).trim();
    // Root looks: what the daemon was started with, what it has written, and what everybody may read.
    const open = await sh(
      `cat /proc/${daemon}/environ /proc/*/cmdline; grep -rha . /var/lib/patchgit /etc/systemd/system; systemctl show "patchgit*"; journalctl --no-pager`,
    );
    const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
    for (const secret of [token, basic]) expect(open).not.toContain(secret);
  });

  it('a daemon that was taken over has nothing merged, deleted or sent elsewhere, and nobody else has the way', async () => {
    const calls = forge.calls.length;
    const shop = `${forge.url}/repos/ada/shop`;
    expect(await ask('patchgit', 'PUT', `${shop}/pulls/1/merge`)).toBe('403 refused not_allowed');
    expect(await ask('patchgit', 'DELETE', shop)).toBe('403 refused not_allowed');
    expect(await ask('patchgit', 'GET', 'http://127.0.0.1:1/user')).toBe('403 refused elsewhere');
    for (const user of ['patchgit-run', 'patchgit-push', 'nobody'])
      expect(await ask(user, 'GET', `${forge.url}/user`)).toBe('EACCES');
    expect(forge.calls).toHaveLength(calls);
    const journal = await sh('journalctl --no-pager --output=cat -t patchgit-push');
    expect(journal).toContain('refused an order of the daemon: not_allowed\n');
    expect(journal).not.toContain('/repos/');
  });

  it('patchgit-push itself sees nothing of the daemon, and is exposed no more than it needs', async () => {
    expect(await ask('patchgit', 'GET', `${forge.url}/user`)).toBe('200');
    const pid = (await sh('systemctl show --value --property=MainPID patchgit-push')).trim();
    const see = (script: string): Promise<string> =>
      machine.must([
        'nsenter',
        '--target',
        pid,
        '--mount',
        'setpriv',
        '--reuid=patchgit-push',
        '--clear-groups',
        'sh',
        '-c',
        script,
      ]);
    expect(
      await see(
        'ls -A /var/lib /srv /home /root 2>&1; ls /etc/patchgit /run/patchgit-push /run/patchgit-run 2>&1 || :',
      ),
    ).not.toMatch(/patchgit\.db|mirrors|environment|push\.sock|apply\.sock/);
    expect(await see('touch /opt/x /tmp/../etc/x 2>&1 || :')).toMatch(/Read-only file system[^]*Read-only file system/);
    const analyze = ['systemd-analyze', 'security', '--no-pager', `--threshold=${exposureMax}`];
    const analyzed = await machine.run([...analyze, 'patchgit-push.service']);
    expect(analyzed.code, analyzed.stdout).toBe(0);
  });

  it('another token takes its place, and the first one is nowhere any more', async () => {
    const second = forge.addToken({ kind: 'fine_grained', login: 'ada', permissions: allowed });
    await machine.writeFile('/root/second', `${second}\n`, 0o600);
    expect(await provision('--token', 'github=/root/second')).toContain(
      'Next: give the token of GitHub to patchgit-push',
    );
    forge.revoke(token);
    expect(await ask('patchgit', 'GET', `${forge.url}/user`)).toBe('200');
    expect(await sh('grep -rla . /etc/patchgit | xargs cat')).not.toContain(token);
  });
});
