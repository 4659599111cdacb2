import { describe, expect, it } from 'vitest';
import { setUpTrouble } from './set-up-trouble.ts';

const failed = { exitCode: 1, limit: null };
const trouble = (log: string, ended: Parameters<typeof setUpTrouble>[1] = failed): string =>
  setUpTrouble('npm ci', ended, log).join(' ');

describe('why a set-up failed', () => {
  it.each<[string, string, string]>([
    [
      'a host that is not on the list, once',
      'patchgit: The host "a.example" was asked for and is not on the list of hosts that a set-up may reach.\nnpm error 403\npatchgit: The host "a.example" was asked for and is not on the list of hosts that a set-up may reach.\n',
      'It asked for a.example, which is not on the list of hosts in budget.json (setup.hosts).',
    ],
    [
      'what else the door says',
      'patchgit: The name registry.npmjs.org could not be looked up: EAI_AGAIN.\n',
      'The way to the registries says: The name registry.npmjs.org could not be looked up: EAI_AGAIN.',
    ],
    ['npm', 'npm error code ENOTFOUND\n', 'A package registry could not be reached, or did not answer.'],
    ['pip', "ProxyError('Cannot connect to proxy.')\n", 'A package registry could not be reached, or did not answer.'],
    [
      'go',
      'dial tcp: lookup proxy.golang.org: no such host\n',
      'A package registry could not be reached, or did not answer.',
    ],
    ['cargo', '[6] Could not resolve hostname\n', 'A package registry could not be reached, or did not answer.'],
    [
      'a lock file that does not fit, which is the project’s own',
      'npm error `npm ci` can only install with an existing package-lock.json\n',
      '',
    ],
  ])('%s', (_what, log, sentence) => {
    expect(trouble(log)).toBe(sentence);
  });

  it('names a program that is not there', () => {
    expect(trouble('sh: 1: pnpm: not found\n', { exitCode: 127, limit: null })).toBe(
      '"npm ci" could not be started: a program that it names is not in the sandbox.',
    );
  });

  it('is not looked for in what succeeded, nor guessed when a limit ended it', () => {
    expect(trouble('npm warn ENOTFOUND\n', { exitCode: 0, limit: null })).toBe('');
    expect(trouble('npm warn ENOTFOUND\n', { exitCode: null, limit: 'wall' })).toBe('');
  });

  it('stays short, whatever is printed', () => {
    const lines = Array.from({ length: 50 }, (_, at) => `patchgit: sentence ${at} ${'x'.repeat(200)}\n`).join('');
    expect(setUpTrouble('x', failed, lines)).toHaveLength(3);
  });
});
