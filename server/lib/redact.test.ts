import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { problem } from '#contract/problem.ts';
import { heldCharactersMax, redactLog, redactor, redactProblem, redactText } from './redact.ts';
import { findTokens } from '#contract/token-shapes.ts';

// Put together here, so that no scanner takes this file for a leak.
const glued = (...parts: string[]): string => parts.join('');
const letters = 'aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY'.repeat(9);
const hex = '0123456789abcdef'.repeat(8);
const github = `ghp_${letters.slice(0, 36)}`;
const keyBody = `${letters.slice(0, 64)}\n`.repeat(12);
const key = glued('-----BEGIN RSA PRIVATE', ' KEY-----\n', keyBody, '-----END RSA PRIVATE', ' KEY-----');

const tokens: [string, string][] = [
  ['GitHub token', github],
  ['GitHub token', `github_pat_${letters.slice(0, 22)}_${letters.slice(0, 59)}`],
  ['GitLab token', `glpat-${letters.slice(0, 20)}`],
  ['DigitalOcean token', `dop_v1_${hex.slice(0, 64)}`],
  ['AWS access key', glued('AKIA', 'ABCDEFGH23456777')],
  ['Slack token', `xoxb-123456789012-${letters.slice(0, 24)}`],
  ['Anthropic key', `sk-ant-api03-${letters.slice(0, 90)}`],
  ['OpenAI key', `sk-proj-${letters.slice(0, 90)}`],
  ['Google key', `AIza${letters.slice(0, 35)}`],
  ['npm token', `npm_${letters.slice(0, 36)}`],
  ['Stripe key', `sk_live_${letters.slice(0, 24)}`],
  ['private key', key],
  ['signed token', `eyJ${letters.slice(0, 20)}.eyJ${letters.slice(0, 20)}.${letters.slice(0, 43)}`],
];

describe('redacting', () => {
  it.each(tokens)('masks a %s wherever it stands', (name, token) => {
    for (const [before, after] of [
      ['', ''],
      ['x = "', '";\n'],
      ['\n', '\nnext'],
      ['é', ' é'],
    ]) {
      expect(redactText(`${before}${token}${after}`)).toBe(`${before}[masked: ${name}]${after}`);
    }
  });

  it('masks only the password of an address', () => {
    expect(redactText('git clone https://me:hunter22@example.org/x.git')).toBe(
      'git clone https://me:[masked: password in an address]@example.org/x.git',
    );
    expect(redactText('postgres://app:s3cret@db:5432/x')).toContain('app:[masked');
    for (const plain of [
      'https://example.org:8080/a@b',
      'postgres://${user}:${password}@db/x',
      'https://<user>:<password>@host',
      'https://user:***@host',
      'amqp://guest:guest@localhost',
      'redis://username:password@localhost',
      'ssh://git@example.org:22/x',
    ]) {
      expect(redactText(plain)).toBe(plain);
    }
  });

  it('masks a key that a hunk cut off, and one that stands in JSON', () => {
    const cut = key.slice(0, key.indexOf('-----END'));
    expect(redactText(`a\n${cut}then words\n`)).toBe('a\n[masked: private key]\nthen words\n');
    const json = JSON.stringify({ type: 'service_account', private_key: `${key}\n` });
    expect(redactText(json)).toBe('{"type":"service_account","private_key":"[masked: private key]\\n"}');
  });

  it('leaves alone what is none', () => {
    for (const plain of [
      'ghp_short',
      'const begin = "-----BEGIN PRIVATE KEY-----";',
      'AKIAIOSFODNN7EXAMPLE',
      'class="sk-loading-spinner-with-a-very-long-name-indeed-it-is"',
      `sha256-${letters.slice(0, 43)}=`,
      hex.slice(0, 40),
      '-----BEGIN CERTIFICATE-----\nMIIBxyz\n-----END CERTIFICATE-----',
      '-----BEGIN PUBLIC KEY-----\nMIIBxyz\n-----END PUBLIC KEY-----',
    ]) {
      expect(findTokens(plain)).toEqual([]);
    }
  });

  it('masks values it was told, but not those that are in every other word', () => {
    const known = [
      { name: 'database password', value: 'correct horse battery' },
      { name: 'short', value: 'abc' },
    ];
    expect(redactText('pw: correct horse battery, abc', known)).toBe('pw: [masked: database password], abc');
  });

  it('keeps the bytes of a log that are no text, and finds values in any letters', () => {
    const log = Buffer.concat([Buffer.of(0xff, 0xe9), Buffer.from(`pä$$wörter-1 ${github}\n`), Buffer.of(0x80)]);
    const redacted = redactLog(log, [{ name: 'password', value: 'pä$$wörter-1' }]);
    const expected = [
      Buffer.of(0xff, 0xe9),
      Buffer.from('[masked: password] [masked: GitHub token]\n'),
      Buffer.of(0x80),
    ];
    expect(redacted).toEqual(Buffer.concat(expected));
  });

  it('masks what a refusal quotes', () => {
    const why = problem('patch_does_not_apply', `it expects "${github}"`, { file: 'a', line: 3 });
    expect(redactProblem(why)).toEqual({ ...why, message: 'it expects "[masked: GitHub token]"' });
  });

  it('takes linear time on text made to be slow', () => {
    const hostile = ['-----BEGIN PRIVATE KEY-----', 'eyJ', 'a:', 'https://', 'sk-', 'AAAA\n'].map((part) =>
      part.repeat(20_000),
    );
    for (const text of hostile) expect(redactText(text).length).toBeGreaterThan(0);
  });
});

describe('redacting a stream', () => {
  const known = [{ name: 'own token', value: 'tok with blanks 123' }];
  const whole = [
    'first\n',
    github,
    ' then\n',
    key,
    '\nand ',
    'tok with blanks 123',
    ' end ',
    `dop_v1_${hex.slice(0, 64)}`,
  ];

  it('gives what redacting the whole text gives, wherever it is cut', () => {
    const text = whole.join('');
    const expected = redactText(text, known);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 12 }), (cuts) => {
        const stream = redactor(known);
        let shown = '';
        let at = 0;
        for (const cut of [...cuts.toSorted((a, b) => a - b), text.length]) {
          shown += stream.push(text.slice(at, cut));
          at = cut;
        }
        expect(shown + stream.end()).toBe(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('one character at a time shows no part of a secret on the way', () => {
    const stream = redactor(known);
    let shown = '';
    for (const character of whole.join('')) shown += stream.push(character);
    shown += stream.end();
    expect(shown).toBe(redactText(whole.join(''), known));
  });

  it('shows progress at once, and words as soon as they end', () => {
    const stream = redactor();
    expect(stream.push('....')).toBe('....');
    expect(stream.push('ok 1 done\n')).toBe('ok 1 done\n');
    expect(stream.push('half')).toBe('');
    expect(stream.push(' ')).toBe('half ');
  });

  it('holds a bounded amount, and does not show the rest of a key that is longer', () => {
    const stream = redactor();
    const line = `${letters.slice(0, 64)}\n`;
    let shown = stream.push(key.slice(0, 31));
    for (let sent = 0; sent < heldCharactersMax * 3; sent += line.length) shown += stream.push(line);
    shown += stream.push('\nplain words\n') + stream.end();
    expect(shown).toContain('[masked: private key]');
    expect(shown).not.toContain(letters.slice(0, 40));
    expect(shown).toContain('plain words');
    const endless = redactor();
    let out = '';
    for (let sent = 0; sent < 40; sent += 1) out += endless.push('a'.repeat(1000));
    expect(out.length).toBeGreaterThan(40_000 - heldCharactersMax - 2000);
  });
});
