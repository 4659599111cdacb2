import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pinoLog } from './pino-log.ts';

it('a log line never has a credential: not in a field, a sentence, an error or a nested text', () => {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-log-'));
  const file = openSync(join(folder, 'log'), 'w');
  try {
    const token = `ghp_${'aB3d'.repeat(9)}`;
    const own = 'our own credential of 2026';
    const log = pinoLog({ level: 'info', fileDescriptor: file, known: [{ name: 'model key', value: own }] });
    log.info({ token: 'x', deep: { list: [`before ${token} after`] } }, 'one');
    log.warn({ err: new Error(`push to https://me:hunter22@example.org failed with ${token}`) }, 'two');
    log.error({ said: own }, `three ${token}`);
    const lines = readFileSync(join(folder, 'log'), 'utf8');
    for (const secret of [token, own, 'hunter22']) expect(lines).not.toContain(secret);
    const parsed = lines
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(parsed).toMatchObject([
      { token: '[redacted]', deep: { list: ['before [masked: GitHub token] after'] }, msg: 'one' },
      { err: { type: 'Error' }, msg: 'two' },
      { said: '[masked: model key]', msg: 'three [masked: GitHub token]' },
    ]);
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
});
