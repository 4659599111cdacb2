import { execFile } from 'node:child_process';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { array, assert, constantFrom, integer, option, property, record, string, tuple } from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LeaseId } from '#contract/lease.ts';
import { machineName } from '../server/resources/lease/names.ts';
import { startFakeCloud, type FakeCloud } from '../server/testing/cloud/cloud.ts';
import { openContract } from '../server/testing/cloud/contract.ts';
import { fakeClock, type FakeClock } from '../server/testing/fake-clock.ts';
import { sweepCloud } from './sweep/cloud.ts';
import { decideSweep, type Seen, type SeenMachine, type SweepRule } from './sweep/decide.ts';
import { sweep } from './sweep.ts';

const ours = '0123456789ab';
const theirs = 'ba9876543210';
const minute = 60_000;
const nowMs = 1_800_000_000_000;
const rule: SweepRule = { installs: new Set([ours]), nowMs, marginMs: 10 * minute, keepSnapshots: 2 };
const named = (install: string, deadlineAtMs: number, lease = 'cccccccccccc'): string =>
  machineName({ install, leaseId: LeaseId.parse(`lease_${lease}`), deadlineAtMs });
const nothing: Seen = { machines: [], snapshots: [], keys: [] };

describe('what a sweep takes', () => {
  const at = (minutes: number): string => named(ours, nowMs + minutes * minute);
  it.each<readonly [string, Partial<SeenMachine>, boolean]>([
    ['of ours past its deadline and the margin', { name: at(-10) }, true],
    ['of ours long past it', { name: at(-10_000) }, true],
    ['of ours past its deadline, within the margin', { name: at(-9) }, false],
    ['of ours before its deadline', { name: at(30) }, false],
    ['of ours with a deadline in years, a day old', { name: at(1e6), createdAtMs: nowMs - 1451 * minute }, true],
    ['of ours with a deadline in years, of today', { name: at(1e6), createdAtMs: nowMs - 1449 * minute }, false],
    ['of ours with a deadline in years, of unknown age', { name: at(1e6), createdAtMs: null }, false],
    ['of another installation, long past', { name: named(theirs, nowMs - 1e9) }, false],
    ['with our name in capitals', { name: at(-1000).toUpperCase() }, false],
    ['with something before our name', { name: `x${at(-1000)}` }, false],
    ['with something after our name', { name: `${at(-1000)}.example` }, false],
    ['with a line after our name', { name: `${at(-1000)}\n` }, false],
    ['with a deadline of nothing', { name: `pg-${ours}-cccccccccccc-0` }, false],
    ['with no deadline', { name: `pg-${ours}-cccccccccccc` }, false],
    ['with the name of our snapshots', { name: `patchgit-${ours}-helper-20260101` }, false],
    ['with no name', { name: '' }, false],
  ])('a machine %s', (_, machine, taken) => {
    const seen = { ...nothing, machines: [{ id: 1, name: '', createdAtMs: nowMs, ...machine }] };
    expect(decideSweep(rule, seen).map(({ id }) => id)).toEqual(taken ? [1] : []);
  });

  it('snapshots of ours beyond the newest, of each installation apart, and none of unknown age', () => {
    const snapshot = (id: number, install: string, days: number | null, name = `patchgit-${install}-helper-${id}`) => {
      return { id, name, createdAtMs: days === null ? null : nowMs - days * 86_400_000 };
    };
    const snapshots = [
      snapshot(1, ours, 9),
      snapshot(2, ours, 1),
      snapshot(3, ours, 5),
      snapshot(4, ours, null),
      snapshot(5, ours, 99, 'before the upgrade'),
      snapshot(6, ours, 99, `patchgit-${ours}-database-1`),
      ...[11, 12, 13, 14].map((id) => snapshot(id, theirs, id)),
    ];
    const taken = (installs: string[]) =>
      decideSweep({ ...rule, installs: new Set(installs) }, { ...nothing, snapshots }).map(({ id }) => id);
    expect(taken([ours])).toEqual([1]);
    expect(taken([ours, theirs])).toEqual([1, 13, 14]);
  });

  it('keys with the name of a machine of ours past its deadline', () => {
    const keys = [at(-60), at(60), `patchgit-${ours}`, named(theirs, 1000), 'laptop'].map((name, id) => ({ id, name }));
    expect(decideSweep(rule, { ...nothing, keys })).toMatchObject([{ kind: 'key', id: 0 }]);
  });

  const ms = integer({ min: nowMs - 1e10, max: nowMs + 1e10 });
  const install = constantFrom(ours, theirs, '000000000000', ours.toUpperCase());
  const lookalike = tuple(install, ms, string()).map(([who, when, junk]) => `pg-${who}-cccccccccccc-${when}${junk}`);
  const anything = array(
    record({
      name: string().chain((junk) =>
        constantFrom(junk, ...[ours, theirs].map((who) => `patchgit-${who}-helper-${junk}`)),
      ),
      createdAtMs: option(ms),
    }),
    { maxLength: 12 },
  );

  it('nothing whose name is not wholly ours, whatever it is called', () => {
    assert(
      property(array(tuple(lookalike, option(ms)), { maxLength: 12 }), anything, (alike, rest) => {
        const rows = [...alike.map(([name, createdAtMs]) => ({ name, createdAtMs })), ...rest];
        const numbered = rows.map((row, id) => ({ ...row, id: id + 1 }));
        for (const step of decideSweep(rule, { machines: numbered, snapshots: numbered, keys: numbered })) {
          const shape =
            step.kind === 'snapshot' ? `^patchgit-${ours}-helper-[\\w.-]+$` : `^pg-${ours}-[0-9a-f]{12}-[0-9]+$`;
          expect(step.name).toMatch(new RegExp(shape));
          if (step.kind !== 'key') continue;
          expect(Number(step.name.split('-')[3]) * 1000).toBeLessThanOrEqual(nowMs - rule.marginMs);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('of a part of a list nothing that it would not take of the whole', () => {
    const whole = array(record({ age: integer({ min: 0, max: 40 }), deadline: ms, isSeen: constantFrom(true, false) }));
    assert(
      property(whole, (rows) => {
        const seen = (list: typeof rows): Seen => {
          const machines = list.map(({ deadline }) => {
            return {
              id: rows.findIndex((row) => row.deadline === deadline) + 1,
              name: named(ours, deadline),
              createdAtMs: null,
            };
          });
          const snapshots = list.map((row) => {
            const id = rows.indexOf(row) + 1;
            return { id, name: `patchgit-${ours}-helper-${id}`, createdAtMs: nowMs - row.age };
          });
          return { machines, snapshots, keys: [] };
        };
        const all = decideSweep(rule, seen(rows));
        for (const step of decideSweep(rule, seen(rows.filter(({ isSeen }) => isSeen))))
          expect(all).toContainEqual(step);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a sweep of an account', () => {
  let cloud: FakeCloud;
  let clock: FakeClock;
  let printed: Readonly<Record<string, unknown>>[];
  beforeEach(async () => {
    printed = [];
    clock = fakeClock(nowMs - 60 * minute);
    cloud = await startFakeCloud({ clock, contract: openContract() });
  });
  afterEach(() => cloud.close());

  const overdue = (count: number): void => {
    for (let lease = 0; lease < count; lease += 1) {
      cloud.plant({ name: named(ours, nowMs - 20 * minute, lease.toString(16).padStart(12, '0')) });
    }
  };
  /** At `nowMs`, or later by so many minutes. */
  const swept = async (
    how: { dry?: boolean; later?: number; url?: string; wallMs?: number } = {},
  ): Promise<string[]> => {
    const at = nowMs + (how.later ?? 0) * minute;
    clock.advance(at - clock.nowMs());
    return sweep(
      sweepCloud({
        token: cloud.token,
        apiUrl: how.url ?? cloud.url,
        wallMs: how.wallMs ?? 10_000,
        signal: AbortSignal.timeout(60_000),
      }),
      {
        rule: { ...rule, nowMs: at },
        isDry: how.dry ?? false,
        machinesOnly: false,
        print: (line) => printed.push(line),
      },
    );
  };
  const names = (): string[] => cloud.alive().map(({ name }) => name);
  const removals = (): string[] => cloud.calls.filter(({ method }) => method === 'DELETE').map(({ path }) => path);

  it('destroys every overdue machine of ours on every page, running or off, and nothing else', async () => {
    const others = ['web-1', named(theirs, nowMs - 1e9), named(ours, nowMs + 30 * minute), `x-${named(ours, 1000)}`];
    for (const name of others) cloud.plant({ name, tags: [`patchgit-${ours}`] });
    overdue(230);
    const [, , , , off] = cloud.alive();
    if (off) off.status = 'off';
    expect(await swept()).toEqual([]);
    clock.advance(minute);
    expect(names()).toEqual(others);
    expect(removals()).toHaveLength(230);
    expect(printed.at(-3)).toEqual({ action: 'look', kind: 'machines', seen: 234, complete: true, overdue: 230 });
  });

  it('may run twice, and beside another', async () => {
    overdue(3);
    cloud.plant({ name: 'web-1' });
    const both = await Promise.all([swept(), swept()]);
    expect(both).toEqual([[], []]);
    expect(await swept({ later: 5 })).toEqual([]);
    expect(names()).toEqual(['web-1']);
    const before = removals().length;
    expect(await swept({ later: 6 })).toEqual([]);
    expect(removals()).toHaveLength(before);
  });

  it('only says what it would do when it is dry', async () => {
    overdue(2);
    expect(await swept({ dry: true })).toEqual([]);
    expect(removals()).toEqual([]);
    expect(printed.slice(0, 2)).toMatchObject([{ result: 'would destroy' }, { result: 'would destroy' }]);
  });

  it('destroys what it saw of a list that breaks off, and says that it was not all', async () => {
    overdue(230);
    cloud.faults.add({ on: 'list', skip: 1, says: { kind: 'page', status: 502 } });
    const troubles = await swept();
    expect(troubles).toEqual(['The list of droplets is not complete: the cloud answered 502.']);
    expect(removals()).toHaveLength(200);
    expect(await swept({ later: 5 })).toEqual([]);
    clock.advance(minute);
    expect(names()).toEqual([]);
  });

  it.each(['total', 'rows_missing', 'row_twice'] as const)('says that a list with %s is not complete', async (kind) => {
    overdue(3);
    cloud.faults.add({
      on: 'list',
      says: kind === 'total' ? { kind, offBy: 1 } : kind === 'row_twice' ? { kind } : { kind, count: 1 },
    });
    const [trouble] = await swept();
    if (kind !== 'row_twice') expect(trouble).toMatch(/^The list of droplets is not complete: it has \d rows/);
    expect(removals().length).toBeGreaterThanOrEqual(2);
  });

  it('destroys nothing and says why when the token is not good, and never takes that for an empty account', async () => {
    overdue(1);
    Object.assign(cloud.conditions, { token: 'answers_401' });
    expect((await swept())[0]).toContain('the token is not valid (401)');
    Object.assign(cloud.conditions, { token: 'answers_404' });
    expect((await swept())[0]).toContain('a token it does not know (404)');
    expect(removals()).toEqual([]);
    expect(printed.every(({ complete }) => complete === false)).toBe(true);
  });

  it('goes on after a machine that cannot be destroyed, names it, and tries it again the next time', async () => {
    overdue(3);
    cloud.faults.add({
      on: 'destroy',
      says: { kind: 'error', status: 422, id: 'unprocessable_entity', message: 'Droplet already has a pending event.' },
    });
    const troubles = await swept();
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toMatch(/^pg-\S+ \(machine \d+\) was not destroyed: the cloud answered 422\.$/);
    expect(removals()).toHaveLength(3);
    clock.advance(minute);
    expect(names()).toHaveLength(1);
    expect(await swept({ later: 5 })).toEqual([]);
    clock.advance(minute);
    expect(names()).toEqual([]);
  });

  it('takes old snapshots and leftover keys of ours', async () => {
    for (const [id, name] of [
      [71, `patchgit-${ours}-helper-20260101`],
      [72, `patchgit-${ours}-helper-20260102`],
      [73, `patchgit-${ours}-helper-20260103`],
      [74, `patchgit-${theirs}-helper-20250101`],
      [75, 'my-backup'],
    ] as const) {
      const [image] = cloud.world.images;
      if (image) cloud.world.images.push({ ...image, id, name, slug: null, type: 'snapshot', createdAtMs: id * 1e9 });
    }
    cloud.team.keys.push(
      ...[named(ours, 1000), 'laptop'].map((name, id) => ({
        id: id + 1,
        name,
        public_key: 'ssh-ed25519 AAAA',
        fingerprint: '00',
      })),
    );
    expect(await swept()).toEqual([]);
    expect(removals()).toEqual(['/v2/snapshots/71', '/v2/account/keys/1']);
  });

  it('sends its token nowhere else, and waits for no answer for ever', async () => {
    const asked: string[] = [];
    const elsewhere = await listening((request) => void asked.push(request.url ?? ''));
    overdue(1);
    cloud.faults.add({ on: 'list', says: { kind: 'redirect', status: 302, to: `${elsewhere.url}/v2/droplets` } });
    expect((await swept())[0]).toContain('the cloud answered 302');
    expect(asked).toEqual([]);
    expect((await swept({ url: elsewhere.url, wallMs: 50 }))[0]).toContain('no answer came');
    await elsewhere.close();
    await expect(swept({ url: 'http://elsewhere.example' })).rejects.toThrow('https');
  });

  it('is not stopped by a row that it cannot read', async () => {
    const rows = [
      { id: 'x', name: 5 },
      null,
      { id: '1/../../account', name: named(ours, 1000) },
      { id: 7, name: named(ours, 1000) },
    ];
    const deleted: string[] = [];
    const broken = await listening((request, answer) => {
      if (request.method === 'DELETE') deleted.push(request.url ?? '');
      answer.writeHead(request.method === 'DELETE' ? 204 : 200);
      answer.end(request.method === 'DELETE' ? undefined : JSON.stringify({ droplets: rows, meta: { total: 4 } }));
    });
    expect((await swept({ url: broken.url }))[0]).toBe(
      'The list of droplets is not complete: 3 of its rows could not be read.',
    );
    expect(deleted).toEqual(['/v2/droplets/7']);
    await broken.close();
  });
});

describe('the program', () => {
  let cloud: FakeCloud;
  beforeEach(async () => {
    cloud = await startFakeCloud({ contract: openContract() });
  });
  afterEach(() => cloud.close());
  const run = (words: string[], environment: NodeJS.ProcessEnv = {}) =>
    new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      const env = { DIGITALOCEAN_API_URL: cloud.url, PATCHGIT_SWEEP_TOKEN: cloud.token, ...environment };
      const script = join(import.meta.dirname, 'sweep.ts');
      execFile(process.execPath, [script, ...words], { env }, (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stdout, stderr }),
      );
    });

  it('destroys, prints a line of JSON for each action, ends with 0, and never shows its token', async () => {
    cloud.plant({ name: named(ours, Date.now() - 60 * minute) });
    const { code, stdout, stderr } = await run(['--install', ours]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines[0]).toMatchObject({ action: 'destroy', kind: 'machine', result: 'asked' });
    expect(lines).toHaveLength(4);
    expect(cloud.calls.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
    Object.assign(cloud.conditions, { token: 'answers_401' });
    const refused = await run([], { PATCHGIT_INSTALL: ours });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('the token is not valid (401)');
    expect(`${stdout}${refused.stdout}${refused.stderr}`).not.toContain(cloud.token);
  });

  it.each<readonly [string[], NodeJS.ProcessEnv, string]>([
    [[], {}, 'Whose machines?'],
    [['--install', ''], {}, 'is not the id'],
    [['--install', `${ours}0`], {}, 'is not the id'],
    [['--install', '.*'], {}, 'is not the id'],
    [['--install', ours, '--keep-snapshots', '0'], {}, 'from 1'],
    [['--install', ours, '--margin-minutes', '-1'], {}, '--margin-minutes'],
    [['--install', ours, '--everything'], {}, '--everything'],
    [['--install', ours], { PATCHGIT_SWEEP_TOKEN: '' }, 'There is no token'],
    [['--install', ours], { DIGITALOCEAN_API_URL: 'http://elsewhere.example' }, 'must be an https address'],
  ])('asks the cloud nothing when it is called with %j %j', async (words, environment, sentence) => {
    const { code, stderr } = await run(words, environment);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
    expect(cloud.calls).toEqual([]);
  });
});

async function listening(
  answer: RequestListener,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
