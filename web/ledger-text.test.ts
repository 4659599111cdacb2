import { expect, it } from 'vitest';
import { sentenceOf } from './ledger-text.ts';

it('a sentence of the ledger shows no credential, not even without its underscores or cut off', () => {
  const token = `ghp_${'aB3'.repeat(12)}`;
  expect(sentenceOf({ kind: 'repository.added', body: { name: token } })).toBe(
    'A repository was added: [masked: GitHub token]',
  );
  const long = sentenceOf({ kind: 'job.failed', body: { problem: { message: `${'x '.repeat(70)}${token}` } } });
  expect(long).not.toContain('aB3aB3');
});
