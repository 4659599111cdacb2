/**
 * A process of its own that sets money aside and books it, as fast as it can, on a database that others use too. It writes one
 * line for each thing that is committed, and waits for a line on its input before it begins.
 * Arguments: the database file, how many rounds, the cap of the hour in micro-dollars.
 */
import { readSync, writeSync } from 'node:fs';
import { systemClock } from '../adapters/system-clock.ts';
import { systemRandom } from '../adapters/system-random.ts';
import { usdFromMicros } from '#contract/money.ts';
import type { ReservationId } from '#contract/spend.ts';
import { openDatabase } from '../record/db/open.ts';
import { ledgerStore } from '../record/ledger/store.ts';
import { till } from '../resources/budget/perform.ts';
import { testBudget } from './budget.ts';
import { testJob } from './money-record.ts';
import { migrationsFolder } from './record.ts';

const [file = '', rounds = '0', cap = '0'] = process.argv.slice(2);
const clock = systemClock();
const db = openDatabase(file, migrationsFolder);
const capUsd = usdFromMicros(Number(cap));
const settings = () => ({ ...testBudget, caps: { hourUsd: capUsd, dayUsd: capUsd } });
const money = till({ db, ledger: ledgerStore(db, clock), clock, random: systemRandom(), settings });
const say = (line: string): void => void writeSync(1, `${line}\n`);

say('ready');
readSync(0, Buffer.alloc(1));
const mine: { readonly id: ReservationId; readonly micros: number }[] = [];
for (let round = 0; round < Number(rounds); round += 1) {
  const micros = 1 + ((round * 7919 + process.pid) % 997);
  const said = money.reserve({
    category: 'helper',
    purpose: 'A helper',
    jobId: testJob(round),
    proposalId: null,
    micros,
    deadlineAtMs: clock.nowMs() + 60_000,
    needs: [],
  });
  if (said.ok) {
    say(`reserved ${said.value.id}`);
    mine.push({ id: said.value.id, micros });
  } else say('refused');
  const [first] = mine;
  if (first === undefined || round % 3 === 0) continue;
  mine.shift();
  if (round % 3 === 1) money.void(first.id, 'Nothing was billed.');
  else money.post(first.id, Math.floor(first.micros / 2));
  say(`settled ${first.id}`);
}
db.close();
