/** What became of a call whose answer never came: it is asked, never guessed, and never done twice. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Problem } from '#contract/problem.ts';
import type { Result } from '../lib/result.ts';
import type { Does, Operation, Says } from '../testing/forge/faults.ts';
import { branch, done, newPull, openGitHubDesk, refused, type GitHubDesk } from './testing/github-desk.ts';
import { openPushDesk } from './testing/push-desk.ts';

let desk: GitHubDesk;
let close: () => Promise<void>;
const openHere = async (): Promise<void> => {
  const made = await openGitHubDesk({ wallMs: 1500 });
  [desk, close] = [made, made.fake.close];
};
const openApart = async (): Promise<void> => {
  const made = await openPushDesk({ wallMs: 1500 });
  [desk, close] = [made, made.close];
};
afterEach(() => close());

const nothing: Does = { kind: 'nothing' };
const asAsked: Does = { kind: 'as_asked' };
const ways: readonly (readonly [string, Does, Says])[] = [
  ['the connection is cut before it is done', nothing, { kind: 'nothing' }],
  ['the connection is cut after it is done', asAsked, { kind: 'nothing' }],
  ['a load balancer answers 502, and it is done', asAsked, { kind: 'page', status: 502 }],
  ['a load balancer answers 502, and it is not done', nothing, { kind: 'page', status: 502 }],
  ['it answers 500 as JSON, and it is done', asAsked, { kind: 'error', status: 500, message: 'Server Error' }],
  ['it answers 503 as JSON', nothing, { kind: 'error', status: 503, message: 'Service unavailable' }],
  ['the answer is cut short', asAsked, { kind: 'truncated' }],
  ['a page comes with status 200', asAsked, { kind: 'page', status: 200 }],
  ['a page comes with status 403', asAsked, { kind: 'page', status: 403 }],
  ['a page comes with status 404', nothing, { kind: 'page', status: 404 }],
  ['nothing ever comes', asAsked, { kind: 'hangs' }],
  ['the answer never ends', asAsked, { kind: 'endless' }],
];

const status = { state: 'success', description: 'ok' } as const;
type Call = (desk: GitHubDesk) => Promise<Result<unknown, Problem>>;
const writes: readonly (readonly [Operation, Call, (desk: GitHubDesk) => number])[] = [
  [
    'pulls/create',
    ({ github, repository, commit }) => github.forge.openPull(repository, newPull(commit)),
    ({ fake }) => fake.world.repository('octo/shop').pulls.length,
  ],
  [
    'pulls/update',
    ({ github, repository }) => github.forge.closePull(repository, 1),
    ({ fake }) => fake.world.repository('octo/shop').pulls.filter(({ state }) => state === 'closed').length,
  ],
  [
    'issues/create-comment',
    ({ github, repository }) => github.forge.comment(repository, { number: 1, key: 'undo-1', text: 'Undone.' }),
    ({ fake }) => fake.world.repository('octo/shop').comments.length,
  ],
  [
    'repos/create-commit-status',
    ({ github, repository, commit }) => github.forge.mark(repository, { number: 1, commit, labels: [], status }),
    ({ fake }) => Math.min(1, fake.world.repository('octo/shop').statuses.length),
  ],
];

const reads: readonly (readonly [Operation, Call])[] = [
  ['pulls/list', ({ github, repository }) => github.forge.findPull(repository, branch)],
  ['pulls/list', ({ github, repository }) => github.forge.listPulls(repository)],
  ['pulls/get', ({ github, repository }) => github.forge.getPull(repository, 1)],
  ['pulls/get', ({ github, repository }) => github.forge.closePull(repository, 1)],
  [
    'issues/list-comments',
    ({ github, repository }) => github.forge.comment(repository, { number: 1, key: 'k', text: 'x' }),
  ],
  [
    'repos/get-combined-status-for-ref',
    ({ github, repository, commit }) => github.forge.outcome(repository, { number: 1, branch, commit }, null),
  ],
  [
    'checks/list-for-ref',
    ({ github, repository, commit }) => github.forge.outcome(repository, { number: 1, branch, commit }, null),
  ],
  ['repos/get', ({ github, repository }) => github.forge.inspect(repository, 'main')],
  ['repos/get-branch', ({ github, repository }) => github.forge.inspect(repository, 'main')],
  ['users/get-authenticated', ({ github }) => github.self()],
];

describe.each([
  ['from here', openHere],
  ['through patchgit-push', openApart],
])('%s', (_way, open) => {
  beforeEach(open);

  describe.each(writes)('%s', (operation, call, count) => {
    it.each(ways)('is unknown and sent once when %s; asked again, it is there once', async (_what, does, says) => {
      if (operation !== 'pulls/create') done(await desk.github.forge.openPull(desk.repository, newPull(desk.commit)));
      desk.fake.faults.add({ on: operation, does, says });
      const no = refused(await call(desk));
      expect(no.code).toBe('forge_unreachable');
      expect(no.message).toMatch(/^GitHub was asked to .+\.$/);
      const sent = desk.fake.calls.filter((one) => one.operation === operation);
      expect(sent).toHaveLength(1);
      expect(count(desk)).toBe(does.kind === 'as_asked' ? 1 : 0);
      done(await call(desk));
      expect(count(desk)).toBe(1);
    });
  });
});

describe.each(reads)('%s', (operation, call) => {
  beforeEach(openHere);

  it('never becomes an answer when none came, and nothing is done because of it', async () => {
    done(await desk.github.forge.openPull(desk.repository, newPull(desk.commit)));
    for (const [, does, says] of ways) {
      if (says.kind === 'hangs') continue;
      desk.fake.faults.add({ on: operation, does, says });
      expect(refused(await call(desk)).code).toBe('forge_unreachable');
    }
    expect(desk.fake.faults.left()).toBe(0);
    const effects = desk.fake.calls.filter(({ method, operation: one }) => method !== 'GET' && one !== 'pulls/create');
    expect(effects).toEqual([]);
  });
});
