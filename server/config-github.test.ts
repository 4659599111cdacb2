import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gitHubAddress, readAppKey, readGitHubConfig } from './config-github.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchgit-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const read = (environment: Record<string, string>) => readGitHubConfig((name) => environment[name] || null);
const mistakes = (environment: Record<string, string>): readonly string[] => {
  const config = read(environment);
  return config.ok ? [] : config.why;
};

function keyFile(mode = 0o600, content?: string): string {
  const file = join(folder, 'key.pem');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(file, content ?? privateKey.export({ type: 'pkcs1', format: 'pem' }));
  chmodSync(file, mode);
  return file;
}

describe('the credential', () => {
  it('is a token, an App, or none', () => {
    expect(read({})).toMatchObject({ ok: true, value: { credential: 'none' } });
    expect(read({ GITHUB_TOKEN: 'ghp_12345678' })).toMatchObject({ value: { credential: 'token', appId: null } });
    const file = keyFile();
    expect(read({ GITHUB_APP_ID: '17', GITHUB_APP_KEY_FILE: file })).toMatchObject({
      ok: true,
      value: { credential: 'app', appId: 17, appKeyFile: file },
    });
  });

  it('is a token also where patchgit-push holds it, and is then nowhere else', () => {
    const socket = { PATCHGIT_PUSH_SOCKET: '/run/patchgit-push/push.sock' };
    expect(read(socket)).toMatchObject({
      ok: true,
      value: { credential: 'token', pushSocket: '/run/patchgit-push/push.sock' },
    });
    expect(read({})).toMatchObject({ value: expect.not.objectContaining({ pushSocket: expect.anything() }) });
    expect(mistakes({ ...socket, GITHUB_TOKEN: 'ghp_12345678' })).toEqual([
      expect.stringMatching(/take GITHUB_TOKEN out/),
    ]);
    expect(mistakes({ ...socket, GITHUB_APP_ID: '1', GITHUB_APP_KEY_FILE: keyFile() })).toEqual([
      expect.stringMatching(/patchgit-push holds personal tokens only/),
    ]);
    expect(mistakes({ PATCHGIT_PUSH_SOCKET: 'push.sock' })).toEqual([expect.stringMatching(/give an absolute path/)]);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['both at once', { GITHUB_TOKEN: 'ghp_12345678', GITHUB_APP_ID: '1' }, /both there: keep the one/],
    ['half an App: no key', { GITHUB_APP_ID: '1' }, /without GITHUB_APP_KEY_FILE/],
    ['half an App: no number', { GITHUB_APP_KEY_FILE: '/nowhere/key.pem' }, /without GITHUB_APP_ID/],
    ['a number that is none', { GITHUB_APP_ID: 'Iv1.abc' }, /GITHUB_APP_ID is "Iv1\.abc"/],
    [
      'a key that is not there',
      { GITHUB_APP_ID: '1', GITHUB_APP_KEY_FILE: '/nowhere/key.pem' },
      /cannot be read \(ENOENT\)/,
    ],
    ['a relative path', { GITHUB_APP_ID: '1', GITHUB_APP_KEY_FILE: 'key.pem' }, /give an absolute path/],
    ['a folder', { GITHUB_APP_ID: '1', GITHUB_APP_KEY_FILE: '/tmp' }, /not the private key of an App/],
    ['a token with a line end', { GITHUB_TOKEN: 'ghp_12345678\nX-Evil: 1' }, /one word of visible characters/],
    [
      'a token of an installation',
      { GITHUB_TOKEN: `ghs_${'a1'.repeat(18)}` },
      /ends within the hour: give GITHUB_APP_ID/,
    ],
    ['a short secret for webhooks', { GITHUB_WEBHOOK_SECRET: 'short' }, /fewer than 16 characters/],
    ['an owner with an at sign', { GITHUB_OWNER: '@octo' }, /without "@"/],
  ])('is refused at the start: %s', (_what, environment, says) => {
    const said = mistakes(environment);
    expect(said.join('\n')).toMatch(says);
    expect(said.every((one) => one.endsWith('.'))).toBe(true);
  });

  it('of an App is refused while others can read it, and never quoted', () => {
    expect(readAppKey(keyFile(0o600)).ok).toBe(true);
    expect(readAppKey(keyFile(0o400)).ok).toBe(true);
    for (const mode of [0o604, 0o644, 0o620, 0o666, 0o601])
      expect(readAppKey(keyFile(mode))).toMatchObject({ ok: false, why: expect.stringMatching(/run "chmod 600/) });
    const broken = readAppKey(
      keyFile(0o600, '-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n'),
    );
    expect(broken).toMatchObject({ ok: false, why: expect.stringMatching(/holds no private key/) });
    expect(JSON.stringify(broken)).not.toMatch(/c2VjcmV0|BEGIN/);
    const { privateKey } = generateKeyPairSync('ed25519');
    const other = privateKey.export({ type: 'pkcs8', format: 'pem' });
    expect(readAppKey(keyFile(0o600, other))).toMatchObject({ why: expect.stringMatching(/another kind/) });
  });
});

describe('the address', () => {
  it.each<[string, string | null, string | null]>([
    ['https://api.github.com', null, 'https://github.com'],
    ['https://api.github.com/', null, 'https://github.com'],
    ['https://git.example/api/v3', null, 'https://git.example'],
    ['https://git.example:8443/api/v3/', null, 'https://git.example:8443'],
    ['https://api.acme.ghe.com', null, 'https://acme.ghe.com'],
    ['http://127.0.0.1:4000', null, 'http://127.0.0.1:4000'],
    ['http://127.0.0.1:4000', 'http://127.0.0.1:4001', 'http://127.0.0.1:4001'],
    ['http://127.0.0.1:4000', 'http://10.0.0.1:4001', null],
    ['https://api.github.com', 'http://127.0.0.1:4001', null],
    ['http://api.github.com', null, null],
    ['http://git.example/api/v3', null, null],
    ['http://127.0.0.1.evil.example', null, null],
    ['https://git.example', null, null],
    ['https://git.example/api/v4', null, null],
    ['https://user:pw@git.example/api/v3', null, null],
    ['https://git.example/api/v3?x=1', null, null],
    ['https://api.github.com.evil.example', null, null],
    ['ftp://api.github.com', null, null],
    ['github.com', null, null],
  ])('%s (git: %s) means %s', (apiUrl, gitUrl, gitOrigin) => {
    expect(gitHubAddress(apiUrl, gitUrl)?.gitOrigin ?? null).toBe(gitOrigin);
  });

  it('is quoted without a password', () => {
    const said = mistakes({ GITHUB_API_URL: 'https://user:hunter22@git.example/api/v3' }).join('\n');
    expect(said).toMatch(/GITHUB_API_URL is "https:\/\/git\.example\/api\/v3"/);
    expect(said).not.toContain('hunter22');
  });
});
