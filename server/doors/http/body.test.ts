import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHouse, type Answer, type House } from './test-house.ts';
import { testRoutes } from './test-routes.ts';

let house: House;
let ran: string[] = [];

beforeEach(async () => {
  ran = [];
  house = await openHouse({ routes: [testRoutes(ran)] });
});
afterEach(() => house.shut());

const own = (): Record<string, string> => ({
  origin: house.origin,
  'x-patchgit': '1',
  'content-type': 'application/json',
});

describe('a body', () => {
  it.each([
    ['{"text":', 'The body is not JSON'],
    ['', 'The body is not JSON'],
    ['[]', 'The body of this request is not right. expected object, received array.'],
    [
      '{"text":1,"tags":[1,"x"],"extra":1,"more":2}',
      'text: expected string, received number; tags.1: expected number, received string; Unrecognized keys: "extra", "more".',
    ],
    ['{"text":"12345678901"}', 'text: Too big: expected string to have <=10 characters.'],
    ['{"text":"a","__proto__":{"admin":true}}', 'Unrecognized key: "__proto__"'],
    [Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 'The body is not UTF-8 text.'],
  ])('that is wrong is refused with every mistake and its place: %s', async (body, sentence) => {
    const page = await house.signedIn();
    const answer = await page.send('/api/notes', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(answer).toMatchObject({
      status: 400,
      json: { code: 'invalid_body', requestId: expect.stringMatching(/^[0-9a-f]{16}$/) },
    });
    expect(answer.json['message']).toContain(sentence);
    expect(ran).toEqual([]);
  });

  it('of raw bytes arrives exactly, up to its limit', async () => {
    const page = await house.signedIn();
    const body = Buffer.alloc(10 * 1024 * 1024, '\r\n\0\xff', 'latin1');
    const answer = await page.send('/api/raw', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/octet-stream' },
    });
    expect(answer.json).toEqual({ bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') });
  });

  it.each([
    ['with its length said before', '/api/raw', 'application/octet-stream', false, 'patch_too_large'],
    ['without saying so', '/api/raw', 'application/octet-stream', true, 'patch_too_large'],
    ['as JSON', '/api/large', 'application/json', true, 'payload_too_large'],
    ['to a small route', '/api/notes', 'application/json', false, 'payload_too_large'],
  ])('of 50 MB is refused and the client sees the answer: %s', async (_what, path, type, chunked, code) => {
    const page = await house.signedIn();
    const before = process.memoryUsage().arrayBuffers;
    const headers = { ...own(), 'content-type': type, cookie: page.cookieHeader() };
    const answer = await upload(path, headers, 50 * 1024 * 1024, chunked);
    expect(answer).toMatchObject({ status: 413, json: { code } });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40 * 1024 * 1024);
    expect((await page.get('/api/devices')).status).toBe(200);
  });

  it('of 50 MB from a stranger is not read for a route of the owner’s, and refused politely all the same', async () => {
    const headers = { ...own(), 'content-type': 'application/octet-stream' };
    expect(await upload('/api/raw', headers, 50 * 1024 * 1024, true)).toMatchObject({ status: 401 });
    expect(await upload('/api/raw', {}, 50 * 1024 * 1024, true)).toMatchObject({ status: 403 });
  });

  it('that nobody asked for is refused', async () => {
    const page = await house.signedIn();
    expect((await page.post('/api/devices/links', {})).status).toBe(200);
    expect((await page.post('/api/devices/links', { by: 'me' })).json).toMatchObject({ code: 'invalid_body' });
  });
});

function upload(
  path: string,
  headers: Record<string, string>,
  bytes: number,
  chunked: boolean,
): Promise<Pick<Answer, 'status' | 'json'>> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port: house.port,
        path,
        method: 'POST',
        agent: false,
        headers: { ...headers, ...(chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': bytes }) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          // Looked into by the test that asked.
          resolve({
            status: response.statusCode ?? 0,
            json: JSON.parse(Buffer.concat(chunks).toString()) as Answer['json'],
          }),
        );
      },
    );
    request.on('error', reject);
    const piece = Buffer.alloc(256 * 1024, 'x');
    let left = bytes;
    const more = (): void => {
      while (left > 0) {
        left -= piece.length;
        if (!request.write(piece)) return void request.once('drain', more);
      }
      request.end();
    };
    more();
  });
}
