/** One try to connect: one socket, one handshake, and what its failure means for the next try. */
import { timingSafeEqual } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type ssh2 from 'ssh2';
import type { Algorithms, Client } from 'ssh2';
import type { HelperKeys } from '../ports-cloud.ts';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import type { SshTimes } from './ssh-link-times.ts';

type Ssh = typeof ssh2;

export interface Trouble {
  readonly why: string;
  /** `key`: the machine is the right one and did not take our key, which a machine that still boots may do a few times. */
  readonly again: 'always' | 'key' | 'never';
}

/** Somebody verified, who let us in. */
export interface Admitted {
  readonly client: Client;
  /** ssh2 does not destroy a socket that it has already ended. */
  readonly socket: Socket;
}

interface Keys {
  readonly client: string;
  /** The public host key as it comes over the wire (RFC 4253 section 6.6). */
  readonly host: Buffer;
}

interface Target {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly keys: Keys;
}

const hungUp = 'The connection was closed.';
const unverified = 'Nobody was asked about the host key.';

/** No SHA-1, no CBC, no NIST curves, no RSA, no compression; both sides of every helper are ours, so nothing older is needed. */
const algorithms: Algorithms = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
  serverHostKey: ['ssh-ed25519'],
  cipher: ['chacha20-poly1305@openssh.com', 'aes256-gcm@openssh.com'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
  compress: ['none'],
};

/** The sentence never carries what the parser said: it could quote the key. */
export function readKeys({ utils }: Ssh, { clientPrivateKey, hostPublicKey }: HelperKeys): Result<Keys, string> {
  const client = utils.parseKey(clientPrivateKey);
  const host = utils.parseKey(hostPublicKey);
  if (client instanceof Error || host instanceof Error || !client.isPrivateKey() || host.type !== 'ssh-ed25519') {
    return no('The keys of the helper machine cannot be used.');
  }
  return ok({ client: clientPrivateKey, host: host.getPublicSSH() });
}

/** A client that is let in, or why not; in that case its socket is closed and nothing of it is left. */
export async function attempt(
  ssh: Ssh,
  { address, port, user, keys }: Target,
  times: SshTimes,
  signal: AbortSignal,
): Promise<Result<Admitted, Trouble>> {
  if (signal.aborted) return no({ why: 'It was given up.', again: 'never' });
  const client = new ssh.Client();
  const socket = connect({ host: address, port, noDelay: true });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const outcome = Promise.withResolvers<Result<Admitted, Trouble>>();
  let isVerified: boolean | null = null;
  const fail = (why: string, again: Trouble['again']): void => outcome.resolve(no({ why, again }));
  const where = `${address}:${port}`;
  const failed = (error: Error): void => {
    if (isVerified === false) return fail(`The machine at ${where} is not ours: it shows another host key.`, 'never');
    outcome.resolve(no(troubleOf(error, where)));
  };
  // Stays for as long as the client lives: an error that nobody listens to would end this process.
  client.on('error', failed);
  client.once('close', () => failed(new Error(hungUp)));
  client.once('ready', () => {
    if (isVerified === true) outcome.resolve(ok({ client, socket }));
    else failed(new Error(unverified));
  });
  const cancel = (): void => fail('It was given up.', 'never');
  signal.addEventListener('abort', cancel, { once: true });
  const timer = setTimeout(
    () => fail(`The machine at ${where} did not finish letting us in within ${times.attemptMsMax / 1000} s.`, 'always'),
    times.attemptMsMax,
  );
  client.connect({
    sock: socket,
    username: user,
    algorithms,
    // ssh2 refuses on nothing but exactly false, and takes a promise for a yes: so this is synchronous.
    hostVerifier: (key: Buffer): boolean => {
      isVerified = key.length === keys.host.length && timingSafeEqual(key, keys.host);
      return isVerified;
    },
    // The one way in. ssh2 would go on to others by itself if it had a password or an agent to try; it gets neither.
    privateKey: keys.client,
    authHandler: ['publickey'],
    agentForward: false,
    tryKeyboard: false,
    // Ours covers the way to the machine as well.
    readyTimeout: 0,
    keepaliveInterval: times.keepaliveMs,
    keepaliveCountMax: times.keepalivesMissedMax,
  });
  const answer = await outcome.promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', cancel);
  if (!answer.ok) {
    socket.destroy();
    await closed;
  }
  return answer;
}

/** Only our own words and codes of the system: what the other side says before it is verified is nobody's. */
function troubleOf(error: Error, where: string): Trouble {
  const level = 'level' in error ? error.level : null;
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  if (level === 'client-authentication') {
    return { why: `The machine at ${where} does not take the key that was made for it.`, again: 'key' };
  }
  if (level === 'client-socket') return { why: `Nothing answers at ${where}${code}.`, again: 'always' };
  if (level === 'handshake') {
    const isAgreed = !error.message.includes('no matching');
    const why = isAgreed ? 'fails at the SSH handshake' : 'offers no SSH algorithm that is safe enough';
    return { why: `The machine at ${where} ${why}.`, again: 'never' };
  }
  // It took leave (the code is then a number, RFC 4253 section 11.1) or just hung up: it is starting, or has too many callers.
  const hasLeft = error.message === hungUp || error.message.includes('before handshake');
  if (hasLeft || ('code' in error && typeof error.code === 'number')) {
    return { why: `The machine at ${where} closed the connection before it let us in.`, again: 'always' };
  }
  return { why: `What answers at ${where} does not speak SSH as it should.`, again: 'never' };
}
