import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BaseSandbox } from '../server/adapters/base-sandbox.ts';
import { inwardHosts, openRegistry, registryHost } from './testing/registry.ts';
import type { Registry } from './testing/registry.ts';
import { fingerprint, mebibyte, processesWith, tryAll, tryOne, trySetUp, World } from './test-kit.ts';
import type { Runner } from './test-kit.ts';

const world = new World();
let registry: Registry;
beforeAll(async () => {
  registry = await openRegistry(world);
});
const opened: BaseSandbox[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((sandbox) => sandbox.close()));
});
afterAll(async () => {
  await registry.close();
  world.remove();
});

interface Layered {
  readonly sandbox: BaseSandbox;
  readonly folder: string;
}

function open(runner: Runner, keptBytesMax = 1024 * mebibyte): Layered {
  const folder = world.path('layers');
  const sandbox = world.sandbox(runner, { layers: { folder, keptBytesMax }, doorPath: registry.doorPath });
  opened.push(sandbox);
  return { sandbox, folder };
}

function newKey(): string {
  return randomBytes(32).toString('hex');
}

const getWithJava = `public class Get {
  public static void main(String[] args) throws Exception {
    try {
      new java.net.URL(args[0]).openStream();
    } catch (Exception error) {
      System.out.println("java " + error.getClass().getSimpleName());
    }
  }
}
`;

function keptIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).toSorted() : [];
}

describe.each(world.everyForm())('a set-up, with the helper run by $name', (runner) => {
  it('installs what a lock names through the door, and a check without network finds it', async () => {
    const { sandbox, folder } = open(runner);
    const lower = world.tree(registry.repository, runner.uid);
    const before = fingerprint(lower);
    const key = newKey();
    expect(await sandbox.hasLayer(key)).toBe(false);
    const command = 'npm ci && cat node_modules/tiny/built';
    const installed = await trySetUp(sandbox, { key, lower, hosts: [registryHost] }, command);
    expect(installed).toMatchObject({ name: 'set-up', exitCode: 0, log: expect.stringContaining('by its script') });
    expect(await sandbox.hasLayer(key)).toBe(true);
    expect(keptIn(folder)).toEqual([key]);
    expect(processesWith(registry.doorPath)).toEqual([]);
    const checks = ['node check.js; cat node_modules/tiny/built', 'ls -d "$HOME"/.npm; echo $HTTPS_PROXY; ls /run'];
    const [found, home] = await tryAll(sandbox, { lower, layer: key }, ...checks);
    expect(found).toMatchObject({ exitCode: 0, log: 'tiny works\nby its script' });
    expect(home?.log).toBe('/tmp/home/.npm\n\n');
    expect(fingerprint(lower)).toBe(before);
  });

  it('leaves what it added, and never another version of a file of the tree', async () => {
    const { sandbox, folder } = open(runner);
    const tree = { 'src/a': 'a', 'src/b': 'b', 'only/here': 'here', link: ['src/a'] as const, kind: 'file' };
    const lower = world.tree(tree, runner.uid);
    const delta = world.tree({ 'src/new': 'new', 'src/b': 'patched' }, runner.uid);
    const key = newKey();
    const command = [
      'echo forged > src/a; echo forged > only/here; rm link; mkdir link; echo forged > link/x; rm kind; mkdir kind; touch kind/x',
      'echo added > src/added; mkdir -p deps/deep; echo dep > deps/deep/dep; ln -s dep deps/deep/link; rm -r only; mkdir only; touch only/added',
      'cat src/new src/b; mv src moved; mv moved src; echo cached > "$HOME/cache"',
    ].join('\n');
    const made = await trySetUp(sandbox, { key, lower, delta, remove: ['src/b'] }, command);
    expect(made).toMatchObject({ exitCode: 0, log: 'newpatched' });
    const left = spawnSync('find', [join(folder, key), '(', '-type', 'f', '-o', '-type', 'l', ')', '-printf', '%P\n']);
    const names = left.stdout.toString().trim().split('\n').toSorted();
    const added = ['deps/deep/dep', 'deps/deep/link', 'kind/x', 'link/x', 'only/added', 'src/added'];
    expect(names).toEqual(['bytes', 'home/cache', ...added.map((name) => `tree/${name}`)]);
    const show = 'cat src/a src/b only/here link kind src/added deps/deep/link "$HOME/cache"; ls src';
    const run = await tryOne(sandbox, { lower, layer: key }, show);
    expect(run).toMatchObject({ exitCode: 0, log: 'abhereafileadded\ndep\ncached\na\nadded\nb\n' });
    // Another tree of the same key, without some of those files.
    const other = world.tree({ 'src/b': 'b' }, runner.uid);
    const seen = await tryOne(sandbox, { lower: other, layer: key }, 'ls src only; cat src/b deps/deep/dep');
    expect(seen).toMatchObject({ exitCode: 0, log: 'only:\nadded\n\nsrc:\nadded\nb\nbdep\n' });
  });

  it('leaves a layer that no check can write, by whatever name', async () => {
    const { sandbox, folder } = open(runner);
    const lower = world.tree({ a: 'a' }, runner.uid);
    const key = newKey();
    const command =
      'mkdir -p deps "$HOME/.cache"; echo dep > deps/dep; echo cached > "$HOME/.cache/one"; chmod 777 deps';
    expect(await trySetUp(sandbox, { key, lower }, command)).toMatchObject({ exitCode: 0 });
    const before = [fingerprint(join(folder, key, 'tree')), fingerprint(join(folder, key, 'home'))];
    const [poison, second] = await tryAll(
      sandbox,
      { lower, layer: key },
      [
        'cat deps/dep "$HOME/.cache/one"; echo forged > deps/dep; echo forged >> "$HOME/.cache/one"',
        'chmod 600 deps/dep; touch -d 2001-01-01 "$HOME/.cache"; mv deps moved || cp -r deps moved; rm -rf deps "$HOME/.cache"; ln -s /etc deps',
        'for each in /layer/tree /layer/home; do touch $each/x; rm -rf $each/*; echo forged > $each/deps/dep; done 2>/dev/null',
        'grep -E " (/layer|/delta|/base)[^ ]* rw" /proc/self/mountinfo; cat moved/dep',
      ].join('\n'),
      'cat deps/dep "$HOME/.cache/one"; ls',
    );
    expect(poison?.log).toBe('dep\ncached\nforged\n');
    expect(second).toMatchObject({ exitCode: 0, log: 'dep\ncached\na\ndeps\n' });
    expect([fingerprint(join(folder, key, 'tree')), fingerprint(join(folder, key, 'home'))]).toEqual(before);
  });

  it('leaves links that lead nowhere outside, and through which nothing of a patch is written', async () => {
    const { sandbox, folder } = open(runner);
    const outside = world.tree({ secret: 'outside' }, runner.uid);
    const lower = world.tree({ 'src/a': 'a', 'src/b': 'b' }, runner.uid);
    const key = newKey();
    const command = [
      `ln -s ${outside}/secret secret; ln -s ${outside} folder; ln -s / root; ln -s ../../../../../../etc/passwd up`,
      'ln -s /ws/src/a new; ln -s /ws/src inner; mkdir dir; touch dir/x; mkfifo pipe; ln -s /tmp "$HOME/tmp"',
      'cp /bin/true tool; chmod 6755 tool; mkdir -p hidden/deep; touch hidden/deep/x; chmod 000 hidden/deep; chmod 000 src || :',
      `node -e "require('net').createServer().listen('/ws/socket', () => process.exit())"; chmod 755 src hidden/deep`,
    ].join('\n');
    expect(await trySetUp(sandbox, { key, lower }, command)).toMatchObject({ exitCode: 0 });
    const odd = [
      '(',
      '!',
      '-type',
      'f',
      '!',
      '-type',
      'd',
      '!',
      '-type',
      'l',
      ')',
      '-o',
      '!',
      '-type',
      'l',
      '-perm',
      '/6000',
    ];
    const found = spawnSync('find', [join(folder, key), ...odd, '-o', '-type', 'f', '!', '-user', `${runner.uid}`]);
    expect(found.stdout.toString().replace(`${join(folder, key, 'bytes')}\n`, '')).toBe('');
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('outside');
    const delta = world.tree({ new: 'patched', 'inner/b': 'patched', dir: 'file', 'root/etc': 'patched' }, runner.uid);
    const show =
      'cat secret folder/secret 2>&1 | sed "s/.*: //"; cat up | head -n 1; cat new inner/b dir root/etc src/a src/b';
    const run = await tryOne(sandbox, { lower, delta, layer: key }, show);
    const nowhere = 'No such file or directory\n';
    expect(run.log).toBe(`${nowhere}${nowhere}root:x:0:0::/:/bin/false\npatchedpatchedfilepatchedab`);
    expect(lstatSync(join(folder, key, 'tree/secret')).isSymbolicLink()).toBe(true);
  });

  it.each([
    ['into the tree', 'dd if=/dev/zero of=big bs=1M count=400 2>/dev/null; sleep 60'],
    ['into its home', 'dd if=/dev/zero of="$HOME/big" bs=1M count=400 2>/dev/null; sleep 60'],
    ['so fast that it succeeds', 'head -c 40000000 /dev/zero > big'],
  ])('is ended by its limit, and leaves nothing, when it writes too much %s', async (_, command) => {
    const { sandbox, folder } = open(runner);
    const lower = world.tree({ a: 'a' }, runner.uid);
    const key = newKey();
    const made = await trySetUp(sandbox, { key, lower, limits: { diskBytes: 32 * mebibyte } }, command);
    expect(made).toMatchObject({ exitCode: null, limit: 'disk' });
    expect(await sandbox.hasLayer(key)).toBe(false);
    expect(keptIn(folder)).toEqual([]);
  });
});

describe('the way out of a set-up', () => {
  const runner = world.runners().at(-1);
  if (runner === undefined) throw new Error('There is always one.');

  it('leads to the hosts of its list and nowhere else, and says to the owner what was asked for', async () => {
    const { sandbox } = open(runner);
    const lower = world.tree(registry.repository, runner.uid);
    const targets = [
      'evil.test:443',
      `${registryHost}:80`,
      `${registryHost}:22`,
      `${registryHost}.:443`,
      'REGISTRY.TEST:443',
    ];
    const inward = Object.keys(inwardHosts).map((host) => `${host}:443`);
    const numbers = ['127.0.0.1:443', '[::1]:443', '169.254.169.254:443', '2130706433:443', '93.184.215.14:443'];
    const script = `
      const net = require('node:net');
      const ask = (text) => new Promise((resolve) => {
        let said = '';
        const socket = net.connect(3128, '127.0.0.1', () => socket.write(text));
        socket.setEncoding('utf8').on('data', (part) => {
          said += part;
          if (said.startsWith('HTTP/1.1 200')) socket.destroy();
        }).on('error', () => undefined).on('close', () => resolve(said.split('\\r\\n')[0]));
      });
      (async () => {
        for (const target of ${JSON.stringify([`${registryHost}:443`, ...targets, ...inward, ...numbers])}) {
          console.log(target, await ask('CONNECT ' + target + ' HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'));
        }
        console.log('get', await ask('GET http://${registryHost}/ HTTP/1.1\\r\\nHost: ${registryHost}\\r\\n\\r\\n'));
        console.log('long', await ask('CONNECT ' + 'x'.repeat(20000)));
        console.log('tls', await ask('\\x16\\x03\\x01\\x00\\x05hello\\r\\n\\r\\n'));
      })();`;
    const hosts = [registryHost, ...Object.keys(inwardHosts)];
    const asked = await trySetUp(
      sandbox,
      { key: newKey(), lower, hosts },
      `node -e '${script.replaceAll("'", String.raw`'\''`)}'`,
    );
    const answers = new Map(asked.log.split('\n').map((line) => line.split(/ (.*)/s, 2)) as [string, string][]);
    expect(answers.get(`${registryHost}:443`)).toBe('HTTP/1.1 200 Connection established');
    for (const target of [...targets, ...inward, ...numbers]) {
      expect([target, answers.get(target)]).toEqual([target, 'HTTP/1.1 403 Forbidden']);
    }
    expect(answers.get('get')).toBe('HTTP/1.1 405 Method Not Allowed');
    expect([answers.get('long'), answers.get('tls')]).toEqual(['', 'HTTP/1.1 400 Bad Request']);
    const sentence =
      'patchgit: The host "evil.test" was asked for and is not on the list of hosts that a set-up may reach.\n';
    expect(asked.log.split(sentence)).toHaveLength(2);
    expect(asked.log).toMatch(
      /patchgit: The name metadata\.test leads to 169\.254\.169\.254, and to no address of the public internet/,
    );
  });

  it('is the only one: no address, no name and no other socket can be reached from inside', async () => {
    const { sandbox } = open(runner);
    const socketPath = world.path('other.sock');
    const callers: string[] = [];
    const listeners = [{ path: socketPath }, { path: '\0patchgit-set-up-test' }].map((address) =>
      createServer(() => callers.push(address.path)).listen(address),
    );
    const script = `
      const net = require('node:net'), dgram = require('node:dgram');
      const tell = (name) => (error) => console.log(name, error?.code ?? 'CONNECTED');
      for (const [name, options] of Object.entries({
        registry: { host: '127.0.0.1', port: ${registry.port} },
        six: { host: '::1', port: ${registry.port} },
        metadata: { host: '169.254.169.254', port: 80 },
        internet: { host: '93.184.215.14', port: 443 },
        unix: { path: ${JSON.stringify(socketPath)} },
        abstract: { path: '\\0patchgit-set-up-test' },
      })) net.connect(options, tell(name)).on('error', tell(name));
      dgram.createSocket('udp4').unref().send('x', 53, '93.184.215.14', tell('udp'));
      require('node:dns').lookup('registry.test', tell('name'));`;
    const command = `node -e '${script.replaceAll("'", String.raw`'\''`)}'; cat /proc/net/route; ls /run; exit 1`;
    const lower = world.tree({}, runner.uid);
    const { log } = await trySetUp(sandbox, { key: newKey(), lower, hosts: [registryHost] }, command);
    listeners.forEach((listener) => listener.close());
    expect(log).not.toContain('CONNECTED');
    for (const name of ['registry', 'six', 'metadata', 'internet', 'unix', 'abstract', 'udp', 'name']) {
      expect(log).toMatch(new RegExp(`^${name} E[A-Z_]+$`, 'm'));
    }
    expect(log).toMatch(/^door$/m);
    expect(callers).toEqual([]);
  });

  it('is found by programs that know of a proxy in other ways', async () => {
    const { sandbox } = open(runner);
    const lower = world.tree({ ...registry.repository, 'Get.java': getWithJava }, runner.uid);
    const address = `https://${registryHost}/tiny/-/tiny-1.0.0.tgz`;
    const fetching = `fetch('${address}').then((answer) => console.log('node', answer.status))`;
    const command = [
      `NODE_EXTRA_CA_CERTS=certificate.pem node -e "${fetching}"`,
      `! command -v curl >/dev/null || curl -s --cacert certificate.pem -o /tmp/x -w 'curl %{http_code}\\n' ${address}`,
      `! command -v python3 >/dev/null || SSL_CERT_FILE=certificate.pem python3 -c "import urllib.request as r; print('python', r.urlopen('${address}').status)"`,
      // It knows no certificate of this test: that it has seen one is enough.
      `! command -v javac >/dev/null || java Get.java ${address} 2>/dev/null`,
    ].join('\n');
    const limits = { memoryBytes: 2048 * mebibyte };
    const { log, exitCode } = await trySetUp(sandbox, { key: newKey(), lower, hosts: [registryHost], limits }, command);
    expect({ exitCode, log }).toEqual({
      exitCode: 0,
      log: expect.stringMatching(/^node 200\n(curl 200\n)?(python 200\n)?(java SSL.*\n)?$/),
    });
  });

  it('is not there without hosts, and a command does not meet it among its own processes', async () => {
    const { sandbox } = open(runner);
    const lower = world.tree({}, runner.uid);
    const closed = await trySetUp(sandbox, { key: newKey(), lower }, 'ls /run; echo "[$https_proxy]"');
    expect(closed).toMatchObject({ exitCode: 0, log: '[]\n' });
    const is = '[ "$(tr "\\0" " " < $each/cmdline)" = "node --v8-pool-size=1 /opt/door/forwarder.cjs " ]';
    const command = `sleep 0 & wait; for each in /proc/[0-9]*; do ! ${is} || grep PPid $each/status; done`;
    const through = await trySetUp(sandbox, { key: newKey(), lower, hosts: [registryHost] }, command);
    expect(through).toMatchObject({ exitCode: 0, limit: null, log: 'PPid:\t1\n' });
  });

  it('refuses hosts that are no names, before anything is opened', async () => {
    const { sandbox, folder } = open(runner);
    const lower = world.tree({}, runner.uid);
    for (const host of [
      '10.0.0.1',
      '*.test',
      'localhost',
      'a.test:443',
      'A.test',
      'a.test.',
      '-a.test',
      '--bytes-max',
    ]) {
      const asked = trySetUp(sandbox, { key: newKey(), lower, hosts: [host] }, 'true');
      await expect(asked).rejects.toThrow(/could not be opened: .*is not the name of a host/s);
    }
    expect(keptIn(folder)).toEqual([]);
  });
});
