import { generateKeyPairSync } from 'node:crypto';
import { assert, integer, property, stringMatching } from 'fast-check';
import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { cloudInit, userDataBytesMax, type DoorOrders, type HelperOrders } from './cloud-init.ts';
import { places, users } from './cloud-init-places.ts';

const client = ssh2.utils.generateKeyPairSync('ed25519');
const host = ssh2.utils.generateKeyPairSync('ed25519');
const nowMs = 1_790_000_000_000;
const orders: HelperOrders = {
  hostname: 'pg-0123456789ab-ba9876543210-1790003600',
  keys: { clientPublicKey: client.public, hostPublicKey: host.public, hostPrivateKey: host.private },
  image: 'plain',
  selfDestructAtMs: nowMs + 3_600_000,
  nowMs,
  sshFromAddresses: ['203.0.113.7', '2001:db8::7'],
  door: { registryHosts: ['registry.npmjs.org', 'pypi.org'], programSha256: 'a'.repeat(64) },
};

interface Config {
  readonly hostname: string;
  readonly ssh_keys: Readonly<Record<string, string>>;
  readonly users: readonly { readonly name: string; readonly uid: number }[];
  readonly bootcmd: readonly (readonly string[])[];
  readonly write_files: readonly { readonly path: string; readonly content: string }[];
}
/** As a reader of YAML takes it, which is what cloud-init is. */
const read = (text: string): Config => parse(text) as Config;
const guard = (config: Config): string => config.bootcmd[0]?.[2] ?? '';
const file = (config: Config, path: string): string =>
  config.write_files.find((written) => written.path === path)?.content ?? '';

describe('the orders of a helper', () => {
  it('are a cloud-config that says the name, the host key, the three users and the files, and are small', () => {
    const text = cloudInit(orders);
    expect(text.startsWith('#cloud-config\n')).toBe(true);
    expect(text.length).toBeLessThan(userDataBytesMax / 3);
    const config = read(text);
    expect(config.hostname).toBe(orders.hostname);
    expect(config.ssh_keys).toEqual({ ed25519_private: host.private, ed25519_public: host.public });
    expect(config.users.map(({ name, uid }) => [name, uid])).toEqual([
      ['patchgit', users.login.uid],
      ['patchgit-run', users.run.uid],
      ['patchgit-door', users.door.uid],
    ]);
    expect(file(config, places.authorizedKeys)).toBe(
      `restrict,port-forwarding,permitopen="127.0.0.1:11434" ${client.public}\n`,
    );
  });

  it('never hold the private key of who connects', () => {
    const secret = client.private.split('\n').slice(2, 5);
    const text = cloudInit(orders);
    for (const line of secret) expect(text).not.toContain(line);
  });

  it('close the metadata address to every user but root before sshd is let in', () => {
    const script = guard(read(cloudInit(orders)));
    const at = (text: string): number => script.indexOf(text);
    expect(at(': > /etc/ssh/sshd_not_to_be_run')).toBeGreaterThan(0);
    expect(at('nft -f')).toBeGreaterThan(at(': > /etc/ssh/sshd_not_to_be_run'));
    expect(at('rm /etc/ssh/sshd_not_to_be_run')).toBeGreaterThan(at('nft -f'));
    expect(script).toContain('ip daddr 169.254.0.0/16 meta skuid != 0 reject\n');
    expect(script).toContain(`meta skuid ${users.run.uid} reject\n`);
    expect(script).toContain(`meta skuid ${users.door.uid} jump door\n`);
  });

  it('name the hosts and the program of the door, or make no door', () => {
    const config = read(cloudInit(orders));
    expect(file(config, places.doorHosts)).toBe('registry.npmjs.org\npypi.org\n');
    expect(file(config, places.doorDigest)).toBe(`${'a'.repeat(64)}  helper.cjs\n`);
    const paths = (text: string): string[] => read(text).write_files.map(({ path }) => path);
    const { door: _, ...without } = orders;
    const none = paths(cloudInit(without));
    expect(none.filter((path) => /door|setup|registries/.test(path))).toEqual([]);
    expect(none).toContain('/etc/systemd/system/patchgit-store.socket');
  });

  it('let in only the addresses that were named, or leave that to the firewall of the cloud', () => {
    const named = guard(read(cloudInit(orders)));
    expect(named).toContain('ip saddr { 203.0.113.7 } tcp dport 22 accept\n');
    expect(named).toContain('ip6 saddr { 2001:db8::7 } tcp dport 22 accept\n');
    expect(named.match(/dport 22/g)).toHaveLength(2);
    const open = guard(read(cloudInit({ ...orders, sshFromAddresses: [] })));
    expect(open.match(/^.*dport 22.*$/gm)).toEqual(['    tcp dport 22 accept']);
  });

  it('end the machine at the deadline by its clock, and by the time it has run when its clock is wrong', () => {
    const script = guard(read(cloudInit(orders)));
    expect(script).toContain('OnCalendar=@1790003600\nOnActiveSec=3600\n');
  });

  it('let nothing be installed on a baked image', () => {
    const prepare = (image: 'plain' | 'baked'): string => file(read(cloudInit({ ...orders, image })), places.prepare);
    expect(prepare('baked')).toContain('if [ baked = baked ]');
    expect(prepare('plain')).toContain('if [ plain = baked ]');
  });

  it('let the login user, and nobody else, read what is printed, before the first step that may fail', () => {
    const script = file(read(cloudInit(orders)), places.prepare);
    const line = `chown root:patchgit ${places.bootLog} && chmod 640 ${places.bootLog} || true\n`;
    expect(script.indexOf(line)).toBeGreaterThan(script.indexOf('EXIT'));
    expect(script.indexOf(line)).toBeLessThan(script.indexOf('apt-get'));
  });

  it('are plain ASCII and come back unchanged through a parser, whatever the keys, the name and the time', () => {
    const name = stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
    const comment = stringMatching(/^(?: [a-z0-9@._-]{1,40})?$/);
    assert(
      property(name, comment, integer({ min: 1, max: 24 * 3_600_000 }), (hostname, words, lifeMs) => {
        const keys = { ...orders.keys, clientPublicKey: `${freshPublicKey()}${words}` };
        const text = cloudInit({ ...orders, hostname, keys, selfDestructAtMs: nowMs + lifeMs });
        expect(text).toMatch(/^[\n\x20-\x7e]*$/);
        const config = read(text);
        expect(config.hostname).toBe(hostname);
        expect(file(config, places.authorizedKeys).endsWith(` ${keys.clientPublicKey}\n`)).toBe(true);
        expect(JSON.parse(text.slice(text.indexOf('\n')))).toEqual(config);
      }),
      { numRuns: 60 },
    );
  });

  const door = (more: Partial<DoorOrders>): Partial<HelperOrders> => ({
    door: { registryHosts: ['pypi.org'], programSha256: 'a'.repeat(64), ...more },
  });
  const key = (more: Partial<HelperOrders['keys']>): Partial<HelperOrders> => ({ keys: { ...orders.keys, ...more } });
  it.each<readonly [string, Partial<HelperOrders>]>([
    ['a name with a new line', { hostname: 'pg-1\nruncmd: [reboot]' }],
    ['a name with a quote', { hostname: "pg'1" }],
    ['a name with a command', { hostname: 'pg$(id)' }],
    ['a name that ends in a new line', { hostname: 'pg-1\n' }],
    ['an empty name', { hostname: '' }],
    ['two keys in one', key({ clientPublicKey: `${client.public}\n${host.public}` })],
    ['a key with options', key({ clientPublicKey: `command="id" ${client.public}` })],
    ['a key that ends in a new line', key({ clientPublicKey: `${client.public}\n` })],
    ['an RSA key', key({ clientPublicKey: client.public.replace('ssh-ed25519', 'ssh-rsa') })],
    ['a key with a letter beyond ASCII', key({ clientPublicKey: `${client.public} ключ` })],
    ['the host key for the client', key({ clientPublicKey: host.public })],
    ['a private key of another form', key({ hostPrivateKey: host.private.replaceAll('OPENSSH', 'RSA') })],
    ['a private key with something after it', key({ hostPrivateKey: `${host.private}\nruncmd: [id]\n` })],
    ['a deadline that is over', { selfDestructAtMs: nowMs }],
    ['a deadline that is none', { selfDestructAtMs: Number.NaN }],
    ['a deadline without end', { selfDestructAtMs: Number.POSITIVE_INFINITY }],
    ['a deadline next month', { selfDestructAtMs: nowMs + 30 * 86_400_000 }],
    ['an address that is a range of commands', { sshFromAddresses: ['10.0.0.1 } accept; #'] }],
    ['an address with a scope', { sshFromAddresses: ['fe80::1%eth0'] }],
    ['a registry by its address', door({ registryHosts: ['203.0.113.7'] })],
    ['a registry with a port', door({ registryHosts: ['pypi.org:443'] })],
    ['a registry in capitals', door({ registryHosts: ['PyPI.org'] })],
    ['two registries in one', door({ registryHosts: ['pypi.org\nmetadata.google.internal'] })],
    ['a registry of one word', door({ registryHosts: ['localhost'] })],
    ['a door without a digest', door({ programSha256: '' })],
    ['a digest with a command', door({ programSha256: `${'a'.repeat(64)}\n` })],
  ])('are refused with %s', (_, wrong) => {
    expect(() => cloudInit({ ...orders, ...wrong })).toThrow('cannot be');
  });
});

function freshPublicKey(): string {
  const { x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  const field = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const body = Buffer.concat([field(Buffer.from('ssh-ed25519')), field(Buffer.from(x ?? '', 'base64url'))]);
  return `ssh-ed25519 ${body.toString('base64')}`;
}
