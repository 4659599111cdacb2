/** A far end that is not GitHub, or is no friend: whatever it answers, nothing of ours goes elsewhere and nothing is believed. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ObjectId } from '#contract/ids.ts';
import { ForgeRequest, PullOutcome } from '#contract/forge.ts';
import { shown } from '../testing/cloud/desk.ts';
import { branch, done, farEnd, farToken, forgeAt, json, newPull, refused, type FarEnd } from './testing/github-desk.ts';

const opened: FarEnd[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
async function far(answer: Parameters<typeof farEnd>[0]): Promise<FarEnd> {
  const end = await farEnd(answer);
  opened.push(end);
  return end;
}

const commit = ObjectId.parse('1'.repeat(40));
const time = '2026-11-21T10:00:00Z';
const pullAnswer = {
  number: 1,
  title: 'Two',
  body: null,
  state: 'open',
  merged_at: null,
  closed_at: null,
  created_at: time,
  merge_commit_sha: null,
  head: { ref: branch, sha: commit, repo: { full_name: 'octo/shop' } },
  base: { ref: 'main' },
  html_url: 'javascript:alert(1)',
};

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])(
    'with %i is followed by no call, and its address never hears of us',
    async (status) => {
      const other = await far((_heard, response) => json(response, 200, []));
      const end = await far((_heard, response) => {
        response.writeHead(status, {
          location: `${other.url}/repos/octo/shop/pulls`,
          'content-type': 'application/json',
        });
        response.end('{"message":"Moved"}');
      });
      const { github, repository } = forgeAt(end.url);
      expect(refused(await github.forge.openPull(repository, newPull(commit))).code).toBe('forge_refused');
      expect(refused(await github.forge.findPull(repository, branch)).code).toBe('forge_refused');
      expect(end.heard).toHaveLength(2);
      expect(other.heard).toEqual([]);
    },
  );

  it('in a list of pages is never followed: pages are asked for by number', async () => {
    const other = await far((_heard, response) => json(response, 200, []));
    const end = await far(({ path }, response) =>
      json(response, 200, path.includes('page=1&') || path.endsWith('page=1') ? [pullAnswer] : [], {
        link: path.includes('page=1') ? `<${other.url}/steal?page=2>; rel="next"` : '',
      }),
    );
    const { github, repository } = forgeAt(end.url);
    expect(done(await github.forge.listPulls(repository))).toHaveLength(1);
    expect(end.heard.length).toBe(2);
    expect(other.heard).toEqual([]);
  });
});

describe('answers that are none', () => {
  it.each<[string, string, string]>([
    ['nothing', '', 'application/json'],
    ['a broken type', '[]', ';;;/broken;charset'],
    ['another type', '[]', 'image/png'],
    ['half an answer', '[{"number":', 'application/json'],
    ['a number', '1e999', 'application/json'],
    ['null', 'null', 'application/json'],
    ['a list of lists', '[['.repeat(500_000), 'application/json'],
    ['a list that ends', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'application/json'],
    ['a prototype', '[{"__proto__":{"number":1}}]', 'application/json'],
    [
      'numbers that are too large',
      JSON.stringify([pullAnswer]).replace('"number":1', '"number":99999999999999999999'),
      'application/json',
    ],
    ['bytes', '\u0000\u0001\ud800', 'application/octet-stream'],
  ])('%s is forge_unreachable for a question and for an order', async (_what, body, type) => {
    const end = await far((_heard, response) => {
      response.writeHead(200, { 'content-type': type });
      response.end(body);
    });
    const { github, repository } = forgeAt(end.url);
    expect(refused(await github.forge.findPull(repository, branch)).code).toBe('forge_unreachable');
    expect(refused(await github.forge.openPull(repository, newPull(commit))).code).toBe('forge_unreachable');
    expect(end.heard).toHaveLength(2);
  });

  it('of any shape become a value of ours or a problem, and nothing else', async () => {
    let body = '';
    const end = await far((_heard, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(body);
    });
    const mutated = fc
      .tuple(fc.constantFrom(...Object.keys(pullAnswer)), fc.jsonValue())
      .map(([key, value]) => JSON.stringify({ ...pullAnswer, [key]: value }));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), mutated), async (answer) => {
        body = answer;
        const { github, repository } = forgeAt(end.url);
        const read = await github.forge.getPull(repository, 1);
        if (read.ok) expect(read.value?.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/octo\/shop\/pull\/\d+$/);
        else expect(read.why.code).toBe('forge_unreachable');
      }),
      { numRuns: 60 },
    );
  });

  it('that drip, that never begin and that never end are given up at their limits', async () => {
    const end = await far(({ path }, response) => {
      if (path.includes('/pulls/1')) return;
      response.writeHead(200, { 'content-type': 'application/json' });
      const isLarge = path.includes('/pulls/3');
      const drip = setInterval(() => response.write(isLarge ? ' '.repeat(4_000_000) : ' '), isLarge ? 1 : 50);
      response.on('close', () => clearInterval(drip));
    });
    const { github, repository } = forgeAt(end.url, { wallMs: 700 });
    const [silent, drips, large] = await Promise.all(
      [1, 2, 3].map((number) => github.forge.getPull(repository, number)),
    );
    for (const no of [silent, drips]) {
      expect(no).toMatchObject({
        why: { code: 'forge_unreachable', message: expect.stringMatching(/within 1 seconds/) },
      });
    }
    expect(large).toMatchObject({ why: { code: 'forge_unreachable', message: expect.stringMatching(/larger than/) } });
  });

  it('to an order, of another pull request than ours, are not taken for it', async () => {
    const theirs = { ...pullAnswer, head: { ...pullAnswer.head, ref: 'evil' } };
    const end = await far((_heard, response) => json(response, 201, theirs));
    const { github, repository } = forgeAt(end.url);
    expect(refused(await github.forge.openPull(repository, newPull(commit))).code).toBe('forge_unreachable');
  });

  it('to a question for our branch, of a fork or of another branch, are not ours', async () => {
    const fork = { ...pullAnswer, number: 9, head: { ...pullAnswer.head, repo: { full_name: 'mallory/shop' } } };
    const other = { ...pullAnswer, number: 8, head: { ...pullAnswer.head, ref: 'other' } };
    const gone = { ...pullAnswer, number: 7, head: { ...pullAnswer.head, repo: null } };
    const end = await far((_heard, response) => json(response, 200, [fork, other, gone, pullAnswer]));
    const { github, repository } = forgeAt(end.url);
    expect(done(await github.forge.findPull(repository, branch))?.number).toBe(1);
  });
});

describe('the token', () => {
  it('is in no log, in no problem and in no value, also when the far end says it back', async () => {
    const end = await far(({ authorization }, response) =>
      json(response, 422, { message: `You sent ${authorization}`, errors: [{ message: authorization }] }),
    );
    const { github, repository, logged } = forgeAt(end.url);
    const no = await github.forge.openPull(repository, newPull(commit));
    expect(end.heard[0]?.authorization).toContain(farToken);
    expect(shown([no, logged, github])).not.toContain(farToken);
    expect(shown([no, logged])).toContain('masked');
  });

  it('is not led astray by a proxy in the environment', async () => {
    const proxy = await far((_heard, response) => json(response, 200, []));
    const end = await far((_heard, response) => json(response, 200, []));
    const names = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'ALL_PROXY'];
    // Node reads these at its start, so it is started: as patchgit would be, by somebody who has a proxy.
    const env = { ...Object.fromEntries(names.map((name) => [name, proxy.url])), NODE_USE_ENV_PROXY: '1' };
    const file = JSON.stringify(new URL('./github-http.ts', import.meta.url).href);
    const limits = '{ wallMs: 5000, answerBytesMax: 1000 }';
    const program = `const { strictFetch } = await import(${file});
      const answer = await strictFetch('${end.url}', ${limits})('${end.url}/user', { headers: { authorization: 'x' } });
      console.log(answer.status);`;
    const ran = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { env });
    expect(ran.stdout).toBe('200\n');
    expect([proxy.heard.length, end.heard.length]).toEqual([0, 1]);
  });
});

describe('what strangers ask for', () => {
  const since = Date.parse('2026-11-20T00:00:00Z');
  const wanted = { label: 'patchgit', word: '/patchgit', sinceMs: since };
  const issue = (number: number, more: object = {}) => ({
    number,
    title: `Issue ${number}`,
    body: 'Do it',
    user: { login: 'octo' },
    created_at: `2026-11-21T10:00:0${number}Z`,
    html_url: 'javascript:alert(1)',
    ...more,
  });
  const comment = (id: number, body: string | null, more: object = {}) => ({
    id,
    body,
    user: { login: 'octo' },
    created_at: '2026-11-21T09:00:00Z',
    issue_url: 'https://api.github.com/repos/octo/shop/issues/4',
    ...more,
  });

  it('comes as issues with the label and comments with the word, oldest first, each once', async () => {
    const end = await far(({ path }, response) => {
      const url = new URL(path, 'http://x');
      const isComments = url.pathname.endsWith('/issues/comments');
      const rows = isComments
        ? [
            comment(11, '/patchgit make it so'),
            comment(12, '/patchgitty'),
            comment(13, 'please /patchgit'),
            comment(14, '  /patchgit\nmore'),
            comment(15, null),
            comment(16, '/patchgit', { issue_url: 'nowhere' }),
            comment(17, '/patchgit by nobody', { user: null }),
            comment(11, '/patchgit make it so'),
          ]
        : [issue(2), issue(1), issue(3, { pull_request: { url: 'x' } }), issue(4, { body: null, user: null })];
      json(response, 200, rows);
    });
    const { github, repository } = forgeAt(end.url);
    const found = done(await github.forge.requests(repository, wanted));
    expect(found.map(({ key, author, number }) => [key, author, number])).toEqual([
      ['comment:11', 'octo', 4],
      ['comment:14', 'octo', 4],
      ['comment:17', '', 4],
      ['issue:1', 'octo', 1],
      ['issue:2', 'octo', 2],
      ['issue:4', '', 4],
    ]);
    for (const one of found) {
      expect(ForgeRequest.parse(one).url).toMatch(
        /^http:\/\/127\.0\.0\.1:\d+\/octo\/shop\/issues\/\d(?:#issuecomment-\d+)?$/,
      );
    }
    const queries = end.heard.map(({ path }) => Object.fromEntries(new URL(path, 'http://x').searchParams));
    const order = { since: '2026-11-20T00:00:00.000Z', sort: 'updated', direction: 'desc' };
    expect(queries).toMatchObject([{ ...order, labels: 'patchgit', state: 'open' }, order]);
  });

  it('is bounded: pages, titles and texts', async () => {
    let pages = 0;
    const end = await far(({ path }, response) => {
      pages += 1;
      const rows = path.includes('/issues/comments')
        ? []
        : Array.from({ length: 30 }, (_, index) =>
            issue(1, { number: pages * 100 + index, title: 'x'.repeat(9999), body: 'y'.repeat(99_999) }),
          );
      json(response, 200, rows);
    });
    const { github, repository } = forgeAt(end.url);
    const found = done(await github.forge.requests(repository, wanted));
    expect(found).toHaveLength(300);
    expect(Math.max(...found.map(({ title }) => title.length))).toBe(500);
    expect(Math.max(...found.map(({ text }) => text.length))).toBe(65_536);
  });
});

describe('the log of a failed job', () => {
  const failedRun = {
    id: 5,
    name: 'ci',
    status: 'completed',
    conclusion: 'failure',
    app: { id: 1, slug: 'github-actions' },
  };
  const gitHub =
    (runs: readonly object[], location: () => string) =>
    (heard: { path: string }, response: Parameters<typeof json>[0]) => {
      if (heard.path.includes('/logs')) {
        response.writeHead(302, { location: location() });
        response.end();
      } else if (heard.path.includes('/check-runs'))
        json(response, 200, { total_count: runs.length, check_runs: runs });
      else if (heard.path.includes('/status')) json(response, 200, { total_count: 0, statuses: [] });
      else json(response, 200, { ...pullAnswer, comments: 0 });
    };
  const pull = { number: 1, branch, commit };

  it('is read elsewhere without our credential, its end only, and shown with the check', async () => {
    const store = await far((_heard, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.end(`${'early\n'.repeat(9000)}${farToken}\nboom at line 7\n`);
    });
    const end = await far(gitHub([failedRun], () => `${store.url}/log?sig=abc`));
    const { github, repository } = forgeAt(end.url);
    const outcome = done(await github.forge.outcome(repository, pull, null))?.outcome;
    const [check] = PullOutcome.parse(outcome).checks.failed;
    expect(check?.text).toMatch(/boom at line 7\n$/);
    expect(check?.text.length).toBeLessThanOrEqual(8000);
    expect(check?.text).not.toContain(farToken);
    expect(store.heard).toMatchObject([{ path: '/log?sig=abc', authorization: undefined }]);
  });

  it('that cannot be had leaves the check as it is', async () => {
    let location = 'file:///etc/passwd';
    const end = await far(gitHub([failedRun], () => location));
    const { github, repository } = forgeAt(end.url);
    for (location of ['file:///etc/passwd', 'http://10.0.0.1/log', 'nonsense', `${end.url.replace(/\d+$/, '1')}/log`]) {
      const outcome = done(await github.forge.outcome(repository, pull, null))?.outcome;
      expect(outcome?.checks.failed).toEqual([{ name: 'ci', conclusion: 'failure', url: null, text: '' }]);
    }
  });

  it('links of checks lead to the web or nowhere, and what does not fit is cut', async () => {
    const runs = Array.from({ length: 40 }, (_, index) => ({
      ...failedRun,
      id: index + 1,
      app: null,
      name: 'n'.repeat(999),
      details_url: index === 0 ? 'https://ci.example/1' : 'javascript:alert(1)',
      output: { title: 't', summary: 's'.repeat(99_999), text: null },
    }));
    const end = await far(gitHub(runs, () => ''));
    const { github, repository } = forgeAt(end.url);
    const checks = done(await github.forge.outcome(repository, pull, null))?.outcome.checks;
    expect(checks).toMatchObject({ state: 'failure', total: 40 });
    expect(checks?.failed).toHaveLength(20);
    expect(checks?.failed.slice(0, 2).map(({ url }) => url)).toEqual(['https://ci.example/1', null]);
    for (const { name, text } of checks?.failed ?? []) expect([name.length, text.length]).toEqual([200, 8000]);
  });
});

describe('the repositories to pick from', () => {
  it('of a token are those of GitHub alone, under addresses that are written here', async () => {
    const row = { private: true, archived: false, default_branch: 'main', permissions: { push: true } };
    const end = await far((_heard, response) =>
      json(response, 200, [
        { ...row, full_name: 'octo/shop', clone_url: `${end.url}/octo/shop.git` },
        { ...row, full_name: 'octo/evil', clone_url: 'https://evil.example/octo/evil.git' },
        { ...row, full_name: 'octo/pass', clone_url: `${end.url.replace('//', '//user:pw@')}/octo/pass.git` },
        { ...row, full_name: 'octo/up', clone_url: `${end.url}/octo/../../etc` },
        { ...row, full_name: 'octo/old', archived: true, clone_url: `${end.url}/octo/old.git` },
      ]),
    );
    const { github } = forgeAt(end.url);
    const { candidates } = done(await github.candidates(() => null));
    expect(candidates).toEqual([
      {
        name: 'octo/shop',
        url: `${end.url}/octo/shop.git`,
        defaultBranch: 'main',
        isPrivate: true,
        canPush: true,
        addedAs: null,
      },
    ]);
  });
});
