import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits, silentLog, World } from '../../helper/test-kit.ts';
import { sha256 } from '../lib/digest.ts';
import type { Sandbox, SetUpRequest } from '../ports.ts';
import type { HelperConnection, HelperKeys } from '../ports-cloud.ts';
import { connectTo } from '../testing/machine/connect.ts';
import { bundleHelper } from '../testing/machine/helper-bundle.ts';
import { canRunSshd, startSshd, type TestSshd } from '../testing/sshd.ts';
import { until } from '../testing/wait.ts';
import { remoteSandbox } from './remote-sandbox.ts';
import { sshLink } from './ssh-link.ts';

const name = 'set-ups on a helper machine, and the layers that they leave';
const runUser = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : null;
const link = sshLink({ log: silentLog, times: { stopMsMax: 1_000 } });

describe.runIf(canRunSshd(name))(name, () => {
  const world = new World();
  let helperBundle: Buffer;
  let keys: HelperKeys;
  let sshd: TestSshd;
  let connection: HelperConnection;

  const sandboxIn = (folder: string, over = connection): Sandbox =>
    remoteSandbox({
      connection: over,
      helperBundle,
      folder,
      helper: { kind: 'direct', nodePath: process.execPath, npmFolder: null, runUser },
      // Nothing here goes out; what the door lets through is told by main-helper-set-up.test.ts.
      door: { socket: '/nowhere', hosts: ['registry.example.com'] },
      log: silentLog,
    });
  const key = (of: string): string => sha256(Buffer.from(of));
  const setUpIn = (sandbox: Sandbox, of: string, command: string, more: Partial<SetUpRequest> = {}) => {
    const workspace = { lower: world.tree({ 'a.txt': 'a' }, runUser?.uid ?? -1), delta: null, remove: [] };
    const request = { key: key(of), workspace, command, hosts: [], limits, ...more };
    return sandbox.setUp(request, () => undefined, AbortSignal.timeout(60_000));
  };
  const see = async (sandbox: Sandbox, command: string, layer: string): Promise<string> => {
    const workspace = { lower: world.tree({ 'a.txt': 'a' }, runUser?.uid ?? -1), delta: null, remove: [] };
    const request = { workspace, steps: [{ name: 'a', command }], limits, layer: key(layer) };
    const ran = await sandbox.run(request, () => undefined, AbortSignal.timeout(60_000));
    return ran.ok ? ran.value.map(({ logBase64 }) => Buffer.from(logBase64, 'base64').toString()).join('') : ran.why;
  };
  const layers = (folder: string): string[] => readdirSync(join(folder, 'layers')).toSorted();
  const unfinished = (folder: string): string[] => readdirSync(join(folder, 'making'));

  beforeAll(async () => {
    helperBundle = await bundleHelper();
    keys = await link.makeKeys();
    sshd = await startSshd(keys);
    connection = await connectTo(link, sshd, keys);
  });
  afterAll(async () => {
    await connection?.close();
    await sshd?.close();
    world.remove();
  });

  it('are found under their key by every later run, and changed by none', async () => {
    const folder = world.path('far');
    const sandbox = sandboxIn(folder);
    expect(await sandbox.hasLayer(key('one'))).toBe(false);
    expect(await setUpIn(sandbox, 'one', 'cat a.txt; echo b > b.txt; echo c > ~/c.txt')).toMatchObject({
      ok: true,
      value: { name: 'set-up', exitCode: 0, limit: null },
    });
    expect(layers(folder)).toEqual([key('one')]);
    expect(unfinished(folder)).toEqual([]);
    expect(await see(sandbox, 'cat a.txt b.txt ~/c.txt; rm -f b.txt ~/c.txt; echo x > d.txt', 'one')).toBe('ab\nc\n');
    // By another one, as for the next job on the same machine.
    const next = sandboxIn(folder);
    expect(await next.hasLayer(key('one'))).toBe(true);
    expect(await see(next, 'cat b.txt ~/c.txt; ls', 'one')).toBe('b\nc\na.txt\nb.txt\n');
    expect(await setUpIn(next, 'one', 'echo other > b.txt')).toMatchObject({ ok: true });
    expect(await see(next, 'cat b.txt', 'one')).toBe('b\n');
  });

  it('leave nothing when they fail, or are not seen to end', async () => {
    const folder = world.path('far');
    const sandbox = sandboxIn(folder);
    expect(await setUpIn(sandbox, 'fails', 'echo b > b.txt; exit 3')).toMatchObject({ value: { exitCode: 3 } });
    const short = { ...limits, wallMs: 500 };
    expect(await setUpIn(sandbox, 'late', 'echo b > b.txt; sleep 60', { limits: short })).toMatchObject({
      value: { limit: 'wall' },
    });
    await until('what they left is removed', () => unfinished(folder).length === 0);
    const other = await startSshd(keys);
    const lost = sandboxIn(folder, await connectTo(link, other, keys));
    const workspace = { lower: world.tree({}, runUser?.uid ?? -1), delta: null, remove: [] };
    const request = { key: key('lost'), workspace, command: 'echo runs; sleep 1', hosts: [], limits };
    const cut = ({ type }: { readonly type: string }): void => void (type === 'output' && void other.kill());
    expect(await lost.setUp(request, cut, AbortSignal.timeout(60_000))).toEqual({
      ok: false,
      why: 'The connection to the helper machine was lost, so nothing is known about the tree.',
    });
    await other.close();
    expect(layers(folder)).toEqual([]);
  });

  it('are refused with a key that is none, and with a host that the machine does not know', async () => {
    const folder = world.path('far');
    const sandbox = sandboxIn(folder);
    for (const wrong of ['', '../../x', `${key('a').slice(0, 62)}/.`, `${key('a')}\n`]) {
      expect(await setUpIn(sandbox, 'a', 'true', { key: wrong })).toEqual({
        ok: false,
        why: 'The key of a layer is a sha256.',
      });
      expect(await sandbox.hasLayer(wrong)).toBe(false);
    }
    expect(await setUpIn(sandbox, 'a', 'true', { hosts: ['pypi.org'] })).toEqual({
      ok: false,
      why: 'pypi.org came on the list of hosts after this helper machine was ordered.',
    });
    expect(existsSync(join(folder, 'making')) ? unfinished(folder) : []).toEqual([]);
  });

  it('keep few, and those that were asked for last', async () => {
    const folder = world.path('far');
    const sandbox = sandboxIn(folder);
    for (const of of ['1', '2', '3', '4']) {
      expect(await setUpIn(sandbox, of, `mkdir -m 0 shut; echo ${of} > ~/it`)).toMatchObject({ ok: true });
      expect(await sandbox.hasLayer(key('1'))).toBe(true);
    }
    expect(await setUpIn(sandbox, '5', 'true')).toMatchObject({ ok: true });
    expect(layers(folder)).toEqual([key('1'), key('3'), key('4'), key('5')].toSorted());
    expect(await see(sandbox, 'cat ~/it', '1')).toBe('1\n');
  });
});
