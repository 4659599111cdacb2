import { expect, it } from 'vitest';
import { diffOfText, titleOf, toBase64 } from './bytes.ts';

it('keeps every byte of a diff, carriage returns and invalid UTF-8 included', () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256);
  expect(Buffer.from(toBase64(bytes), 'base64')).toEqual(Buffer.from(bytes));
  expect([...diffOfText('a\r\nb').bytes]).toEqual([97, 13, 10, 98]);
});

it('proposes a title from the subject, or from the first file', () => {
  expect(titleOf('From abc\nSubject: [PATCH 1/2] Fix the port\n\ndiff --git a/x b/x')).toBe('Fix the port');
  expect(titleOf('--- a/src/a.ts\n+++ b/src/a.ts\n')).toBe('Change src/a.ts');
  expect(titleOf('words')).toBe('');
});
