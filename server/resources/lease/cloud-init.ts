/** The orders that a helper gets with its creation: who may come in, what it may reach, and when it ends by itself. */
import { isIP } from 'node:net';
import { assert } from '../../lib/assert.ts';
import type { HelperKeys } from '../../ports-cloud.ts';
import { bakeCommand, bakeScript, type BakeOrders } from './cloud-init-bake.ts';
import { places, users } from './cloud-init-places.ts';
import { guardScript, prepareScript } from './cloud-init-scripts.ts';
import { bridge, door, inOwnGroup, newerPromise, sandboxUnits, setUpUnits, sshdConfig } from './cloud-init-units.ts';

export interface HelperOrders {
  /** The machine's name (names.ts): it is in the marker of readiness, so that nobody takes another machine for this one. */
  readonly hostname: string;
  readonly keys: Pick<HelperKeys, 'clientPublicKey' | 'hostPrivateKey' | 'hostPublicKey'>;
  /** `plain`: Debian or Ubuntu from the cloud; what is missing is installed. `baked`: our snapshot; nothing is installed. */
  readonly image: 'plain' | 'baked';
  /** A plain one that becomes our snapshot: when it is ready, it waits for `places.bakeGo`, and is switched off when it is done. */
  readonly bake?: BakeOrders;
  /** When the machine powers itself off. The money goes on until it is destroyed; this only ends what runs there. */
  readonly selfDestructAtMs: number;
  readonly nowMs: number;
  /** Who may connect, by IPv4 or IPv6 address; empty: the cloud's firewall alone decides. */
  readonly sshFromAddresses: readonly string[];
  /** Absent: there is no way out for a set-up. */
  readonly door?: DoorOrders;
}

export interface DoorOrders {
  /** Exact names of hosts, reached on port 443. */
  readonly registryHosts: readonly string[];
  /** Of dist/helper.cjs, in lower-case hexadecimal digits: no other program becomes the door. */
  readonly programSha256: string;
}

/** What DigitalOcean takes at most, in bytes. */
export const userDataBytesMax = 64 * 1024;
/** No lease lasts longer (budget: `lifetimeMinutesMax`), with an hour for its end. */
const lifeMsMax = 25 * 3_600_000;

/**
 * User data for cloud-init 22 or newer on Debian 12, 13 or Ubuntu 24.04, plain or baked: one text for all of them. It is JSON, which
 * every reader of YAML takes, so no value can end a string and begin an order. ASCII, below `userDataBytesMax`. It holds the private host
 * key, which the machine scrubs from its disk and hides from all its users but root; the client's private key is not in it.
 * Throws on a value that is not what our own code makes (a name, a key, an address, a deadline): such a value is a bug of ours.
 */
export function cloudInit(orders: HelperOrders): string {
  checkOrders(orders);
  const { hostname, keys, image, nowMs, sshFromAddresses } = orders;
  const guard = {
    deadlineSeconds: Math.ceil(orders.selfDestructAtMs / 1000),
    lifeSeconds: Math.ceil((orders.selfDestructAtMs - nowMs) / 1000),
    sshFromAddresses,
  };
  const config = {
    hostname,
    preserve_hostname: false,
    // Without a `locales` package this module fails, and with it the whole of cloud-init.
    locale: false,
    package_update: false,
    disable_root: true,
    ssh_pwauth: false,
    // Runs in every boot before keys, users and sshd.
    bootcmd: [['sh', '-c', guardScript(guard)]],
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: keys.hostPrivateKey, ed25519_public: keys.hostPublicKey },
    no_ssh_fingerprints: true,
    // No "default": the image's own user, who may become root, is not made.
    users: [
      account(users.login, places.home, '/bin/sh'),
      account(users.run, '/nonexistent', '/usr/sbin/nologin'),
      account(users.door, '/nonexistent', '/usr/sbin/nologin'),
    ],
    write_files: [
      file(places.sshdConfig, sshdConfig),
      file(places.authorizedKeys, `${authorizedKey(keys.clientPublicKey)}\n`),
      file(places.inOwnGroup, inOwnGroup),
      file(places.newerPromise, newerPromise),
      file(places.bridge, bridge),
      file(places.helperCommand, `#!/bin/sh\nexec ${places.node} ${places.bridge} "$@"\n`, '0755'),
      ...Object.entries(sandboxUnits).map(([path, content]) => file(path, content)),
      ...(orders.door === undefined ? [] : doorFiles(orders.door)),
      file(places.prepare, prepareScript({ hostname, image }), '0700'),
      ...(orders.bake === undefined ? [] : [file(places.bake, bakeScript(orders.bake), '0700')]),
    ],
    runcmd: [['sh', places.prepare], ...(orders.bake === undefined ? [] : [bakeCommand])],
  };
  const text = `#cloud-config\n${JSON.stringify(config, null, 1)}\n`;
  assert(/^[\n\x20-\x7e]*$/.test(text), 'user data is plain ASCII: a cloud lost a machine over anything else');
  assert(text.length <= userDataBytesMax, 'user data is as small as the cloud demands');
  return text;
}

function file(path: string, content: string, permissions = '0644'): object {
  return { path, content, permissions };
}

function doorFiles({ registryHosts, programSha256 }: DoorOrders): object[] {
  return [
    file(places.doorHosts, `${registryHosts.join('\n')}\n`),
    file(places.doorDigest, `${programSha256}  helper.cjs\n`),
    file(places.door, door),
    ...Object.entries(setUpUnits).map(([path, content]) => file(path, content)),
  ];
}

function account(user: { readonly name: string; readonly uid: number }, homedir: string, shell: string): object {
  return { name: user.name, uid: user.uid, homedir, shell, system: true, lock_passwd: true };
}

/** A key that opens no terminal and forwards nothing but the port of the model, whatever sshd's own settings say. */
function authorizedKey(publicKey: string): string {
  return `restrict,port-forwarding,permitopen="127.0.0.1:${places.modelPort}" ${publicKey}`;
}

/** An ed25519 key of 51 bytes that begins with its own kind; then at most one word of comment. */
const publicKeyShape = /^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}(?: [\w.@-]{1,100})?$/;
const privateKeyShape =
  /^-----BEGIN OPENSSH PRIVATE KEY-----\n(?:[A-Za-z0-9+/=]{1,76}\n){1,20}-----END OPENSSH PRIVATE KEY-----\n?$/;

/** A name of at least two labels, none of which looks like the end of an address. */
const hostShape = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const registryHostsMax = 200;

function checkOrders(orders: HelperOrders): void {
  const { hostname, keys, selfDestructAtMs, nowMs, sshFromAddresses } = orders;
  assert(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(hostname), 'a machine has a host name');
  assert(publicKeyShape.test(keys.clientPublicKey), 'the client key is one line of ed25519');
  assert(publicKeyShape.test(keys.hostPublicKey), 'the host key is one line of ed25519');
  assert(privateKeyShape.test(keys.hostPrivateKey), 'the private host key is in the form of OpenSSH');
  assert(keys.clientPublicKey !== keys.hostPublicKey, 'who connects and who answers have keys of their own');
  assert(Number.isSafeInteger(nowMs) && Number.isSafeInteger(selfDestructAtMs), 'times are whole milliseconds');
  const lifeMs = selfDestructAtMs - nowMs;
  assert(lifeMs > 0 && lifeMs <= lifeMsMax, 'a helper ends, and not before it began');
  assert(
    sshFromAddresses.every((address) => isIP(address) !== 0 && !address.includes('%')),
    'who may connect has an address',
  );
  assert(sshFromAddresses.length <= 32, 'few machines connect to a helper');
  const packages = orders.bake?.packages ?? [];
  assert(
    packages.every((name) => /^[a-z0-9][a-z0-9+.-]{1,80}$/.test(name)),
    'what an image holds are packages',
  );
  const { url, sha256, model } = orders.bake?.ollama ?? { url: 'https://a/', sha256: '0'.repeat(64), model: 'a' };
  assert(/^https:[\w/.:%+=-]+$/.test(url) && /^[\w/.:-]+$/.test(model), 'a model is fetched from an address');
  assert(/^[0-9a-f]{64}$/.test(sha256), 'what runs a model has a digest');
  if (orders.door === undefined) return;
  const { registryHosts, programSha256 } = orders.door;
  assert(/^[0-9a-f]{64}$/.test(programSha256), 'the program of the door has a digest');
  assert(
    registryHosts.every((host) => hostShape.test(host)),
    'a registry has a host name',
  );
  assert(registryHosts.length <= registryHostsMax, 'a set-up reaches few registries');
}
