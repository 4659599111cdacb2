/** What a daemon that was taken over gets from patchgit-push, and what the forge sees of it. */
import { createServer, type Server } from 'node:http';
import { connect, Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../testing/wait.ts';
import { basicOf } from './github-credential.ts';
import { closeWhenIdle, pushService } from './push-service.ts';
import { madeAtHeader, monotonicMs, pushHeader, readVerdict, wallHeader } from './push-wire.ts';
import { farEnd, farToken, json, refused, type FarEnd } from './testing/github-desk.ts';
import { ask, openPushDesk, type PushDesk } from './testing/push-desk.ts';

let desk: PushDesk;
beforeEach(async () => {
  desk = await openPushDesk();
});
afterEach(() => desk.close());

describe('through the socket', () => {
  it('a question is answered with the credential that the daemon does not have', async () => {
    const { github, repository, heldToken, fake } = desk;
    expect(await github.self()).toMatchObject({ ok: true, value: { login: 'octo' } });
    expect(await github.forge.inspect(repository, 'main')).toMatchObject({
      ok: true,
      value: { credential: 'token', canPush: true },
    });
    expect(await github.authorize(repository.url)).toEqual({ ok: true, value: null });
    expect(desk.secrets()).toEqual([]);
    expect(JSON.stringify(desk.logged)).not.toContain(heldToken);
    expect(fake.calls.length).toBeGreaterThan(3);
    expect(desk.refusals).toEqual([]);
  });

  it.each([
    ['merging', 'PUT', '/repos/octo/shop/pulls/1/merge', '{}', 'not_allowed'],
    ['deleting the repository', 'DELETE', '/repos/octo/shop', undefined, 'not_allowed'],
    ['adding a key', 'POST', '/repos/octo/shop/keys', '{"title":"x","key":"y"}', 'not_allowed'],
    ['adding a webhook', 'POST', '/repos/octo/shop/hooks', '{"config":{}}', 'not_allowed'],
    ['reading a file', 'GET', '/repos/octo/shop/contents/a.txt', undefined, 'not_allowed'],
    ['opening it again', 'PATCH', '/repos/octo/shop/pulls/1', '{"state":"open"}', 'body'],
    ['a status of the CI', 'POST', `/repos/octo/shop/statuses/${'a'.repeat(40)}`, '{"context":"ci"}', 'body'],
  ])('%s is refused before anything is sent', async (_what, method, path, body, code) => {
    const answer = await ask(desk.socketPath, method, `${desk.fake.url}${path}`, body === undefined ? {} : { body });
    expect(answer).toMatchObject({ status: 403, verdict: `refused ${code}`, text: '' });
    expect(desk.fake.calls).toEqual([]);
    expect(desk.refusals).toEqual([code]);
  });

  it('another origin never hears of it, also not one that an answer or a header leads to', async () => {
    const other = await farEnd((_heard, response) => json(response, 200, {}));
    const headers = { host: new URL(other.url).host, authorization: 'Bearer mine', 'x-forwarded-host': other.url };
    try {
      expect((await ask(desk.socketPath, 'GET', `${other.url}/user`)).verdict).toBe('refused elsewhere');
      expect(await ask(desk.socketPath, 'GET', `${desk.fake.url}/user`, { headers })).toMatchObject({ status: 200 });
      desk.fake.rename('octo/shop', 'store');
      const moved = await ask(desk.socketPath, 'GET', `${desk.fake.url}/repos/octo/shop`);
      expect(moved.status).toBe(301);
      expect(other.heard).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it('an order that has waited too long, or that says no time, is not sent', async () => {
    const address = `${desk.fake.url}/user`;
    for (const headers of [
      { [madeAtHeader]: String(monotonicMs() - 21_000), [wallHeader]: '60000' },
      { [madeAtHeader]: String(monotonicMs() - 2000), [wallHeader]: '1000' },
      { [madeAtHeader]: 'x' },
      { [wallHeader]: '' },
    ]) {
      expect((await ask(desk.socketPath, 'GET', address, { headers })).verdict).toBe('refused too_late');
    }
    expect(desk.fake.calls).toEqual([]);
  });

  it('more than any order of ours holds is not taken in', async () => {
    const body = JSON.stringify({ body: 'x'.repeat(1024 * 1024) });
    const answer = await ask(desk.socketPath, 'POST', `${desk.fake.url}/repos/octo/shop/issues/1/comments`, { body });
    expect(answer.verdict).toBe('refused body');
    expect(desk.fake.calls).toEqual([]);
  });

  it('an order that was cut off is not sent, and noise ends nothing but its own connection', async () => {
    const address = `${desk.fake.url}/repos/octo/shop/issues/1/comments`;
    const order = `${madeAtHeader}: ${monotonicMs()}\r\n${wallHeader}: 5000\r\nhost: x\r\n`;
    for (const bytes of [
      `POST ${address} HTTP/1.1\r\n${order}content-length: 100\r\n\r\n{"body":`,
      `POST ${desk.fake.gitUrl}/octo/shop.git/git-receive-pack HTTP/1.1\r\n${order}content-length: 100\r\n\r\n0077`,
      '\0\x01\x02 noise\r\n\r\n',
      `GET ${address} HTTP/1.1\r\n${order}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    ]) {
      const socket = connect(desk.socketPath);
      socket.on('error', () => undefined).resume();
      socket.end(bytes);
      await once(socket, 'close');
    }
    expect(desk.fake.calls).toEqual([]);
    expect((await ask(desk.socketPath, 'GET', `${desk.fake.url}/user`)).status).toBe(200);
  });
});

it('ends when nobody has asked for a while, and never while somebody does', async () => {
  const [busy, idle] = [createServer().listen(0, '127.0.0.1'), createServer().listen(0, '127.0.0.1')];
  const socket = new Socket();
  closeWhenIdle(busy, 50);
  busy.emit('connection', socket);
  closeWhenIdle(idle, 50);
  await once(idle, 'close');
  expect(busy.listening).toBe(true);
  socket.destroy();
  await once(busy, 'close');
});

describe('what became of it', () => {
  it('is known to be nothing where patchgit-push refused, and asked again where it came too late', async () => {
    const { forge } = desk.github;
    const pull = { title: 'x', body: 'x', base: 'main', commit: desk.commit, proposalId: 'prop_0123456789ab' };
    const no = refused(await forge.openPull(desk.repository, { ...pull, branch: 'main' }));
    expect(no.code).toBe('forge_refused');
    expect(no.message).toMatch(/^GitHub was not asked to open the pull request: patchgit-push did not send it: /);
    expect(desk.fake.calls).toEqual([]);
  });

  it('is not known where there is no answer: no socket, a socket that hangs up, an answer that is cut', async () => {
    desk.service.close();
    desk.service.closeAllConnections();
    expect(refused(await desk.github.self())).toMatchObject({ code: 'forge_unreachable' });
  });

  it('is read from an answer in one way', () => {
    expect(readVerdict(undefined)).toBeNull();
    expect(readVerdict('refused branch')).toEqual({ refused: 'branch' });
    expect(readVerdict('lost ECONNREFUSED')).toEqual({ lost: 'ECONNREFUSED' });
    // Whatever cannot be read may have been sent.
    for (const said of ['', 'refused', 'refused nonsense', 'sent', ['refused branch', 'refused branch']])
      expect(readVerdict(said)).toEqual({ lost: 'no reason given' });
  });
});

describe('what comes back', () => {
  let far: FarEnd;
  let service: Server;
  const serve = async (answer: Parameters<typeof farEnd>[0]): Promise<void> => {
    far = await farEnd(answer);
    service = pushService({ apiUrl: far.url, gitOrigin: far.url, token: farToken }).listen(`${desk.socketPath}2`);
  };
  const get = () => ask(`${desk.socketPath}2`, 'GET', `${far.url}/user`);
  afterEach(async () => {
    service.closeAllConnections();
    service.close();
    await far.close();
  });

  it('holds the credential in none of its forms, in no header and no text', async () => {
    const basic = basicOf(farToken).slice('Basic '.length);
    await serve(({ authorization }, response) => {
      json(response, 401, { message: `bad ${authorization} ${basic}` }, { etag: farToken, 'set-cookie': farToken });
    });
    const answer = await get();
    expect(far.heard[0]?.authorization).toBe(`Bearer ${farToken}`);
    expect(answer.status).toBe(401);
    for (const secret of [farToken, basic]) expect(answer.all).not.toContain(secret);
    expect(answer.all).not.toContain('set-cookie');
    expect(JSON.parse(answer.text)).toMatchObject({ message: expect.stringMatching(/^bad Bearer \*+ \*+$/) });
  });

  it('cannot pretend to be a word of patchgit-push itself', async () => {
    await serve((_heard, response) => json(response, 200, {}, { [pushHeader]: 'refused branch' }));
    expect(await get()).toMatchObject({ status: 200, verdict: null });
  });

  it('is lost, not shortened, when it is cut, packed, or never comes', async () => {
    await serve(({ path }, response) => {
      if (/\/(?:cut|torn)$/.test(path)) {
        response.writeHead(200, path.endsWith('/cut') ? { 'content-length': '100' } : {});
        response.write('{"login":', () => response.socket?.destroySoon());
      } else if (path.endsWith('/packed')) json(response, 200, {}, { 'content-encoding': 'gzip' });
      else response.socket?.destroy();
    });
    const at = (name: string) => ask(`${desk.socketPath}2`, 'GET', `${far.url}/repos/octo/shop/branches/${name}`);
    await expect(at('cut')).rejects.toThrow();
    await expect(at('torn')).rejects.toThrow();
    expect(await at('packed')).toMatchObject({ status: 502, verdict: 'lost ENCODED' });
    expect(await at('gone')).toMatchObject({ status: 502, verdict: 'lost ECONNRESET' });
  });

  it('is not waited for longer than whoever asked: then nothing is on its way any more', async () => {
    let closed = 0;
    await serve((_heard, response) => void response.once('close', () => (closed += 1)));
    const hurried = ask(`${desk.socketPath}2`, 'GET', `${far.url}/user`, { headers: { [wallHeader]: '300' } });
    expect(await hurried).toMatchObject({ verdict: 'lost ECONNRESET' });
    await until('the request has ended at its time', () => closed === 1);
    const socket = connect(`${desk.socketPath}2`);
    const order = `${madeAtHeader}: ${monotonicMs()}\r\n${wallHeader}: 60000\r\nhost: x\r\n`;
    socket.write(`GET ${far.url}/user HTTP/1.1\r\n${order}\r\n`);
    await until('the forge was asked', () => far.heard.length === 2);
    socket.destroy();
    await until('the request has ended with whoever asked', () => closed === 2);
  });
});
