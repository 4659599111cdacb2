import ssh from 'ssh2';
import { describe, expect, it } from 'vitest';
import { makeKeys } from './ssh-link-keys.ts';

describe('the keys of a helper', () => {
  // One pair in 256 of ssh2's own is malformed: among 4,000 there are none only once in six million times.
  it('are readable, all of them', () => {
    for (let made = 0; made < 2_000; made += 1) {
      const { clientPrivateKey, clientPublicKey, hostPrivateKey, hostPublicKey } = makeKeys(ssh);
      for (const key of [clientPrivateKey, clientPublicKey, hostPrivateKey, hostPublicKey]) {
        expect(ssh.utils.parseKey(key)).not.toBeInstanceOf(Error);
      }
      expect(clientPublicKey).not.toBe(hostPublicKey);
    }
  });
});
