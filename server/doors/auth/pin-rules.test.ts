import { describe, expect, it } from 'vitest';
import { pinTrouble } from './pin-rules.ts';

const common =
  `12345678 123456789 1234567890 0123456789 87654321 987654321 11111111 00000000 12121212 12341234 123123123
  11223344 112233445566 12344321 11112222 123321123 abcd1234 1234abcd abcdefgh qwertyui qwertyuiop asdfghjk qwerty123
  1q2w3e4r 1qaz2wsx zaq12wsx q1w2e3r4 a1b2c3d4 qazwsxedc 147258369 789456123 password Password1 P@ssw0rd! passw0rd
  password123 letmein1 welcome1 Summer2026! admin123 iloveyou princess sunshine football baseball superman trustno1
  starwars whatever computer michelle jennifer corvette mercedes maverick samantha internet bigdaddy aa123456 1234567a
  a123456789 31121999 12311999 19991231 01.02.1990 1990-02-01 patchgit patchgit1 abc12345 qwer1234 asdf1234 passpass
  lovelove changeme administrator dragon123 monkey12 12345qwert zxcvbnm123 lovepassword 88888888 99998888`.split(/\s+/);

describe('the rules for a PIN', () => {
  it.each(common)('refuse %s, which guessers try first', (pin) => {
    expect(pinTrouble(pin)).toMatchObject({
      code: 'pin_too_common',
      message: expect.stringMatching(/^Guessers try this PIN first: it .+\. Choose/),
    });
  });

  it.each([
    'correct horse battery staple',
    '40718263',
    '90217564',
    'tulip-forge-ninety',
    '  leading spaces kept',
    'ключ от дома',
    'ab\0cd\0ef\0gh!',
    '🐙🌂🍞🎻🧵🪁🥝🛶',
    'summer rain on a tin roof',
  ])('allow %j', (pin) => {
    expect(pinTrouble(pin)).toBeNull();
  });

  it.each([
    ['7 characters', 'k3-vX9q', 'pin_too_short'],
    ['7 characters of two bytes each', 'ключики', 'pin_too_short'],
    ['none', '', 'pin_too_short'],
    ['65 characters', 'k3-vX9q'.repeat(10).slice(0, 65), 'invalid_body'],
    ['half a character', 'k3-vX9q\ud83d', 'invalid_body'],
  ])('refuse %s', (_what, pin, code) => {
    expect(pinTrouble(pin)).toMatchObject({ code });
  });

  it('allow 8 and 64 characters', () => {
    expect(pinTrouble('k3-vX9qT')).toBeNull();
    expect(pinTrouble('k3-vX9q'.repeat(10).slice(0, 64))).toBeNull();
  });

  it('leave most random numbers of eight digits alone', () => {
    let seed = 12345;
    let refused = 0;
    for (let count = 0; count < 2000; count += 1) {
      seed = (seed * 48271) % 2147483647;
      if (pinTrouble(String(seed).padStart(10, '0').slice(-8)) !== null) refused += 1;
    }
    expect(refused).toBeLessThan(40);
  });
});
