import { once } from 'node:events';
import { connect as connectTo, createServer } from 'node:net';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import ssh from 'ssh2';
import type { Connection, ServerConfig } from 'ssh2';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Log } from '../ports.ts';
import type { HelperConnection, HelperKeys, HelperLink } from '../ports-cloud.ts';
import type { Result } from '../lib/result.ts';
import { silentLog } from '../../helper/test-kit.ts';
import { until } from '../testing/wait.ts';
import { sshLink } from './ssh-link.ts';

const said: string[] = [];
const log: Log = { ...silentLog, debug: (fields) => said.push(JSON.stringify(fields)) };
const quick = {
  attemptMsMax: 400,
  pauseMsMin: 10,
  pauseMsMax: 20,
  refusalsMax: 3,
  answerMsMax: 300,
  stopMsMax: 50,
  keepaliveMs: 50,
  keepalivesMissedMax: 2,
};
const link = sshLink({ log, times: quick });
let keys: HelperKeys;
let otherKeys: HelperKeys;
const open: { server: NetServer; sockets: Set<Socket> }[] = [];

beforeAll(async () => {
  keys = await link.makeKeys();
  otherKeys = await link.makeKeys();
});

afterEach(async () => {
  for (const { server, sockets } of open.splice(0)) {
    // Whatever happened, our side has hung up by itself.
    await until('our side to hang up', () => [...sockets].every((socket) => socket.closed || socket.readableEnded));
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
  for (const secret of [keys, otherKeys].flatMap((all) => Object.values(all).flatMap((text) => text.split(/\s+/)))) {
    if (secret.length > 30) expect(said.join('\n')).not.toContain(secret);
  }
});

async function serve(onSocket: (socket: Socket) => void, port = 0): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  open.push({ server, sockets });
  return (server.address() as AddressInfo).port; // A server that listens on a port has an address of this shape.
}

/** An SSH server of our own making, one for each caller. */
function answer(config: Partial<ServerConfig>, onClient: (client: Connection) => void): (socket: Socket) => void {
  const server = new ssh.Server({ hostKeys: [keys.hostPrivateKey], ...config }, (client) => {
    client.on('error', () => undefined);
    onClient(client);
  });
  return (socket) => server.injectSocket(socket);
}

async function tryPort(
  port: number,
  wallMs = 60_000,
  over: HelperLink = link,
): Promise<Result<HelperConnection, string>> {
  const target = { address: '127.0.0.1', port, user: 'root', keys };
  const tried = await over.connect(target, AbortSignal.timeout(wallMs));
  if (!tried.ok) said.push(tried.why);
  return tried;
}

const accept = (client: Connection): void => void client.on('authentication', (asked) => asked.accept());

async function mustConnect(onClient: (client: Connection) => void): Promise<HelperConnection> {
  const port = await serve(
    answer({}, (client) => {
      accept(client);
      onClient(client);
    }),
  );
  const connected = await tryPort(port);
  if (!connected.ok) throw new Error(connected.why);
  return connected.value;
}

describe('a server that is not the helper machine', () => {
  it('shows another host key: it is told nothing at all, and asked only once', async () => {
    let callers = 0;
    const asked: string[] = [];
    const port = await serve(
      answer({ hostKeys: [otherKeys.hostPrivateKey] }, (client) => {
        callers += 1;
        client.on('authentication', (context) => {
          asked.push(context.username);
          context.accept();
        });
      }),
    );
    expect(await tryPort(port)).toEqual({
      ok: false,
      why: `The machine at 127.0.0.1:${port} is not ours: it shows another host key.`,
    });
    expect(callers).toBe(1);
    expect(asked).toEqual([]);
  });

  const rsa = ssh.utils.generateKeyPairSync('rsa', { bits: 2048 });
  it.each<[string, Partial<ServerConfig>]>([
    ['a host key of an old kind', { hostKeys: [rsa.private] }],
    ['a key exchange with SHA-1', { algorithms: { kex: ['diffie-hellman-group14-sha1'] } }],
    ['a key exchange on a curve of NIST', { algorithms: { kex: ['ecdh-sha2-nistp256'] } }],
    ['an old cipher', { algorithms: { cipher: ['aes128-cbc'] } }],
    ['nothing but compression', { algorithms: { compress: ['zlib@openssh.com'] } }],
  ])('offers %s', async (_, config) => {
    const port = await serve(answer(config, accept));
    expect(await tryPort(port)).toEqual({
      ok: false,
      why: `The machine at 127.0.0.1:${port} offers no SSH algorithm that is safe enough.`,
    });
  });

  it('wants a password: it gets only our key, a few times', async () => {
    const methods: string[] = [];
    let callers = 0;
    const port = await serve(
      answer({}, (client) => {
        callers += 1;
        client.on('authentication', (asked) => {
          methods.push(asked.method);
          asked.reject(['password', 'keyboard-interactive', 'hostbased', 'publickey']);
        });
      }),
    );
    process.env['SSH_AUTH_SOCK'] = '/nonexistent/agent';
    const tried = await tryPort(port);
    delete process.env['SSH_AUTH_SOCK'];
    expect(tried).toEqual({
      ok: false,
      why: `The machine at 127.0.0.1:${port} does not take the key that was made for it.`,
    });
    expect(new Set(methods)).toEqual(new Set(['publickey']));
    expect(callers).toBe(quick.refusalsMax);
  });

  it.each<[string, string]>([
    ['answers as a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n'.repeat(3000)],
    ['sends a line without end', 'x'.repeat(100_000)],
    ['speaks another SSH', 'SSH-1.5-old\r\n'],
    ['sends bytes of no meaning', `SSH-2.0-x\r\n${'\xff'.repeat(1000)}`],
  ])('%s', async (_, bytes) => {
    const port = await serve((socket) => void socket.resume().write(Buffer.from(bytes, 'latin1')));
    const tried = await tryPort(port);
    expect(tried).toEqual({
      ok: false,
      why: `What answers at 127.0.0.1:${port} does not speak SSH as it should.`,
    });
  });
});

describe('a machine that hangs', () => {
  const packet = Buffer.from([0, 0, 0, 252, 10, 20]);
  const hangs: [string, (socket: Socket) => void][] = [
    ['before it says anything', (socket) => void socket.resume()],
    ['after its first line', (socket) => void socket.resume().write('SSH-2.0-OpenSSH_9.2\r\n')],
    ['in the middle of its first line', (socket) => void socket.resume().write('SSH-2.0-')],
    [
      'in the key exchange',
      (socket) => void socket.resume().write(Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), packet])),
    ],
    [
      'when it is shown the key',
      (socket) => answer({}, (client) => void client.on('authentication', () => undefined))(socket),
    ],
  ];
  it.each(hangs)('%s, is tried until the time for it is over', async (_, onSocket) => {
    let callers = 0;
    const port = await serve((socket) => {
      callers += 1;
      onSocket(socket);
    });
    const tried = await tryPort(port, 1_000);
    expect(tried).toEqual({
      ok: false,
      why: `The helper machine at 127.0.0.1 could not be reached over SSH before the time for it was over. The machine at 127.0.0.1:${port} did not finish letting us in within 0.4 s.`,
    });
    expect(callers).toBeGreaterThan(1);
  });

  it('after it let us in, is noticed by what it does not answer', async () => {
    let freeze = (): void => undefined;
    const inner = await serve(
      answer({}, (client) => {
        accept(client);
        client.on('session', (accepted) =>
          accepted().on('exec', (started) => {
            started().write('4711\nrunning\n');
          }),
        );
      }),
    );
    const port = await serve((socket) => {
      const onward = connectTo(inner, '127.0.0.1');
      onward.on('error', () => undefined);
      socket.on('close', () => onward.destroy());
      socket.pipe(onward).pipe(socket);
      freeze = () => onward.unpipe(socket);
    });
    const connected = await tryPort(port);
    if (!connected.ok) throw new Error(connected.why);
    const running = Promise.withResolvers<null>();
    const started = await connected.value.start(['true'], { onOutput: () => running.resolve(null) });
    if (!started.ok) throw new Error(started.why);
    await running.promise;
    freeze();
    expect(await started.value.ended).toEqual({ code: null, signal: null });
    expect(connected.value.isOpen()).toBe(false);
    await connected.value.close();
  });

  it('does not hold us up when we leave', async () => {
    let freeze = (): void => undefined;
    let release = (): void => undefined;
    const inner = await serve(answer({}, accept));
    const port = await serve((socket) => {
      const onward = connectTo(inner, '127.0.0.1', () => socket.pipe(onward).pipe(socket));
      onward.on('error', () => undefined);
      release = () => onward.destroy();
      // It does not even hang up when we do.
      freeze = () => {
        socket.unpipe(onward).resume();
        onward.unpipe(socket).resume();
      };
    });
    const patient = sshLink({ log, times: { ...quick, keepaliveMs: 60_000 } });
    const connected = await tryPort(port, 60_000, patient);
    if (!connected.ok) throw new Error(connected.why);
    freeze();
    await connected.value.close();
    expect(connected.value.isOpen()).toBe(false);
    release();
  });

  it('does not start what it was asked to, which is said and leaves the rest usable', async () => {
    const connection = await mustConnect((client) => void client.on('session', () => undefined));
    expect(await connection.start(['true'], { onOutput: () => undefined })).toEqual({
      ok: false,
      why: 'The helper machine did not start a program in time.',
    });
    expect(connection.isOpen()).toBe(true);
    await connection.close();
  });

  it('never ends a program: it counts as ended, and nobody says how', async () => {
    const connection = await mustConnect((client) =>
      client.on('session', (accepted) => accepted().on('exec', (started) => void started().write('4711\n'))),
    );
    const started = await connection.start(['true'], { onOutput: () => undefined });
    if (!started.ok) throw new Error(started.why);
    started.value.stop();
    expect(await started.value.ended).toEqual({ code: null, signal: null });
    await connection.close();
  });
});

describe('a machine that still boots', () => {
  it('is tried while nothing listens there, and while it hangs up on us', async () => {
    const port = await serve(() => undefined);
    const { server } = open.pop() ?? {};
    server?.close();
    said.length = 0;
    const connecting = tryPort(port);
    await until('a few refused tries', () => said.filter((line) => line.includes('Nothing answers')).length > 2);
    let callers = 0;
    const working = answer({}, accept);
    await serve((socket) => {
      callers += 1;
      if (callers === 1) return void socket.destroy();
      if (callers === 2) return void socket.resetAndDestroy();
      if (callers === 3) return void socket.resume().end('SSH-2.0-OpenSSH');
      working(socket);
    }, port);
    const connected = await connecting;
    expect(connected.ok && connected.value.isOpen()).toBe(true);
    expect(callers).toBe(4);
    if (connected.ok) await connected.value.close();
  });

  it('is left alone at once when nobody wants it any more', async () => {
    const abort = new AbortController();
    const target = {
      address: '127.0.0.1',
      port: await serve((socket) => {
        socket.resume();
        abort.abort();
      }),
      user: 'root',
      keys,
    };
    expect(await link.connect(target, abort.signal)).toEqual({
      ok: false,
      why: 'The helper machine at 127.0.0.1 could not be reached over SSH before the time for it was over.',
    });
    expect(await link.connect(target, AbortSignal.abort())).toMatchObject({ ok: false });
  });
});

describe('a machine that wants to reach back', () => {
  it('is refused every way from it to us', async () => {
    const client = Promise.withResolvers<Connection>();
    const connection = await mustConnect((one) => one.on('ready', () => client.resolve(one)));
    const far = await client.promise;
    const refused = (how: (done: (error: Error | undefined) => void) => void): Promise<Error | undefined> =>
      new Promise((resolve) => how((error) => resolve(error)));
    expect(await refused((done) => far.forwardOut('127.0.0.1', 22, '127.0.0.1', 1, done))).toBeInstanceOf(Error);
    expect(await refused((done) => far.x11('127.0.0.1', 1, done))).toBeInstanceOf(Error);
    expect(await refused((done) => far.openssh_forwardOutStreamLocal('/run/x', done))).toBeInstanceOf(Error);
    expect(connection.isOpen()).toBe(true);
    await connection.close();
  });

  it('and a program that prints without end does not fill our memory', async () => {
    const connection = await mustConnect((client) =>
      client.on('session', (accepted) =>
        accepted().on('exec', (started) => {
          const channel = started();
          channel.write('4711\n');
          const block = Buffer.alloc(64 * 1024, 'x');
          const more = (): void => {
            while (channel.writable && channel.write(block));
          };
          channel.on('drain', more).on('error', () => undefined);
          more();
        }),
      ),
    );
    let bytes = 0;
    const started = await connection.start(['yes'], {
      onOutput: (chunk) => {
        bytes += chunk.length;
        if (bytes > 32 * 1024 * 1024 && started.ok) started.value.stop();
      },
    });
    if (!started.ok) throw new Error(started.why);
    expect(await started.value.ended).toEqual({ code: null, signal: null });
    await connection.close();
  });
});
