/** The list of what patchgit-push does with the credential: what our client needs passes, and nothing else does. */
import { describe, expect, it } from 'vitest';
import { judgePush } from './push-commands.ts';
import { judgeBody, judgeOrder } from './push-policy.ts';

const gitHub = { apiUrl: 'https://api.github.com', gitOrigin: 'https://github.com' };
const enterprise = { apiUrl: 'https://git.example/api/v3', gitOrigin: 'https://git.example' };
const oid = 'a'.repeat(40);
const zero = '0'.repeat(40);

const allowed: readonly (readonly [string, string])[] = [
  ['GET', '/user'],
  ['GET', '/user/repos?sort=pushed&direction=desc&page=1&per_page=100'],
  ['GET', '/repos/octo/shop'],
  ['GET', '/repos/octo/shop/branches/feature%2Fone'],
  ['GET', '/repos/octo/shop/pulls?head=octo%3Apatchgit%2Fx&state=all&sort=created&direction=desc&per_page=30'],
  ['GET', '/repos/octo/shop/pulls/7'],
  ['GET', `/repos/octo/shop/commits/${oid}/status?per_page=100`],
  ['GET', '/repos/octo/shop/commits/release-1.2/check-runs?filter=latest&per_page=100'],
  ['GET', '/repos/octo/shop/actions/jobs/12345678901/logs'],
  ['GET', '/repos/octo/shop/issues?labels=patchgit&state=open&since=2026-01-01T00%3A00%3A00.000Z&page=1&per_page=30'],
  ['GET', '/repos/octo/shop/issues/comments?since=2026-01-01T00%3A00%3A00.000Z&sort=updated&page=1&per_page=30'],
  ['GET', '/repos/octo/shop/issues/7/comments?page=2&per_page=100'],
  ['POST', '/repos/octo/shop/pulls'],
  ['PATCH', '/repos/octo/shop/pulls/7'],
  ['POST', '/repos/octo/shop/issues/7/labels'],
  ['POST', '/repos/octo/shop/issues/7/comments'],
  ['POST', `/repos/octo/shop/statuses/${oid}`],
];

describe('what the client asks of the API', () => {
  it.each(allowed)('%s %s may be sent', (method, path) => {
    for (const place of [gitHub, enterprise]) {
      const address = `${place.apiUrl}${path}`;
      expect(judgeOrder(method, address, place)).toMatchObject({ ok: true, value: { kind: 'api' } });
    }
  });

  it.each([
    ['PUT', '/repos/octo/shop/pulls/7/merge'],
    ['POST', '/repos/octo/shop/merges'],
    ['POST', '/repos/octo/shop/merge-upstream'],
    ['POST', '/graphql'],
    ['DELETE', '/repos/octo/shop'],
    ['PATCH', '/repos/octo/shop'],
    ['POST', '/repos/octo/shop/keys'],
    ['POST', '/repos/octo/shop/hooks'],
    ['PUT', '/repos/octo/shop/actions/secrets/X'],
    ['GET', '/repos/octo/shop/actions/secrets'],
    ['GET', '/repos/octo/shop/hooks'],
    ['PUT', '/repos/octo/shop/contents/a.txt'],
    ['GET', '/repos/octo/shop/contents/a.txt'],
    ['POST', '/repos/octo/shop/git/refs'],
    ['PATCH', '/repos/octo/shop/git/refs/heads/main'],
    ['DELETE', '/repos/octo/shop/git/refs/heads/main'],
    ['POST', '/repos/octo/shop/dispatches'],
    ['POST', '/repos/octo/shop/actions/workflows/1/dispatches'],
    ['PUT', '/repos/octo/shop/collaborators/eve'],
    ['POST', '/repos/octo/shop/pulls/7/reviews'],
    ['PATCH', '/repos/octo/shop/issues/7'],
    ['POST', '/repos/octo/shop/check-runs'],
    ['POST', '/repos/octo/shop/forks'],
    ['POST', '/repos/octo/shop/releases'],
    ['POST', '/user/repos'],
    ['POST', '/user/keys'],
    ['GET', '/user/emails'],
    ['GET', '/gists'],
    ['GET', '/repos/octo/shop/branches/..%2F..%2Fhooks'],
    ['GET', '/repos/octo/shop/commits/x/y/status'],
    ['GET', '/repos/octo/shop/pulls?access_token=x'],
    ['POST', '/repos/octo/shop/pulls?x=1'],
    ['HEAD', '/repos/octo/shop'],
    ['GET', '/repos/octo'],
    ['GET', '/repos/octo/shop/'],
    ['GET', '/repos/oc%2Fto/shop'],
    ['get', '/user'],
  ])('%s %s is never sent', (method, path) => {
    expect(judgeOrder(method, `${gitHub.apiUrl}${path}`, gitHub)).toEqual({ ok: false, why: 'not_allowed' });
    expect(judgeOrder(method, `${enterprise.apiUrl}${path}`, enterprise)).toEqual({ ok: false, why: 'not_allowed' });
  });

  it.each([
    'http://api.github.com/user',
    'https://api.github.com.evil.example/user',
    'https://api.github.com:8443/user',
    'https://evil.example/user',
    'https://evil.example/?https://api.github.com/user',
    'https://x@api.github.com/user',
    'https://api.github.com/user#x',
    'https://api.github.com/repos/octo/../../user',
    'https://api.github.com/repos/octo/%2e%2e/user',
    'https:\\\\api.github.com\\user',
    'HTTPS://API.GITHUB.COM/user',
    'https://api.github.com/us\ter',
    '/user',
    '',
  ])('nothing is sent to %j', (address) => {
    expect(judgeOrder('GET', address, gitHub)).toEqual({ ok: false, why: 'elsewhere' });
  });

  it('of an Enterprise Server is sent below its API and nowhere else', () => {
    expect(judgeOrder('GET', 'https://git.example/user', enterprise)).toEqual({ ok: false, why: 'not_allowed' });
    expect(judgeOrder('GET', 'https://git.example/api/v3x/user', enterprise).ok).toBe(false);
  });
});

describe('what is sent along', () => {
  const bodyOf = (method: string, path: string, body: unknown) => {
    const order = judgeOrder(method, `${gitHub.apiUrl}/repos/octo/shop${path}`, gitHub);
    if (!order.ok || order.value.kind !== 'api' || order.value.body === null) throw new Error('it has no body');
    return judgeBody(order.value.body, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
  };
  const pull = { title: 'Two', body: 'Why', head: 'patchgit/two-0123', base: 'main', draft: false };
  const status = { state: 'success', context: 'patchgit/proof', description: 'ok' };

  it.each([
    ['POST', '/pulls', pull],
    ['PATCH', '/pulls/7', { state: 'closed' }],
    ['POST', '/issues/7/labels', { labels: ['patchgit'] }],
    ['POST', '/issues/7/comments', { body: 'Undone.' }],
    ['POST', `/statuses/${oid}`, status],
  ])('%s %s may hold what the client sends', (method, path, body) => {
    const judged = bodyOf(method, path, body);
    expect(judged.ok && JSON.parse(judged.value.toString('utf8'))).toEqual(body);
  });

  it.each([
    ['a branch that is not ours', 'POST', '/pulls', { ...pull, head: 'main' }],
    ["somebody else's branch", 'POST', '/pulls', { ...pull, head: 'eve:patchgit/x' }],
    ['more than a pull request needs', 'POST', '/pulls', { ...pull, maintainer_can_modify: true }],
    ['an opening', 'PATCH', '/pulls/7', { state: 'open' }],
    ['another base', 'PATCH', '/pulls/7', { state: 'closed', base: 'x' }],
    ["the name of the repository's own CI", 'POST', `/statuses/${oid}`, { ...status, context: 'ci/test' }],
    ['no JSON', 'POST', '/issues/7/comments', '{"body":'],
    ['a list', 'POST', '/issues/7/comments', []],
  ])('and not %s', (_what, method, path, body) => {
    expect(bodyOf(method, path, body)).toEqual({ ok: false, why: 'body' });
  });

  it('has one meaning: of two values under one name only the judged one goes out', () => {
    const judged = bodyOf('PATCH', '/pulls/7', '{"state":"open","state":"closed"}');
    expect(judged.ok && judged.value.toString('utf8')).toBe('{"state":"closed"}');
  });
});

describe('what git asks', () => {
  const repository = `${gitHub.gitOrigin}/octo/shop.git`;

  it.each([
    ['GET', `${repository}/info/refs?service=git-upload-pack`, false],
    ['GET', `${repository}/info/refs?service=git-receive-pack`, false],
    ['POST', `${repository}/git-upload-pack`, false],
    ['POST', `${repository}/git-receive-pack`, true],
    ['POST', `${gitHub.gitOrigin}/octo/shop/git-receive-pack`, true],
  ])('%s %s may be sent', (method, address, isPush) => {
    expect(judgeOrder(method, address, gitHub)).toMatchObject({ ok: true, value: { kind: 'git', isPush } });
  });

  it.each([
    ['GET', `${repository}/info/refs`],
    ['GET', `${repository}/info/refs?service=git-upload-pack&x=1`],
    ['GET', `${repository}/HEAD`],
    ['GET', `${repository}/git-receive-pack`],
    ['POST', `${repository}/info/lfs/objects/batch`],
    ['POST', `${repository}/git-receive-pack?x`],
    ['GET', `${gitHub.gitOrigin}/octo/shop/settings`],
    ['POST', `${gitHub.gitOrigin}/login`],
    ['POST', `${gitHub.gitOrigin}/octo/../git-receive-pack`],
  ])('%s %s is never sent', (method, address) => {
    expect(judgeOrder(method, address, gitHub).ok).toBe(false);
  });
});

describe('a push', () => {
  const packet = (text: string): string => `${(text.length + 4).toString(16).padStart(4, '0')}${text}`;
  const asked = ' report-status-v2 side-band-64k object-format=sha1 agent=git/2.39.5';
  const push = (...lines: string[]): Buffer => Buffer.from(`${lines.map(packet).join('')}0000`, 'latin1');
  const command = (before: string, after: string, ref: string): string => `${before} ${after} ${ref}\0${asked}`;
  const fine = command(zero, oid, 'refs/heads/patchgit/two-0123');

  it('may make one branch of ours, or delete one', () => {
    const sha256 = command('0'.repeat(64), 'b'.repeat(64), 'refs/heads/patchgit/x');
    for (const line of [fine, command(oid, zero, 'refs/heads/patchgit/two-0123'), sha256]) {
      expect(judgePush(push(line), null)).toEqual({ ok: true, value: null });
      expect(judgePush(Buffer.concat([push(line), Buffer.from('PACK...')]), null)).toMatchObject({ ok: true });
    }
  });

  it('is judged by its whole beginning, however it comes', () => {
    const whole = push(fine);
    for (let bytes = 0; bytes < whole.length; bytes += 1)
      expect(judgePush(whole.subarray(0, bytes), null)).toBe('more');
  });

  it('may be the question before a large one, and only when that is all of it', () => {
    expect(judgePush(Buffer.from('0000'), 4)).toMatchObject({ ok: true });
    expect(judgePush(Buffer.from('0000'), null)).toMatchObject({ ok: false });
    expect(judgePush(Buffer.concat([Buffer.from('0000'), push(fine)]), 4)).toMatchObject({ ok: false });
  });

  it.each<[string, Buffer]>([
    ['the default branch', push(command(zero, oid, 'refs/heads/main'))],
    ['the default branch, deleted', push(command(oid, zero, 'refs/heads/main'))],
    ['a branch of ours, moved', push(command(oid, 'b'.repeat(40), 'refs/heads/patchgit/x'))],
    ['nothing at all', push(command(zero, zero, 'refs/heads/patchgit/x'))],
    ['a tag', push(command(zero, oid, 'refs/tags/patchgit/x'))],
    ['a pull request', push(command(zero, oid, 'refs/pull/1/head'))],
    ['a branch that looks like ours', push(command(zero, oid, 'refs/heads/patchgitx/x'))],
    ['a name that climbs', push(command(zero, oid, 'refs/heads/patchgit/../main'))],
    ['two commands', push(fine, `${zero} ${oid} refs/heads/main`)],
    ['a second one behind a line end', push(`${zero} ${oid} refs/heads/patchgit/x\n${zero} ${oid} refs/heads/main`)],
    ['options for the forge', push(`${zero} ${oid} refs/heads/patchgit/x\0 report-status push-options`)],
    ['a signed push', push(`push-cert\0${asked}`)],
    ['a history that is cut off', push(`shallow ${oid}`, fine)],
    ['no command', Buffer.from('0000PACK')],
    ['no length', Buffer.from('zzzz and more')],
    ['a length that cannot be', Buffer.from('ffff and more')],
    ['a special packet', Buffer.from('0001')],
  ])('may not be %s', (_what, bytes) => {
    expect(judgePush(bytes, null)).toEqual({ ok: false, why: 'branch' });
  });
});
