/** Mails are pasted as they were sent, decoded with their headers left, and damaged. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectId } from '#contract/ids.ts';
import { makeRepository, type Repository, tryPatch } from './testing/repository.ts';

let repository: Repository;
let base: ObjectId;
beforeAll(() => {
  repository = makeRepository();
  base = repository.commit({ 'a.txt': 'one\ntwo\nthree\n' });
});
afterAll(() => repository.remove());

const head = 'Subject: x\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: quoted-printable\n\n';
const diff = (added: string): string => `--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,4 @@\n one\n${added}\n two\n three\n`;

async function added(patch: string): Promise<string> {
  const tried = await tryPatch(repository, base, patch);
  if (!tried.ok) return tried.why.code;
  const content = Buffer.from(tried.value.files()['a.txt'] ?? '', 'latin1').toString();
  return /^one\n(.*)\ntwo\nthree\n$/s.exec(content)?.[1] ?? 'another tree';
}

describe('a mail that says it is quoted-printable', () => {
  it('is decoded although its lines would apply as they are', async () => {
    expect(await added(head + diff('+caf=C3=A9'))).toBe('café');
    expect(await added(head + diff('+a =3D b'))).toBe('a = b');
    expect(await added(head + diff('+a long line that was =\nbroken'))).toBe('a long line that was broken');
    expect(await added(`${head}${diff('+caf=C3=A9')}`.replace(/^/gm, '> '))).toBe('café');
    expect(await added(`${head}${diff('+caf=C3=A9')}`.replace(/^(?=.)/gm, '    '))).toBe('café');
    expect(await added(`${diff('+caf=C3=A9')}\n${head}`)).toBe('café');
  });

  it('but was decoded already is taken as it is', async () => {
    expect(await added(head + diff('+a = b'))).toBe('a = b');
    expect(await added(head + diff('+caf\u00e9'))).toBe('café');
  });

  it('is refused when only a part of it is so', async () => {
    expect(await added(head + diff('+caf=C3=A9 = b'))).toBe('patch_corrupt');
    expect(await added(`${head}${diff('+a =3D b')}+c = d\n`)).toBe('patch_corrupt');
  });
});

describe('a mail in base 64', () => {
  const packed = (text: string): string =>
    `Content-Transfer-Encoding: base64\n\n${Buffer.from(text).toString('base64')}\n`;
  it('is decoded, also when its text was quoted or encoded before', async () => {
    expect(await added(packed(diff('+x')))).toBe('x');
    expect(await added(packed(diff('+x').replace(/^/gm, '> ')))).toBe('x');
    expect(await added(packed(head + diff('+caf=C3=A9')))).toBe('café');
  });
  it('does not hide a diff that stands in it in plain text', async () => {
    expect(await added(`${diff('+x')}\nContent-Transfer-Encoding: base64\n\nR0lGODlhAQABAAAAACw=\n`)).toBe('x');
  });
});
