import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect as connectTo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesWith, silentLog, uniqueWord } from '../../helper/test-kit.ts';
import type { HelperConnection, HelperKeys } from '../ports-cloud.ts';
import { canRunSshd, startSshd, type TestSshd } from '../testing/sshd.ts';
import { until } from '../testing/wait.ts';
import { sshLink } from './ssh-link.ts';

const link = sshLink({ log: silentLog, times: { stopMsMax: 300, pauseMsMin: 20, pauseMsMax: 50 } });
const patient = (): AbortSignal => AbortSignal.timeout(60_000);
const name = 'ssh to a real sshd';

async function mustConnect(sshd: TestSshd, keys: HelperKeys): Promise<HelperConnection> {
  const connected = await link.connect({ address: sshd.address, port: sshd.port, user: sshd.user, keys }, patient());
  if (!connected.ok) throw new Error(`${connected.why}\n${sshd.said()}`);
  return connected.value;
}

async function runThere(
  connection: HelperConnection,
  command: readonly string[],
  input: string | Buffer = '',
): Promise<{ code: number | null; signal: string | null; output: string; errors: string }> {
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  const started = await connection.start(command, {
    onOutput: (chunk) => output.push(chunk),
    onErrors: (chunk) => errors.push(chunk),
  });
  if (!started.ok) throw new Error(started.why);
  started.value.input.end(input);
  const ended = await started.value.ended;
  return { ...ended, output: Buffer.concat(output).toString(), errors: Buffer.concat(errors).toString() };
}

describe('keys for a helper', () => {
  it('are new each time, in the format of OpenSSH, and belong together', async () => {
    const keys = await link.makeKeys();
    expect(await link.makeKeys()).not.toEqual(keys);
    const folder = mkdtempSync(join(tmpdir(), 'patchgit-keys-'));
    for (const [secret, open] of [
      [keys.clientPrivateKey, keys.clientPublicKey],
      [keys.hostPrivateKey, keys.hostPublicKey],
    ]) {
      writeFileSync(join(folder, 'key'), secret ?? '', { mode: 0o600 });
      const derived = spawnSync('ssh-keygen', ['-y', '-f', join(folder, 'key')], { encoding: 'utf8' });
      // Without OpenSSH's own tool the format is still proved by the real sshd below.
      if (derived.error === undefined) expect(derived.stdout.trim()).toBe(open);
      expect(open).toMatch(/^ssh-ed25519 [A-Za-z0-9+/=]+ [a-z-]+$/);
      expect(secret).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
    }
    rmSync(folder, { recursive: true });
  });

  it('are never quoted when they cannot be used', async () => {
    const keys = await link.makeKeys();
    const broken = { ...keys, clientPrivateKey: keys.clientPrivateKey.replace('OPENSSH', 'CLOSEDSSH') };
    const target = { address: '127.0.0.1', port: 1, user: 'root', keys: broken };
    expect(await link.connect(target, patient())).toEqual({
      ok: false,
      why: 'The keys of the helper machine cannot be used.',
    });
  });
});

describe.runIf(canRunSshd(name))(name, () => {
  let keys: HelperKeys;
  let sshd: TestSshd;
  let connection: HelperConnection;
  beforeAll(async () => {
    keys = await link.makeKeys();
    sshd = await startSshd(keys);
    connection = await mustConnect(sshd, keys);
  });
  afterAll(async () => {
    await connection?.close();
    await sshd?.close();
  });

  it('runs exactly the words of a command, without a terminal and without anything of our environment', async () => {
    const words = ["it's", '$(id)', '`id`', 'a  b', 'new\nline', '*', '', '\\', '"', '-n', 'ünï'];
    const ran = await runThere(connection, ['printf', '[%s]', ...words]);
    expect(ran).toEqual({ code: 0, signal: null, output: words.map((word) => `[${word}]`).join(''), errors: '' });
    process.env['PATCHGIT_TEST_CANARY'] = 'canary';
    const looked = await runThere(connection, ['sh', '-c', 'env; tty; exit 7']);
    delete process.env['PATCHGIT_TEST_CANARY'];
    expect(looked.code).toBe(7);
    expect(looked.output).toContain('not a tty');
    expect(looked.output).not.toMatch(/canary|SSH_AUTH_SOCK|DISPLAY/);
    expect(await connection.start(['a\0b'], { onOutput: () => undefined })).toMatchObject({ ok: false });
    expect(await connection.start([], { onOutput: () => undefined })).toMatchObject({ ok: false });
  });

  it('says by which signal a program ended, and keeps what it printed apart', async () => {
    const ran = await runThere(connection, ['sh', '-c', 'echo out; echo err >&2; kill -9 $$']);
    expect(ran).toEqual({ code: null, signal: 'SIGKILL', output: 'out\n', errors: 'err\n' });
  });

  it('carries many bytes both ways, unchanged', async () => {
    const bytes = Buffer.alloc(8 * 1024 * 1024, 'x\0\xff\r\n', 'latin1');
    const ran = await runThere(connection, ['sha256sum'], bytes);
    expect(ran.output.slice(0, 64)).toBe(createHash('sha256').update(bytes).digest('hex'));
    const back = createHash('sha256');
    const started = await connection.start(['cat'], { onOutput: (chunk) => back.update(chunk) });
    if (!started.ok) throw new Error(started.why);
    started.value.input.end(bytes);
    await started.value.ended;
    expect(back.digest('hex')).toBe(ran.output.slice(0, 64));
  });

  it('stops a program that does not want to, with everything in its group', async () => {
    const word = uniqueWord();
    const script = `trap '' TERM HUP INT; sleep 300 & echo running; while :; do sleep 300; done; : ${word}`;
    const running = Promise.withResolvers<null>();
    const started = await connection.start(['sh', '-c', script], { onOutput: () => running.resolve(null) });
    if (!started.ok) throw new Error(started.why);
    await running.promise;
    started.value.stop();
    expect(await started.value.ended).toEqual({ code: null, signal: 'SIGKILL' });
    expect(processesWith(word)).toEqual([]);
    expect(connection.isOpen()).toBe(true);
  });

  it('gives no more output once it was told to stop, and keeps none waiting', async () => {
    let bytes = 0;
    const started = await connection.start(['yes'], {
      onOutput: (chunk) => {
        bytes += chunk.length;
        if (bytes > 10 * 1024 * 1024 && started.ok) started.value.stop();
      },
    });
    if (!started.ok) throw new Error(started.why);
    await started.value.ended;
    expect(connection.isOpen()).toBe(true);
  });

  it('runs a few programs at once and refuses more, before the other side has to', async () => {
    const open = await Promise.all(
      Array.from({ length: 8 }, () => connection.start(['cat'], { onOutput: () => undefined })),
    );
    expect(open.filter((one) => one.ok)).toHaveLength(6);
    for (const one of open) {
      if (!one.ok) continue;
      one.value.input.end();
      expect(await one.value.ended).toMatchObject({ code: 0 });
    }
  });

  it('leads a local port to the loopback over there, and to nothing else', async () => {
    const far = createHttpServer((request, answer) => answer.end(`you asked for ${request.url}`)).listen(
      0,
      '127.0.0.1',
    );
    const elsewhere = createHttpServer((_, answer) => answer.end('elsewhere')).listen(0, '127.0.0.2');
    await Promise.all([once(far, 'listening'), once(elsewhere, 'listening')]);
    const portOf = (server: typeof far): number => {
      const address = server.address();
      return address !== null && typeof address === 'object' ? address.port : 0;
    };
    const forward = await connection.forward(portOf(far));
    if (!forward.ok) throw new Error(forward.why);
    const url = `http://127.0.0.1:${forward.value.localPort}/model`;
    expect(await (await fetch(url, { headers: { connection: 'close' } })).text()).toBe('you asked for /model');
    const listening = spawnSync('sh', ['-c', 'cat /proc/net/tcp /proc/net/tcp6'], { encoding: 'utf8' }).stdout;
    const hex = forward.value.localPort.toString(16).toUpperCase().padStart(4, '0');
    expect(listening.match(new RegExp(String.raw`: (\w+:${hex}) \w+:0000 0A`, 'g'))).toHaveLength(1);
    expect(listening).toContain(`: 0100007F:${hex} 00000000:0000 0A`);

    const wrong = await connection.forward(portOf(elsewhere));
    if (!wrong.ok) throw new Error(wrong.why);
    await expect(fetch(`http://127.0.0.1:${wrong.value.localPort}/`)).rejects.toThrow('fetch failed');
    for (const port of [0, -1, 65_536, 1.5, Number.NaN]) expect((await connection.forward(port)).ok).toBe(false);

    forward.value.close();
    wrong.value.close();
    const refused = connectTo(forward.value.localPort, '127.0.0.1');
    expect(await once(refused, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
    far.close();
    elsewhere.close();
  });

  it('leaves no socket and no timer when it is closed in the middle of everything', async () => {
    const own = await mustConnect(sshd, keys);
    const before = process.getActiveResourcesInfo().length;
    const second = await mustConnect(sshd, keys);
    const forward = await second.forward(9);
    const started = await second.start(['sleep', '300'], { onOutput: () => undefined });
    if (!started.ok || !forward.ok) throw new Error('did not start');
    await second.close();
    expect(await started.value.ended).toEqual({ code: null, signal: null });
    expect(second.isOpen()).toBe(false);
    expect(await second.start(['true'], { onOutput: () => undefined })).toMatchObject({ ok: false });
    expect(await second.forward(9)).toMatchObject({ ok: false });
    await second.close();
    await until('its end', () => process.getActiveResourcesInfo().length <= before);
    await own.close();
  });

  it('notices that the other side is gone, and does not say how a program ended that it did not see end', async () => {
    const other = await startSshd(keys);
    const lost = await mustConnect(other, keys);
    const running = Promise.withResolvers<null>();
    const started = await lost.start(['sh', '-c', 'echo here; cat'], { onOutput: () => running.resolve(null) });
    if (!started.ok) throw new Error(started.why);
    await running.promise;
    await other.kill();
    expect(await started.value.ended).toEqual({ code: null, signal: null });
    expect(lost.isOpen()).toBe(false);
    await lost.close();
    await other.close();
  });

  it('refuses a machine with another host key before it shows it anything', async () => {
    const stranger = { ...(await link.makeKeys()), clientPublicKey: keys.clientPublicKey };
    const other = await startSshd(stranger);
    const target = { address: other.address, port: other.port, user: other.user, keys };
    expect(await link.connect(target, patient())).toEqual({
      ok: false,
      why: `The machine at 127.0.0.1:${other.port} is not ours: it shows another host key.`,
    });
    expect(other.callers()).toBe(1);
    await other.close();
    expect(other.said()).not.toContain('Accepted');
  });
});
