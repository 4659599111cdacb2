/** The set-up phase where it is most dangerous and most needed: over real SSH, on a machine that stands as its orders made it. */
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Limits } from '#contract/helper-wire.ts';
import { limits as smallLimits, mebibyte, silentLog, World } from '../helper/test-kit.ts';
import { remoteSandbox, type RemoteSandboxOptions } from './adapters/remote-sandbox.ts';
import { sha256 } from './lib/digest.ts';
import type { Sandbox } from './ports.ts';
import type { HelperConnection } from './ports-cloud.ts';
import { places, users } from './resources/lease/cloud-init-places.ts';
import { bundleHelper } from './testing/machine/helper-bundle.ts';
import { bootHelper, type HelperMachine } from './testing/machine/helper-machine.ts';
import { canBoot } from './testing/machine/layer.ts';
import { makeRegistry, type TestRegistry } from './testing/machine/registry.ts';
import { until } from './testing/wait.ts';

const host = 'registry.example.com';
const other = 'other.example.com';
const inside = 'inside.example.com';
const metadata = '169.254.169.254';
const limits: Limits = {
  ...smallLimits,
  memoryBytes: 512 * mebibyte,
  diskBytes: 64 * mebibyte,
  tmpBytes: 64 * mebibyte,
};

const what = 'the set-up phase on a helper machine';
describe.runIf(canBoot(what))(what, () => {
  const world = new World();
  const servers: { readonly close: () => unknown }[] = [];
  let bundle: Buffer;
  let helper: HelperMachine;
  let registry: TestRegistry;
  let connection: HelperConnection;
  let sandbox: Sandbox;

  const sandboxWith = (change: Partial<RemoteSandboxOptions> = {}): Sandbox =>
    remoteSandbox({
      connection,
      helperBundle: bundle,
      folder: places.trees,
      helper: { kind: 'service', command: [places.helperCommand], program: places.helperProgram },
      door: { socket: places.doorSocket, hosts: [host, other, inside] },
      log: silentLog,
      ...change,
    });
  const key = (of: string): string => sha256(Buffer.from(of));

  beforeAll(async () => {
    bundle = await bundleHelper();
    const door = { registryHosts: [host, other, inside], programSha256: sha256(bundle) };
    helper = await bootHelper(door, (internet) => ({
      [host]: internet,
      [other]: internet,
      'stranger.example.com': internet,
      [inside]: metadata,
    }));
    registry = makeRegistry(host);
    await registry.listen(helper.internet);
    // What must not be reached answers, or a test would take its silence for a wall.
    for (const [address, port] of [
      [helper.internet, 8443],
      [helper.internet, 80],
      [helper.neighbour, 443],
    ] as const) {
      const server = createServer((socket) => socket.on('error', () => undefined).end('here\n')).listen(port, address);
      await once(server, 'listening');
      servers.push(server);
    }
    for (const port of [53, 443]) {
      const names = createSocket('udp4', (_, from) => names.send('here', from.port, from.address));
      names.bind(port, helper.internet);
      await once(names, 'listening');
      servers.push(names);
    }
    const { machine } = helper;
    await machine.must(['ip', 'address', 'add', `${metadata}/32`, 'dev', 'lo']);
    const script = `require('net').createServer((s) => s.end('key')).listen(443, '${metadata}')`;
    await machine.must(['systemd-run', '--quiet', '--unit=metadata', 'node', '-e', script]);
    connection = await helper.connect();
    sandbox = sandboxWith();
  });
  afterAll(async () => {
    await connection?.close();
    await registry?.close();
    for (const server of servers) server.close();
    await helper?.close();
    world.remove();
  });

  interface Asked {
    readonly lower?: string;
    readonly hosts?: readonly string[];
    readonly by?: Sandbox;
    readonly limits?: Partial<Limits>;
    readonly signal?: AbortSignal;
    readonly onOutput?: () => void;
  }
  /** What came of a set-up, with the log as text. */
  const setUp = async (of: string, command: string, asked: Asked = {}) => {
    const workspace = { lower: asked.lower ?? world.tree({}, 0), delta: null, remove: [] };
    const answer = await (asked.by ?? sandbox).setUp(
      { key: key(of), workspace, command, hosts: asked.hosts ?? [host], limits: { ...limits, ...asked.limits } },
      ({ type }) => type === 'output' && asked.onOutput?.(),
      asked.signal ?? AbortSignal.timeout(90_000),
    );
    if (!answer.ok) throw new Error(answer.why);
    return { ...answer.value, log: Buffer.from(answer.value.logBase64, 'base64').toString() };
  };
  const check = async (command: string, of?: string, lower = world.tree({}, 0)) => {
    const request = {
      workspace: { lower, delta: null, remove: [] },
      steps: [{ name: 'check', command }],
      limits,
      ...(of === undefined ? {} : { layer: key(of) }),
    };
    const answer = await sandbox.run(request, () => undefined, AbortSignal.timeout(60_000));
    const [outcome] = answer.ok ? answer.value : [];
    if (outcome === undefined) throw new Error(answer.ok ? 'no outcome' : answer.why);
    return { ...outcome, log: Buffer.from(outcome.logBase64, 'base64').toString() };
  };
  const kept = async (folder: string): Promise<string[]> =>
    (await helper.machine.must(['ls', '-A', `${places.trees}/${folder}`])).split('\n').filter(Boolean);

  it('installs through the door what the lock file names, and checks find it with the network off', async () => {
    const lower = world.tree({ ...registry.repository, 'test.js': "console.log(require('three'))" }, 0);
    expect(await check('node test.js', undefined, lower)).toMatchObject({ exitCode: 1 });
    expect(await sandbox.hasLayer(key('npm'))).toBe(false);
    expect(await setUp('npm', 'npm ci', { lower })).toMatchObject({ name: 'set-up', exitCode: 0, limit: null });
    expect(registry.asked).toContain('/three/-/three-1.0.0.tgz');
    expect(await sandbox.hasLayer(key('npm'))).toBe(true);
    expect(await check('node test.js', 'npm', lower)).toMatchObject({ exitCode: 0, log: '3\n' });
    // Also what npm has put aside in its home.
    const again = 'rm -rf node_modules && npm ci --offline && node test.js';
    expect(await check(again, 'npm', lower)).toMatchObject({ exitCode: 0 });
    // Another connection of the same lease, for the next job, finds it too.
    expect(await sandboxWith().hasLayer(key('npm'))).toBe(true);
    expect(await kept('making')).toEqual([]);
  });

  it('keeps nothing of a set-up that fails, meets a limit, or is cancelled', async () => {
    expect(await setUp('fails', 'mkdir -m 0 shut; ln -s / way; exit 3')).toMatchObject({ exitCode: 3 });
    const tooMuch = 'head -c 40000000 /dev/urandom > big; sync; sleep 3; exit 0';
    expect(await setUp('full', tooMuch, { limits: { diskBytes: 8 * mebibyte } })).toMatchObject({ limit: 'disk' });
    const abort = new AbortController();
    const running = setUp('cancelled', 'echo left > left; echo runs; sleep 60', {
      signal: abort.signal,
      onOutput: () => abort.abort(),
    });
    await expect(running).rejects.toThrow('The run was cancelled.');
    for (const of of ['fails', 'full', 'cancelled']) expect(await sandbox.hasLayer(key(of)), of).toBe(false);
    await until('the folders are gone', async () => (await kept('making')).length === 0);
  });

  it('says in the log of the set-up which host was asked for and is not on the list', async () => {
    const { exitCode, log } = await setUp('stranger', proxied(`https://stranger.example.com/`));
    expect(exitCode).not.toBe(0);
    expect(log).toContain('The host "stranger.example.com" was asked for and is not on the list');
    // It may be reached on this machine, only not by this set-up.
    expect((await setUp('narrow', proxied(`https://${other}/`))).log).toContain(`The host "${other}" was asked for`);
    const wide = await setUp('wide', proxied(`https://${other}/`), { hosts: [host, other] });
    expect(wide.log).not.toContain('was asked for');
    expect(wide.log).toContain('certificate');
    await expect(setUp('late', 'true', { hosts: ['late.example.com'] })).rejects.toThrow(
      'late.example.com came on the list of hosts after this helper machine was ordered.',
    );
  });

  it('reaches no host that the orders do not name, whatever it is told afterwards', async () => {
    const stranger = 'stranger.example.com';
    const door = { socket: places.doorSocket, hosts: [host, stranger] };
    const told = { by: sandboxWith({ door }), hosts: [host, stranger] };
    const command = `${asksDoor(`${host}:443`)} && echo registry; ${asksDoor(`${stranger}:443`)} && echo stranger; true`;
    const { log } = await setUp('told', command, told);
    expect(log).toContain('registry\n');
    expect(log).not.toContain('stranger\n');
    expect(log).toContain(`The host "${stranger}" was asked for`);
  });

  it('has no other way out than the door', async () => {
    const { internet, neighbour } = helper;
    const tries = {
      'the registry itself': direct(internet, 443),
      'a neighbour': direct(neighbour, 443),
      metadata: direct(metadata, 443),
      'the port of the model': direct('127.0.0.1', places.modelPort),
      'a name by its own question': `node -e "require('dns').resolve4('${host}', (e) => process.exit(e ? 1 : 0))"`,
      'a datagram': `node -e "const s = require('dgram').createSocket('udp4'); s.send('x', 53, '${internet}', (e) => process.exit(e ? 1 : 0))"`,
      'another port by the door': asksDoor(`${host}:8443`),
      'an address by the door': asksDoor(`${internet}:443`),
      'metadata by the door': asksDoor(`${metadata}:443`),
      'a name that leads to metadata': asksDoor(`${inside}:443`),
      'no encryption by the door': asksDoor(`http://${host}/`, 'GET'),
      'the socket of the helpers': hasSocket('/run/patchgit-run/helper.sock'),
      'the socket of the store': hasSocket('/run/patchgit-run/store.sock'),
      'the bus of the system': hasSocket('/run/dbus/system_bus_socket'),
      'the journal': hasSocket('/run/systemd/journal/stdout'),
    };
    const script = Object.entries(tries).map(([name, command]) => `if ${command}; then echo "REACHED ${name}"; fi`);
    const all = await setUp('attacks', `${script.join('\n')}\n${asksDoor(`${host}:443`)} && echo the door works`, {
      hosts: [host, inside],
    });
    expect(all.log.split('\n').filter((line) => line.startsWith('REACHED'))).toEqual([]);
    expect(all.log).toContain('the door works');
    expect(all.log).toContain(`The name ${inside} leads to ${metadata}, and to no address of the public internet.`);
  });

  it('leaves a layer that nothing changes any more', async () => {
    expect(await setUp('layer', 'echo one > made; echo one > ~/made')).toMatchObject({ exitCode: 0 });
    const spoil =
      'cat made ~/made; echo two > made; echo two > ~/made; rm -f made ~/made; echo three > ~/more; cat ~/more';
    const look = 'cat made ~/made; ls -A . ~';
    expect(await check(spoil, 'layer')).toMatchObject({ log: 'one\none\nthree\n' });
    expect(await check(look, 'layer')).toMatchObject({ log: expect.stringMatching(/^one\none\n/), exitCode: 0 });
    expect((await check(look, 'layer')).log).not.toContain('more');
    // Who comes second finds it made, and what the second one left is thrown away.
    expect(await setUp('layer', 'echo two > made; echo two > ~/made')).toMatchObject({ exitCode: 0 });
    expect(await check('cat made ~/made', 'layer')).toMatchObject({ log: 'one\none\n' });
    expect(await check('cat made', undefined)).toMatchObject({ exitCode: 1 });
  });

  /** What the run user can do as far as its service lets it, where it had got out of the sandbox. */
  const asEscaped = async (kind: 'check' | 'set-up', script: string): Promise<string> => {
    const { machine } = helper;
    const abort = new AbortController();
    const request = { workspace: { lower: world.tree({}, 0), delta: null, remove: [] }, limits };
    const step = { name: 'set-up', command: 'echo runs; sleep 60' };
    const begun = Promise.withResolvers<null>();
    const onEvent = ({ type }: { readonly type: string }): void => void (type === 'output' && begun.resolve(null));
    const running =
      kind === 'check'
        ? sandbox.run({ ...request, steps: [step] }, onEvent, abort.signal)
        : sandbox.setUp({ ...request, ...step, key: key('escaped'), hosts: [host] }, onEvent, abort.signal);
    await Promise.race([begun.promise, running.then((ended) => expect(ended).toBe('running'))]);
    const [pid = ''] = (
      await machine.must(['pgrep', '--uid', users.run.name, '--full', places.helperProgram, '--oldest'])
    ).split('\n');
    const enter = ['nsenter', '--target', pid, '--mount', '--net', 'setpriv', `--reuid=${users.run.uid}`];
    const ran = await machine.run([...enter, `--regid=${users.run.uid}`, '--clear-groups', 'sh', '-c', script]);
    abort.abort();
    await running;
    return ran.stdout;
  };
  const attempts = `try() { if ( eval "$2" ) > /dev/null 2>&1; then echo "$1"; fi; }
    cd ${places.trees}
    for folder in trees layers making; do try "writes $folder" "echo x > $folder/.x; rm $folder/.x"; done
    try "writes a layer" 'for f in layers/*; do chmod u+w $f $f/tree; echo x > $f/tree/.x; done'
    try "renames a layer" 'mv layers/* making/'
    try "writes the program" 'echo x >> ${places.helperProgram}'
    try "writes the script of the store" 'echo x >> ${places.storeProgram}'
    try "writes the list" 'echo x >> ${places.wantedHosts}'
    try "reads the orders" 'cat ${places.doorHosts}'
    try "sees the sockets" 'ls /run/patchgit-run/'
    try "sees the door" 'test -S ${places.doorSocket}'
    try "mounts the store anew" 'mount -o remount,rw ${places.trees}'
    try "mounts the store anew in a namespace" 'unshare --user --map-root-user --mount mount -o remount,bind,rw ${places.trees}'
    try "reaches the outside" "${direct('198.18.0.1', 22).replaceAll('"', '\\"')}"
    true`;

  it('lets who got out of a check write nowhere and see no door, and out of a set-up only where the layer is made', async () => {
    expect(await setUp('there', 'echo one > made')).toMatchObject({ exitCode: 0 });
    expect(await asEscaped('check', attempts)).toBe('');
    expect(await asEscaped('set-up', attempts)).toBe('writes making\nsees the door\n');
  });

  it('opens the door to the group of the run user alone, and the sockets behind it to the login user alone', async () => {
    const { machine } = helper;
    const reaches = async (user: string, path: string): Promise<boolean> =>
      (await machine.run(['sh', '-c', hasSocket(path)], { user })).code === 0;
    for (const user of [users.login.name, users.door.name, 'nobody']) {
      expect(await reaches(user, places.doorSocket), user).toBe(false);
    }
    expect(await reaches(users.run.name, places.doorSocket)).toBe(true);
    for (const name of ['helper', 'set-up', 'store']) {
      for (const user of [users.run.name, users.door.name, 'nobody']) {
        expect(await reaches(user, `/run/patchgit-run/${name}.sock`), `${user} ${name}`).toBe(false);
      }
    }
  });

  it('runs the door as a user whose packets go to names and to port 443 of public addresses only', async () => {
    const { machine, internet, neighbour } = helper;
    const reached = async (user: string): Promise<string[]> => {
      const ways = {
        'public 443': direct(internet, 443),
        'public 80': direct(internet, 80),
        'public 8443': direct(internet, 8443),
        'private 443': direct(neighbour, 443),
        'metadata 443': direct(metadata, 443),
        'loopback 22': direct('127.0.0.1', 22),
        'names by datagram': datagram(internet, 53),
        'datagram 443': datagram(internet, 443),
      };
      const found: string[] = [];
      for (const [name, command] of Object.entries(ways)) {
        if ((await machine.run(['sh', '-c', command], { user })).code === 0) found.push(name);
      }
      return found;
    };
    expect(await reached(users.door.name)).toEqual(['public 443', 'names by datagram']);
    expect(await reached(users.run.name)).toEqual([]);
    // Everything answered.
    expect(await reached('root')).toHaveLength(8);
  });

  it('makes no door of another program than the orders name', async () => {
    const changed = Buffer.concat([bundle, Buffer.from('\n')]);
    const works = `${asksDoor(`${host}:443`)} && echo the door works`;
    const spoiled = sandboxWith({ helperBundle: changed });
    expect((await setUp('spoiled', works, { by: spoiled })).log).not.toContain('the door works');
    expect((await setUp('mended', works, { by: sandboxWith() })).log).toContain('the door works');
    const { stdout } = await helper.machine.run(['ps', '--no-headers', '-o', 'pid', '-u', users.door.name]);
    expect(stdout.trim()).toMatch(/^\d+$/);
    const status = await helper.machine.must([
      'grep',
      '-E',
      '^(NoNewPrivs|CapEff|CapBnd):',
      `/proc/${stdout.trim()}/status`,
    ]);
    expect(status.split(/\s+/).filter(Boolean)).toEqual([
      'CapEff:',
      '0000000000000000',
      'CapBnd:',
      '0000000000000000',
      'NoNewPrivs:',
      '1',
    ]);
  });
});

function proxied(url: string): string {
  return `npm view three --registry=${url} --fetch-retries=0`;
}

/** Ends with 0 when somebody answers there. */
function direct(address: string, port: number): string {
  return `node -e "require('net').connect(${port}, '${address}', () => process.exit(0)).on('error', () => process.exit(1)).setTimeout(3000, () => process.exit(1))"`;
}

function asksDoor(target: string, method = 'CONNECT'): string {
  const request = `${method} ${target} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n`;
  return `node -e "require('net').connect(new URL(process.env.HTTPS_PROXY).port, '127.0.0.1').on('data', (d) => process.exit(/^HTTP.1.1 200/.test(d) ? 0 : 1)).on('close', () => process.exit(1)).write('${request}')"`;
}

function hasSocket(path: string): string {
  return `node -e "require('net').connect('${path}', () => process.exit(0)).on('error', () => process.exit(1))"`;
}

/** Ends with 0 when something comes back. */
function datagram(address: string, port: number): string {
  return `node -e "const s = require('dgram').createSocket('udp4'); s.on('message', () => process.exit(0)); s.send('x', ${port}, '${address}', (e) => e && process.exit(1)); setTimeout(() => process.exit(1), 2000)"`;
}
