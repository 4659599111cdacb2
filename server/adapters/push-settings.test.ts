import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { inheritedSocket, readPushSettings } from './push-settings.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchgit-credential-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const read = (text: string, more: Record<string, string> = {}) => {
  writeFileSync(join(folder, 'github-token'), text);
  return readPushSettings({ CREDENTIALS_DIRECTORY: folder, ...more });
};

it('takes the token from the folder that systemd has made for the unit, and from nowhere else', () => {
  expect(read('ghp_12345678\n', { GITHUB_API_URL: 'https://git.example/api/v3' })).toEqual({
    ok: true,
    value: { token: 'ghp_12345678', apiUrl: 'https://git.example/api/v3', gitUrl: null },
  });
  expect(readPushSettings({ GITHUB_TOKEN: 'ghp_12345678' })).toMatchObject({ ok: false });
});

it.each([
  ['nothing', ''],
  ['two words', 'ghp_12345678 more'],
  ['two lines', 'ghp_12345678\nX-Evil: 1'],
  ['one that ends within the hour', `ghs_${'a1'.repeat(18)}`],
])('does not start with %s, and does not quote it', (_what, text) => {
  const settings = read(text);
  expect(settings).toEqual({ ok: false, why: expect.stringMatching(/is no personal token: give it again with/) });
  expect(JSON.stringify(settings)).not.toMatch(/12345678|a1a1/);
});

it('serves the one socket that was handed over', () => {
  expect([inheritedSocket({ LISTEN_FDS: '1' }), inheritedSocket({ LISTEN_FDS: '2' }), inheritedSocket({})]).toEqual([
    3,
    null,
    null,
  ]);
});
