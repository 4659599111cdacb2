import type ssh2 from 'ssh2';
import type { HelperKeys } from '../ports-cloud.ts';

type Ssh = typeof ssh2;
type KeyPair = ReturnType<Ssh['utils']['generateKeyPairSync']>;

/** With one bad pair in 256, so many in a row mean that something else is wrong. */
const triesMax = 20;

/** Two ed25519 key pairs in the form of OpenSSH, both seen to be readable. Throws when none can be made. */
export function makeKeys(ssh: Ssh): HelperKeys {
  const client = makePair(ssh, 'patchgit');
  const host = makePair(ssh, 'patchgit-helper');
  return {
    clientPrivateKey: client.private,
    clientPublicKey: client.public,
    hostPrivateKey: host.private,
    hostPublicKey: host.public,
  };
}

/**
 * ssh2 1.17 takes the leading zero bytes off a public key (its issue 1513), so one pair in 256 is malformed. A machine that was
 * paid for with such a pair could never be reached.
 */
function makePair({ utils }: Ssh, comment: string): KeyPair {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const pair = utils.generateKeyPairSync('ed25519', { comment });
    const isReadable = [pair.private, pair.public].every((key) => !(utils.parseKey(key) instanceof Error));
    if (isReadable) return pair;
  }
  throw new Error('No readable key pair could be made.');
}
