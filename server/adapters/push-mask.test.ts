import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { basicOf } from './github-credential.ts';
import { maskStream, maskText } from './push-mask.ts';

const token = `github_pat_${'Ab1/'.repeat(10)}`;
const forms = [token, token.replaceAll('/', '\\/'), encodeURIComponent(token), basicOf(token).slice('Basic '.length)];

async function masked(text: string, chunkBytes: number): Promise<string> {
  const bytes = Buffer.from(text, 'latin1');
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes));
  return (await buffer(Readable.from(chunks).pipe(maskStream(token)))).toString('latin1');
}

it('masks every form of the credential wherever it is cut, and keeps every length', async () => {
  const text = `a ${forms.join(' b ')} c ${token}${token} ${token.slice(0, 20)}`;
  for (const bytes of [1, 2, 7, 40, 4096]) {
    const shown = await masked(text, bytes);
    expect(shown).toHaveLength(text.length);
    for (const form of forms) expect(shown).not.toContain(form);
    expect(shown).toMatch(new RegExp(`^a \\*{${token.length}} b .* ${token.slice(0, 20)}$`));
  }
  expect(maskText(token, `x ${token}`)).toBe(`x ${'*'.repeat(token.length)}`);
});

it('changes nothing else, not one byte', async () => {
  const all = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7919) % 256)).toString('latin1');
  expect(await masked(all, 999)).toBe(all);
});
