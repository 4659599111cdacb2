import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { dial, doorLimits, makeDoor } from './door.ts';
import type { DoorLimits } from './door.ts';
import { isPublicAddress, parseHosts, readRequest } from './door-rules.ts';
import { helperPath, World } from './test-kit.ts';

const world = new World();
afterAll(() => world.remove());
const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  sockets.splice(0).forEach((socket) => socket.destroy());
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function listen(server: Server, path?: string): Promise<number> {
  servers.push(server);
  server.on('connection', (socket) => sockets.push(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
  );
  return path === undefined ? (server.address() as AddressInfo).port : 0; // a port was asked for
}

interface Tried {
  readonly path: string;
  readonly refused: string[];
  readonly dialled: string[];
  readonly lookups: string[];
}

/** A door whose world is this map; what is dialled leads to the port. */
async function openDoor(
  names: Readonly<Record<string, readonly string[]>>,
  port: number,
  limits: Partial<DoorLimits> = {},
): Promise<Tried> {
  const path = world.path('door');
  const tried: Tried = { path, refused: [], dialled: [], lookups: [] };
  const server = makeDoor(
    {
      hosts: () => new Set(Object.keys(names)),
      limits: { ...doorLimits, ...limits },
      onRefused: (why) => tried.refused.push(why),
    },
    {
      lookup: (host) => {
        tried.lookups.push(host);
        return Promise.resolve(names[host] ?? []);
      },
      connect: (address, timeMsMax) => {
        tried.dialled.push(address);
        return address.startsWith('9.') ? Promise.resolve(null) : dial('127.0.0.1', port, timeMsMax);
      },
    },
  );
  await listen(server, path);
  return tried;
}

/** Sends, and resolves with everything that came until the other side hung up. */
function send(path: string, text: string | Buffer, end = true): Promise<string> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect({ path, allowHalfOpen: true }, () => (end ? socket.end(text) : socket.write(text)));
    sockets.push(socket);
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.on('error', () => undefined);
    socket.once('end', () => socket.end());
    socket.once('close', () => resolve(Buffer.concat(parts).toString('latin1')));
  });
}

const ask = (target: string): string => `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;
const established = 'HTTP/1.1 200 Connection established\r\n\r\n';

describe('the door', () => {
  it('leads both ways, byte for byte, however slowly one side reads', async () => {
    const bytes = Buffer.alloc(5 * 1024 * 1024, 'patchgit');
    let received = 0;
    const remote = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length;
        // Slower than it is sent to, so that the door must wait.
        socket.pause();
        setImmediate(() => socket.resume());
      });
      socket.on('end', () => socket.end(bytes));
    });
    const door = await openDoor({ 'a.test': ['8.8.8.8'] }, await listen(remote));
    const said = await send(door.path, Buffer.concat([Buffer.from(ask('a.test:443')), bytes]));
    expect(received).toBe(bytes.length);
    expect(said.length).toBe(established.length + bytes.length);
    expect(said.startsWith(`${established}patchgit`)).toBe(true);
    expect(door).toMatchObject({ lookups: ['a.test'], dialled: ['8.8.8.8'], refused: [] });
  });

  it('looks a name up once, dials only public addresses of it by their number, and tries the next', async () => {
    const port = await listen(createServer((socket) => socket.end('here')));
    const addresses = ['10.0.0.1', '127.0.0.1', '9.9.9.9', '::ffff:8.8.8.8', 'fe80::1', '8.8.8.8', '1.1.1.1'];
    const door = await openDoor({ 'a.test': addresses }, port);
    expect(await send(door.path, ask('a.test:443'), false)).toBe(`${established}here`);
    expect(door).toMatchObject({ lookups: ['a.test'], dialled: ['9.9.9.9', '8.8.8.8'] });
  });

  it('says each refusal once, and looks up nothing for what is not on its list', async () => {
    const door = await openDoor({ 'a.test': ['10.0.0.1'] }, 1);
    for (const target of ['b.test:443', 'b.test:443', 'a.test:443', 'a.test:22', 'a.test:443'])
      await send(door.path, ask(target));
    expect(door.refused).toEqual([
      'The host "b.test" was asked for and is not on the list of hosts that a set-up may reach.',
      'The name a.test leads to 10.0.0.1, and to no address of the public internet.',
      'Port 22 of "a.test" was asked for; only port 443 is open.',
    ]);
    expect(door).toMatchObject({ lookups: ['a.test', 'a.test'], dialled: [] });
    for (let index = 0; index < 200; index += 1) await send(door.path, ask(`host${index}.test:443`));
    expect(door.refused).toHaveLength(100);
  });

  it('moves no more bytes than it may, in all connections together', async () => {
    const port = await listen(createServer((socket) => socket.end(Buffer.alloc(60_000))));
    const door = await openDoor({ 'a.test': ['8.8.8.8'] }, port, { bytesMax: 100_000 });
    expect((await send(door.path, ask('a.test:443'), false)).length).toBe(established.length + 60_000);
    expect((await send(door.path, ask('a.test:443'), false)).length).toBeLessThan(established.length + 60_000);
    expect(await send(door.path, ask('a.test:443'), false)).toMatch(/^HTTP\/1\.1 503 /);
    expect(door.refused).toEqual(['The set-up has moved as many bytes through the door as it may.']);
  });

  it('keeps no connection that says nothing, says too much, or is one too many', async () => {
    const port = await listen(createServer(() => undefined));
    const limits = { headerMsMax: 50, idleMsMax: 50, connectionsMax: 2 };
    const door = await openDoor({ 'a.test': ['8.8.8.8'] }, port, limits);
    expect(await send(door.path, '', false)).toBe('');
    expect(await send(door.path, 'x'.repeat(9000), false)).toBe('');
    expect(await send(door.path, ask('a.test:443'), false)).toBe(established);
    const all = await Promise.all(Array.from({ length: 4 }, () => send(door.path, ask('a.test:443'), false)));
    expect(all.filter((said) => said === established)).toHaveLength(2);
  });

  it('tells a name that cannot be looked up, and a host that does not answer', async () => {
    const closed = createServer();
    const port = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    const door = await openDoor({ 'a.test': ['8.8.8.8'], 'b.test': [] }, port);
    expect(await send(door.path, ask('a.test:443'))).toMatch(
      /^HTTP\/1\.1 502 .*The host a\.test does not answer at 8\.8\.8\.8\.\n$/s,
    );
    expect(await send(door.path, ask('b.test:443'))).toMatch(/^HTTP\/1\.1 403 .*leads to no address/s);
  });
});

describe('its rules', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '192.169.0.1', '2606:4700::1111', '2a01:4f8::1'])(
    'take %s for an address of the internet',
    (address) => expect(isPublicAddress(address)).toBe(true),
  );

  it.each(
    [
      '0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.255 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1',
      '192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 255.255.255.255 8.8.8 0x7f.1 2130706433 localhost',
      ':: ::1 ::ffff:8.8.8.8 ::ffff:127.0.0.1 ::7f00:1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1::',
      '3fff::1 fc00::1 fd12::1 fe80::1 fe80::1%lo fec0::1 ff02::1',
    ].flatMap((line) => line.split(' ')),
  )('take %j for none', (address) => expect(isPublicAddress(address)).toBe(false));

  it.each([
    ['a.test:443', 'a.test'],
    ['a.test:0443', 403],
    ['a.test:80', 403],
    ['A.test:443', 403],
    ['a.test.:443', 403],
    ['b.a.test:443', 403],
    ['127.0.0.1:443', 403],
    ['[::1]:443', 403],
    ['x@a.test:443', 403],
    ['a.test', 400],
    ['a.test:', 400],
    [':443', 400],
  ])('answer CONNECT %s', (target, answer) => {
    const read = readRequest(`CONNECT ${target} HTTP/1.1`, new Set(['a.test']));
    expect(typeof read === 'string' ? read : read.status).toBe(answer);
  });

  it('know no other method and no other shape of a request', () => {
    const read = (line: string): unknown => readRequest(line, new Set(['a.test']));
    expect(read('GET http://a.test/ HTTP/1.1')).toMatchObject({ status: 405 });
    for (const line of [
      '',
      'connect a.test:443 HTTP/1.1',
      'CONNECT a.test:443',
      'CONNECT a.test:443 HTTP/2',
      'CONNECT  a.test:443 HTTP/1.1',
    ]) {
      expect(read(line)).toMatchObject({ status: 400 });
    }
  });

  it('take a list of names, and nothing that is not exactly one', () => {
    expect(parseHosts('a.test, b-c.example\nregistry.npmjs.org')).toEqual({
      ok: true,
      value: new Set(['a.test', 'b-c.example', 'registry.npmjs.org']),
    });
    for (const wrong of [
      'localhost',
      '*.a.test',
      'A.test',
      'a.test.',
      '1.2.3.4',
      'a..test',
      '-a.test',
      'a_b.test',
      'https://a.test',
    ]) {
      expect(parseHosts(wrong).ok).toBe(false);
    }
  });
});

describe('the door as a program', () => {
  const hosts = ['--hosts', 'a.test'];

  it('says when it listens, and ends when whoever started it is gone', async () => {
    const path = world.path('door');
    const door = spawn(process.execPath, [helperPath, '--door', path, ...hosts], { env: {} });
    const closed = once(door, 'close');
    const [said] = await once(door.stdout, 'data');
    expect(String(said)).toBe('ready\n');
    expect(await send(path, ask('b.test:443'))).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n.*not on the list/s);
    const [complaint] = await once(door.stderr, 'data');
    expect(String(complaint)).toMatch(/^The host "b\.test" was asked for/);
    door.stdin.end();
    expect(await closed).toEqual([0, null]);
    await expect(send(path, ask('b.test:443'))).resolves.toBe('');
  });

  it.runIf(process.getuid?.() === 0)('is nobody when root has started it', async () => {
    const path = world.path('door');
    const args = [helperPath, '--door', path, ...hosts, '--run-as', '65534:65534'];
    const door = spawn(process.execPath, args, { env: {} });
    const closed = once(door, 'close');
    await once(door.stdout, 'data');
    expect(statSync(`/proc/${door.pid}`).uid).toBe(65_534);
    door.stdin.end();
    await closed;
  });

  it('takes its socket from systemd, and reads its list anew each time', async () => {
    const path = world.path('door');
    const list = join(world.folder, 'hosts');
    writeFileSync(list, '# for the test\nb.test\n');
    chmodSync(list, 0o644);
    const command = [
      'systemd-socket-activate',
      '--listen',
      path,
      process.execPath,
      helperPath,
      '--door',
      '--hosts-file',
      list,
    ];
    const [file = '', ...args] = command;
    const door = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const closed = once(door, 'close');
    door.stderr.resume();
    await expect.poll(() => existsSync(path), { timeout: 10_000 }).toBe(true);
    expect(await send(path, ask('c.test:443'))).toMatch(/c\.test.*not on the list/s);
    writeFileSync(list, 'c.test.is.not\nc.test\n');
    expect(await send(path, ask('b.test:443'))).toMatch(/b\.test.*not on the list/s);
    expect(await send(path, ask('c.test:22'))).toMatch(/only port 443/);
    door.kill();
    await closed;
  });

  it.each([
    [[]],
    [['--hosts', 'a.test', '--hosts-file', '/x']],
    [['--hosts', '10.0.0.1']],
    [['--hosts-file', '/no/such/list']],
    [['--hosts', 'a.test', '--run-as', '0:0']],
    [['--hosts', 'a.test', '--bytes-max', '-1']],
    [['--hosts', 'a.test', 'more']],
  ])('opens nothing with %j', async (flags) => {
    const path = world.path('door');
    const door = spawn(process.execPath, [helperPath, '--door', path, ...flags], { env: {}, stdio: 'ignore' });
    const [code] = await once(door, 'close');
    expect(code).not.toBe(0);
    expect(existsSync(path)).toBe(false);
  });
});
