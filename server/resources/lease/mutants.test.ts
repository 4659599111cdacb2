import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moneyFolder, type MoneyFolder } from '../../testing/money-record.ts';
import { mutant, type Fault } from '../../testing/mutants.ts';
import type { leaseDesk } from './desk.ts';
import { simulate } from './testing/simulate.ts';

/** As many histories as the suite runs on the real desk: a fault that takes more to be seen would not be seen there. */
const histories = 40;

let folder: MoneyFolder;
beforeAll(() => {
  folder = moneyFolder();
});
afterAll(() => folder.remove());

const one = (what: string, file: string, from: string, to: string): Fault => ({
  what,
  changes: [{ file: `lease/${file}`, from, to }],
});
const rowFirst = `if (!save(parts, lease, { move: 'ask' }, 'lease.asked')) return false;`;
const call = 'const answer = await parts.cloud.create(order);';

const faults: readonly Fault[] = [
  {
    what: 'the row is written after the call',
    changes: [
      { file: 'lease/perform.ts', from: rowFirst, to: '' },
      { file: 'lease/perform.ts', from: call, to: `${call}\n${rowFirst}` },
    ],
  },
  one(
    'the POST is sent again when its answer is lost',
    'perform.ts',
    call,
    `let answer = await parts.cloud.create(order); if (!answer.ok && answer.why.kind === 'unknown') answer = await parts.cloud.create(order);`,
  ),
  one('a lost answer is taken for a no', 'perform.ts', `answer.ok || answer.why.kind === 'unknown'`, 'answer.ok'),
  one(
    'a 404 alone is taken for gone',
    'decide.ts',
    `list.kind === 'complete' && find.kind === 'absent'`,
    `find.kind === 'absent'`,
  ),
  one('strays are forgotten', 'reconcile.ts', 'await destroyStrays(parts, list);', ''),
  one(
    'what belongs to others is destroyed',
    'names.ts',
    'parsed.install === owner.install ||',
    'parsed.install !== "" ||',
  ),
  one(
    'a destroy that does not take is not sent again',
    'decide.ts',
    `>= destroyGapMs(removal, nowMs) ? 'delete'`,
    `>= 9e15 ? 'delete'`,
  ),
  one(
    'the time from the POST to the machine is not booked',
    'perform.ts',
    'untilMs - lease.postSentAtMs',
    'untilMs - (lease.readyAtMs ?? untilMs)',
  ),
  one(
    'the money is not settled',
    'perform.ts',
    'if (costMicros > 0) parts.till.post(lease.reservationId, costMicros);',
    'if (costMicros > 0) return true;',
  ),
  one('what a stray has cost is not booked', 'reconcile.ts', 'if (micros !== null) {', 'if (micros === -1) {'),
];

describe('the simulation', () => {
  it.each(faults)('sees that $what', async (fault) => {
    const copy = mutant('server/resources', fault);
    try {
      const { leaseDesk: make } = (await copy.load('lease/desk.ts')) as { leaseDesk: typeof leaseDesk };
      const all = async (): Promise<void> => {
        for (let seed = 1; seed <= histories; seed += 1) await simulate({ seed, file: folder.newFile(), make });
      };
      await expect(all()).rejects.toThrow(/\(seed \d+\)$/);
    } finally {
      copy.remove();
    }
  });
});
