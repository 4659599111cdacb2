import { get } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AuditPage } from '#contract/api.ts';
import { LedgerEntry } from '#contract/ledger.ts';
import { linkHash } from '../../record/ledger/chain.ts';
import { openHouse, type Browser, type House } from './test-house.ts';

let house: House;
let page: Browser;

beforeEach(async () => {
  house = await openHouse();
  page = await house.signedIn();
});
afterEach(() => house.shut());

function append(count: number, characters = 10): void {
  const body = { text: 'x'.repeat(characters) };
  house.db.transaction(() => {
    for (let index = 0; index < count; index += 1) {
      house.ledger.append({ kind: 'job.queued', actor: 'owner', subject: `job_${index}`, body });
    }
  });
}

it('lists the ledger, newest first, by filter', async () => {
  append(5);
  const answer = (await page.get('/api/audit?kind=job.queued&limit=2')).json;
  expect(answer).toMatchObject({
    entries: [{ subject: 'job_4' }, { subject: 'job_3' }],
    more: true,
    head: house.ledger.head(),
  });
  expect((await page.get('/api/audit?kind=no.such')).json).toMatchObject({
    code: 'invalid_query',
    message: expect.stringMatching(/kind: /),
  });
  expect((await page.get('/api/audit/verify')).json).toMatchObject({ ok: true, entries: house.ledger.head() });
});

const token = `ghp_${'aB3'.repeat(12)}`;

it('masks what has the shape of a credential, says so, and verifies the chain over what was written', async () => {
  const body = { name: `${token}.txt`, files: [{ path: `keys/${token}` }], [token]: 1, lines: 3 };
  house.db.transaction(() => {
    house.ledger.append({ kind: 'job.patched', actor: 'system', subject: 'job_1', body });
    house.ledger.append({ kind: 'job.queued', actor: 'owner', subject: 'job_1', body: { name: 'no secret' } });
  });
  const shown = await page.get('/api/audit?subject=job_1');
  expect(shown.text).not.toContain(token);
  const mask = '[masked: GitHub token]';
  const [plain, masked] = (shown.json as AuditPage).entries;
  expect(masked).toMatchObject({
    isMasked: true,
    body: { name: `${mask}.txt`, files: [{ path: `keys/${mask}` }], [mask]: 1, lines: 3 },
  });
  expect(plain).toMatchObject({ body: { name: 'no secret' } });
  expect(plain).not.toHaveProperty('isMasked');
  expect((await page.get('/api/audit/verify')).json).toMatchObject({ ok: true, entries: house.ledger.head() });
  // What is exported is what was written: its hashes can be computed by anybody.
  const lines = (await page.get('/api/audit/export')).text.trimEnd().split('\n');
  for (const line of lines) {
    const {
      seq,
      atMs,
      kind,
      actor,
      subject,
      jobId,
      body: written,
      prevHash,
      hash,
    } = LedgerEntry.parse(JSON.parse(line));
    const link = { seq, at_ms: atMs, kind, actor, subject, job_id: jobId, prev_hash: prevHash };
    expect(linkHash({ ...link, body: JSON.stringify(written) })).toBe(hash);
  }
  expect(lines.join()).toContain(token);
});

it('exports every entry as a line, also when there are many', async () => {
  append(2500);
  const answer = await page.get('/api/audit/export');
  expect(answer.headers['content-type']).toBe('application/jsonl; charset=utf-8');
  const lines = answer.text.trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual(
    Array.from({ length: house.ledger.head() }, (_, index) => index + 1),
  );
});

it('takes a client that stops reading an export for what it is, and not for a failure', async () => {
  append(3000, 5000);
  const headers = { cookie: page.cookieHeader() };
  await new Promise<void>((resolve) => {
    const request = get({ host: '127.0.0.1', port: house.port, path: '/api/audit/export', headers }, (response) => {
      response.once('data', () => {
        response.destroy();
        resolve();
      });
    });
    request.on('error', () => resolve());
  });
  while (house.openConnections() > 0) await nextTurn();
  expect((await page.get('/api/devices')).status).toBe(200);
  expect(house.logged).toEqual([]);
});

it('gives evidence as text that can never become a page of ours', async () => {
  const evil = '<script>alert(1)</script>\u001b[2J';
  const { sha256 } = await house.artifacts.keep(evil, 'text/html');
  const answer = await page.get(`/api/artifacts/${sha256}`);
  expect(answer.text).toBe(evil);
  expect(answer.headers).toMatchObject({
    'content-type': 'text/plain; charset=utf-8',
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  expect(answer.headers['content-disposition']).toBeUndefined();
  const saved = await page.get(`/api/artifacts/${sha256}?download`);
  expect(saved.headers['content-disposition']).toBe(`attachment; filename="${sha256.slice(0, 12)}.txt"`);
  for (const path of ['0'.repeat(64), 'x', '..%2f..%2fpatchgit.db', sha256.toUpperCase()]) {
    expect((await page.get(`/api/artifacts/${path}`)).status).toBe(404);
  }
});
