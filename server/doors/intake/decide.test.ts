import { describe, expect, it } from 'vitest';
import type { ForgeRequest } from '#contract/forge.ts';
import { judge, messageOf } from './decide.ts';

const request = (changed: Partial<ForgeRequest> = {}): ForgeRequest => ({
  key: 'issue:17',
  author: 'Ada',
  title: 'Say two loudly',
  text: 'In a.txt, please.',
  url: 'https://github.com/ada/shop/issues/17',
  number: 17,
  createdAtMs: 1,
  ...changed,
});
const shop = { id: 'repo_000000000001', name: 'shop' };

describe('a request from the forge', () => {
  it.each([
    ['Ada', 'ada', 'accepted'],
    ['ada', 'Ada', 'accepted'],
    ['eve', 'ada', 'ignored'],
    ['ada ', 'ada', 'ignored'],
    ['ada[bot]', 'ada', 'ignored'],
    ['', 'ada', 'ignored'],
    ['', '', 'ignored'],
    ['ada', null, 'ignored'],
    ['', null, 'ignored'],
  ] as const)('by %j is, when the owner is %j, %s', (author, owner, verdict) => {
    expect(judge({ author }, owner)).toBe(verdict);
  });

  it('becomes the same message however often it is taken, and another than every other request', () => {
    const ids = (changed: Partial<ForgeRequest>, repository = shop): string[] => {
      const { threadId, messageId } = messageOf(repository, request(changed));
      return [threadId, messageId];
    };
    expect(ids({})).toEqual(ids({ title: 'edited', text: 'edited' }));
    const [thread, message] = ids({});
    expect(ids({ key: 'comment:5' })[0]).toBe(thread);
    expect(ids({ key: 'comment:5' })[1]).not.toBe(message);
    expect(ids({ number: 18 })[0]).not.toBe(thread);
    expect(ids({}, { ...shop, id: 'repo_000000000002' })).not.toContain(message);
  });

  it('keeps the words of the owner, without the word that called patchgit, and says where they are from', () => {
    const text = (changed: Partial<ForgeRequest>): string => messageOf(shop, request(changed)).text;
    const from = '(https://github.com/ada/shop/issues/17)';
    expect(text({})).toBe(`Say two loudly\n\nIn a.txt, please.\n\n${from}`);
    expect(text({ text: '' })).toBe(`Say two loudly\n\n${from}`);
    expect(text({ key: 'comment:5', text: '/patchgit  and three too' })).toBe(`and three too\n\n${from}`);
    expect(messageOf(shop, request()).threadTitle).toBe('shop #17');
  });
});
