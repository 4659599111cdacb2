import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BudgetFile } from '#contract/budget.ts';
import { testBudget } from './testing/budget.ts';
import { defaultPort, homeOf, readBudget, readConfig, sandboxLimits } from './config.ts';

const good = testBudget;
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchgit-config-'));
  budget(good);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function budget(content: unknown): string {
  const file = join(folder, 'budget.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}
const mistakes = (environment: Record<string, string>): readonly string[] => {
  const read = readConfig(environment, folder);
  return read.ok ? [] : read.why;
};

describe('the configuration', () => {
  it('needs nothing at all: loopback, the usual port, a data folder in the clone, nothing connected', () => {
    expect(readConfig({}, folder)).toEqual({
      ok: true,
      value: {
        root: folder,
        home: join(folder, '.patchgit'),
        host: '127.0.0.1',
        port: defaultPort,
        publicUrl: null,
        publicAddress: null,
        logLevel: 'info',
        budget: good,
        budgetFile: join(folder, 'budget.json'),
        digitalOceanUrl: 'https://api.digitalocean.com',
        github: {
          apiUrl: 'https://api.github.com',
          gitOrigin: 'https://github.com',
          credential: 'none',
          appId: null,
          appKeyFile: null,
          owner: null,
          hasWebhookSecret: false,
        },
        connected: { digitalocean: false, github: false, ollama: false },
        path: '/usr/local/bin:/usr/bin:/bin',
      },
    });
  });

  it('takes an empty variable for a missing one', () => {
    expect(
      mistakes({
        PATCHGIT_PORT: '',
        PATCHGIT_HOST: '',
        PATCHGIT_LOG: '',
        PATCHGIT_PUBLIC_URL: '',
        PATCHGIT_BUDGET: '',
      }),
    ).toEqual([]);
    expect(homeOf({ PATCHGIT_HOME: '' }, '/x')).toBe('/x/.patchgit');
    expect(homeOf({ PATCHGIT_HOME: 'relative' }, '/x')).toBe(join(process.cwd(), 'relative'));
  });

  it('knows only that a token is there, never the token', () => {
    const secret = 'very-secret-value';
    const names = ['GITHUB_TOKEN', 'GITHUB_WEBHOOK_SECRET', 'DIGITALOCEAN_TOKEN'];
    const read = readConfig(Object.fromEntries(names.map((name) => [name, secret])), folder);
    expect(read).toMatchObject({ ok: true, value: { connected: { github: true, digitalocean: true, ollama: false } } });
    expect(read).toMatchObject({ value: { github: { credential: 'token', hasWebhookSecret: true } } });
    expect(JSON.stringify(read)).not.toContain(secret);
  });

  it('says every mistake at once, each with its name and what to do', () => {
    budget({ ...good, caps: { hourUsd: -1 }, timeZone: 'Mars/Olympus', colour: 'red' });
    const said = mistakes({
      PATCHGIT_PORT: '70000',
      PATCHGIT_HOST: '0.0.0.0',
      PATCHGIT_LOG: 'loud',
      PATCHGIT_PUBLIC_URL: 'ftp://x',
      GITHUB_API_URL: 'http://git.example',
    });
    for (const name of [
      'GITHUB_API_URL',
      'PATCHGIT_PORT',
      'PATCHGIT_LOG',
      'PATCHGIT_PUBLIC_URL',
      'caps.hourUsd',
      'caps.dayUsd',
      'timeZone',
      'colour',
    ])
      expect(
        said.some((mistake) => mistake.includes(name)),
        name,
      ).toBe(true);
    expect(said.every((mistake) => mistake.endsWith('.'))).toBe(true);
  });

  it.each(['abc', '-1', '65536', '1.5', 'Infinity', 'NaN', '80,81'])('refuses the port %j', (port) => {
    expect(mistakes({ PATCHGIT_PORT: port })).toEqual([expect.stringContaining(`PATCHGIT_PORT is "${port}"`)]);
  });
  it.each(['0', '1', '65535'])('takes the port %s', (port) => {
    expect(readConfig({ PATCHGIT_PORT: port }, folder)).toMatchObject({ value: { port: Number(port) } });
  });

  it.each([
    ['127.0.0.1', true],
    ['127.8.8.8', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['192.168.1.5', false],
    ['127.0.0.1.example.com', false],
  ])('lets only this machine reach %s without TLS: %s', (host, isFine) => {
    expect(mistakes({ PATCHGIT_HOST: host }).length === 0).toBe(isFine);
    expect(mistakes({ PATCHGIT_HOST: host, PATCHGIT_PUBLIC_URL: 'https://patch.example' })).toEqual([]);
  });
});

describe('budget.json', () => {
  it('in this repository is right', () => {
    expect(readBudget(new URL('../budget.json', import.meta.url).pathname)).toMatchObject({ ok: true });
  });

  it.each<[string, unknown, RegExp]>([
    ['is not JSON', '{', /is not JSON/],
    ['is empty', '', /is not JSON/],
    ['is a list', [], /the file: /],
    ['has an unknown key', { ...good, capps: 1 }, /capps/],
    ['has an unknown key inside', { ...good, caps: { ...good.caps, weekUsd: 1 } }, /weekUsd/],
    ['lacks a cap', { ...good, caps: { hourUsd: 1 } }, /caps\.dayUsd/],
    ['has a negative cap', { ...good, caps: { hourUsd: -0.01, dayUsd: 1 } }, /caps\.hourUsd/],
    ['has a cap as text', { ...good, caps: { hourUsd: '1', dayUsd: 1 } }, /caps\.hourUsd/],
    ['has a clock of zero', { ...good, proof: { checkSecondsMax: 0 } }, /checkSecondsMax/],
    ['has a clock that never ends', { ...good, proof: { checkSecondsMax: 1e9 } }, /checkSecondsMax/],
    ['has a time zone nobody knows', { ...good, timeZone: 'Mars' }, /timeZone/],
    ['has an empty time zone', { ...good, timeZone: '' }, /timeZone/],
  ])('that %s is refused with the place', (_what, content, place) => {
    const read = readBudget(budget(content));
    expect(read.ok).toBe(false);
    expect(read.ok ? '' : read.why.join('\n')).toMatch(place);
  });

  it('that is not there is one clear sentence', () => {
    const read = readBudget(join(folder, 'nowhere.json'));
    expect(read).toMatchObject({
      ok: false,
      why: [expect.stringMatching(/nowhere\.json cannot be read .* Restore it/)],
    });
  });
});

describe('the limits of a check', () => {
  const limitsFor = (mebibytes: number) => sandboxLimits(good, { memoryBytes: mebibytes * 1024 * 1024, cpus: 1 });
  it('leave the daemon its own memory on a small machine, and stay bounded on a large one', () => {
    const mebibyte = 1024 * 1024;
    expect(Math.floor(limitsFor(512).memoryBytes / mebibyte)).toBe(307);
    expect(limitsFor(1024).memoryBytes).toBeLessThan(0.7 * 1024 * mebibyte);
    expect(limitsFor(1_000_000)).toMatchObject({
      memoryBytes: 4096 * mebibyte,
      diskBytes: 2048 * mebibyte,
      tmpBytes: 256 * mebibyte,
    });
    for (const value of Object.values(limitsFor(1))) expect(value).toBeGreaterThan(0);
  });
  it('take the clock from budget.json', () => {
    expect(limitsFor(1024).wallMs).toBe(600_000);
  });
});

describe('the text of budget.json', () => {
  it('names no key that the contract does not know', () => {
    const text = readFileSync(new URL('../budget.json', import.meta.url), 'utf8');
    expect(Object.keys(BudgetFile.shape)).toEqual(expect.arrayContaining(Object.keys(JSON.parse(text) as object)));
  });
});
