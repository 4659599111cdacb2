/** Drives a till and the plain model side by side, and says where they part (DESIGN section 7). */
import * as fc from 'fast-check';
import { RequestId } from '#contract/ids.ts';
import type { BudgetFile } from '#contract/budget.ts';
import { microsFromUsd, usdFromMicros } from '#contract/money.ts';
import type { Database } from '../record/db/open.ts';
import { openDatabase } from '../record/db/open.ts';
import { ledgerStore, type Ledger } from '../record/ledger/store.ts';
import type { Clock, Random } from '../ports.ts';
import type { Grant, Till, TillParts } from '../resources/budget/perform.ts';
import { testBudget } from './budget.ts';
import {
  inDay,
  inHour,
  judge,
  left,
  nextDateMs,
  pending,
  spent,
  type Booking,
  type MoneyModel,
  type PlacedZone,
} from './money-model.ts';
import { moneyRuns, type MoneyOp, type MoneyStep } from './money-ops.ts';
import { testJob, testProposals, type MoneyFolder } from './money-record.ts';
import { migrationsFolder } from './record.ts';

export type MakeTill = (parts: TillParts) => Till;

interface Hands {
  readonly db: Database;
  readonly ledger: Ledger;
  readonly till: Till;
}

/** One run: two tills on one file, the model, and how often something was allowed to pass a cap. */
interface Run {
  readonly model: MoneyModel;
  readonly hands: Hands[];
  readonly open: () => void;
  /** Nothing happened that may lift what is booked above a cap afterwards: a clock set back, a lower cap, another zone. */
  isPlain: boolean;
  requests: number;
}

/** The facts that a run must hold, as an error with what was seen. */
export function must(condition: boolean, what: string, seen?: unknown): asserts condition {
  if (!condition) throw new Error(`${what}: ${JSON.stringify(seen)}`);
}

/** Runs `count` random histories; throws with the shortest failing one that shrinking finds, or at once with the first. */
export async function checkTill(
  makeTill: MakeTill,
  folder: MoneyFolder,
  { count, isShrunk = true }: { readonly count: number; readonly isShrunk?: boolean },
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(moneyRuns, async ([place, steps]) => {
      await runHistory(makeTill, folder.newFile(), place, steps);
    }),
    { numRuns: count, endOnFailure: !isShrunk },
  );
}

export async function runHistory(
  makeTill: MakeTill,
  file: string,
  place: PlacedZone,
  steps: readonly MoneyStep[],
): Promise<void> {
  const run = startRun(makeTill, file, place);
  try {
    for (const [op, by] of steps) {
      const hands = run.hands[by];
      must(hands !== undefined, 'there are two tills');
      perform(run, hands, op);
      compare(run, run.hands[by] ?? hands);
    }
    compareRecord(run);
    const verdict = await run.hands[0]?.ledger.verify();
    must(verdict?.ok === true, 'the chain verifies', verdict);
  } finally {
    for (const { db } of run.hands) db.close();
  }
}

function startRun(makeTill: MakeTill, file: string, { zone, startMs }: PlacedZone): Run {
  const model: MoneyModel = { nowMs: startMs, zone, hourCap: 250_000, dayCap: 400_000, bookings: [], yeses: [] };
  const settings = (): BudgetFile => ({
    ...testBudget,
    caps: { hourUsd: usdFromMicros(model.hourCap), dayUsd: usdFromMicros(model.dayCap) },
    timeZone: model.zone,
  });
  const never = (): never => {
    throw new Error('the till sets no timers');
  };
  const clock: Clock = { nowMs: () => model.nowMs, every: never, after: never };
  let drawn = 0;
  const random: Random = {
    bytes: (count) => {
      drawn += 1;
      return Buffer.from(drawn.toString(16).padStart(count * 2, '0'), 'hex');
    },
  };
  const hands: Hands[] = [];
  const open = (): void => {
    for (const { db } of hands.splice(0)) db.close();
    for (const _ of [0, 1]) {
      const db = openDatabase(file, migrationsFolder);
      // Only this process looks at the file: whether commits survive the power going is tested elsewhere.
      db.sqlite.pragma('synchronous = off');
      const ledger = ledgerStore(db, clock);
      hands.push({ db, ledger, till: makeTill({ db, ledger, clock, random, settings }) });
    }
  };
  open();
  return { model, hands, open, isPlain: true, requests: 0 };
}

function perform(run: Run, hands: Hands, op: MoneyOp): void {
  const { model } = run;
  switch (op.op) {
    case 'reserve':
      return reserve(run, hands, op);
    case 'torn':
      return torn(hands, op);
    case 'post': {
      const one = chosen(
        model.bookings.filter(({ state }) => state === 'pending'),
        op.which,
      );
      if (one === undefined) return;
      const micros = Math.floor(one.reserved * op.share);
      hands.till.post(find(hands, one).id, micros);
      return settle(model, one, 'posted', micros);
    }
    case 'void': {
      const one = chosen(
        model.bookings.filter(({ state }) => state === 'pending'),
        op.which,
      );
      if (one === undefined) return;
      hands.till.void(find(hands, one).id, 'Nothing was billed.');
      return settle(model, one, 'voided', 0);
    }
    case 'approve':
      return approve(run, hands, op);
    case 'withdraw': {
      const yes = chosen(model.yeses, op.which);
      if (yes === undefined) return;
      const said = hands.till.withdraw(yes.id);
      must(said.ok === (yes.isWithdrawn || !yes.isUsed), 'only what is not used can be withdrawn', said);
      if (said.ok) yes.isWithdrawn = true;
      return;
    }
    case 'clock':
      return moveTo(run, model.nowMs + op.byMs);
    case 'edge':
      return toEdge(run, op);
    case 'caps':
      run.isPlain &&= op.hour >= model.hourCap && op.day >= model.dayCap;
      model.hourCap = op.hour;
      model.dayCap = op.day;
      return;
    case 'zone':
      run.isPlain &&= op.zone === model.zone;
      model.zone = op.zone;
      return;
    case 'reconcile': {
      hands.till.reconcile(() => op.isHeld);
      if (op.isHeld) return;
      const late = model.bookings.filter(
        ({ state, deadlineAtMs }) => state === 'pending' && deadlineAtMs <= model.nowMs,
      );
      for (const one of late) settle(model, one, 'posted', one.reserved);
      return;
    }
    case 'crash':
      run.open();
      return compareRecord(run);
  }
}

type Reserve = Extract<MoneyOp, { op: 'reserve' | 'torn' }>;

function askOf({ job, proposal, micros, needs, external, lastsMs }: Reserve, nowMs: number) {
  return {
    category: external ? ('external_api' as const) : ('helper' as const),
    purpose: 'Something that costs money',
    jobId: testJob(job),
    proposalId: proposal === null ? null : (testProposals[proposal] ?? null),
    micros,
    deadlineAtMs: nowMs + lastsMs,
    needs,
  };
}

function reserve(run: Run, { till }: Hands, op: Reserve): void {
  const { model } = run;
  const ask = askOf(op, model.nowMs);
  const subjects = [ask.jobId, ...(ask.proposalId === null ? [] : [ask.proposalId])];
  const needs = op.external ? [...op.needs, 'external_api' as const] : op.needs;
  const expected = judge(model, { micros: op.micros, subjects, needs });
  const said = till.reserve(ask);
  must(said.ok === expected.may, 'the verdict is what the caps say', { expected, said });
  if (!said.ok) {
    must(!expected.may && said.why.code === expected.code, 'the refusal says why', { expected, said });
    return;
  }
  const { id, approvalId } = said.value;
  must(expected.may && expected.approvals.includes(approvalId), 'it uses an approval that fits', { expected, said });
  const yes = model.yeses.find((one) => one.id === approvalId);
  if (yes !== undefined) yes.isUsed = true;
  model.bookings.push({
    id,
    reserved: op.micros,
    atMs: model.nowMs,
    deadlineAtMs: Math.max(ask.deadlineAtMs, model.nowMs),
    approval: approvalId,
    state: 'pending',
    posted: 0,
    settledAtMs: 0,
  });
  // Whatever the clock, the caps and the zone did before: what was just allowed without an approval fits under both caps.
  if (approvalId === null)
    for (const [cap, inWindow] of windows(model))
      must(spent(model, inWindow) + pending(model) <= cap, 'a reservation without approval fits under the cap', model);
}

/** A reservation in a transaction that does not come to its end. */
function torn({ db, till }: Hands, op: Reserve): void {
  const gone = new Error('the transaction ends here');
  try {
    db.transaction(() => {
      till.reserve(askOf(op, 0));
      throw gone;
    });
  } catch (error) {
    if (error !== gone) throw error;
  }
}

function approve(run: Run, { till }: Hands, op: Extract<MoneyOp, { op: 'approve' }>): void {
  const { model } = run;
  run.requests += 1;
  const requestId = RequestId.parse(`00000000-0000-4000-8000-${run.requests.toString(16).padStart(12, '0')}`);
  const subject = [testJob(0), testJob(1), ...testProposals][op.subject] ?? testJob(0);
  const grant: Grant = {
    requestId,
    subject,
    jobId: testJob(0),
    purpose: 'Something that costs money',
    needs: op.needs,
    micros: op.micros,
    by: 'laptop',
    isPinChecked: true,
  };
  const said = till.grant(grant);
  const again = till.grant(grant);
  must(said.ok && again.ok && said.value === again.value, 'an approval sent twice is one', { said, again });
  const untilMs = model.nowMs + testBudget.policy.approvalMinutes * 60_000;
  model.yeses.push({
    id: said.value,
    subject,
    needs: op.needs,
    micros: op.micros,
    fromMs: model.nowMs,
    untilMs,
    isUsed: false,
    isWithdrawn: false,
  });
}

function toEdge(run: Run, op: Extract<MoneyOp, { op: 'edge' }>): void {
  const { model } = run;
  if (op.of === 'day') return moveTo(run, nextDateMs(model) + op.offsetMs);
  const moments =
    op.of === 'expiry'
      ? model.yeses.map(({ untilMs }) => untilMs)
      : model.bookings.filter(({ state }) => state === 'posted').map(({ settledAtMs }) => settledAtMs + 60 * 60_000);
  const edge = chosen(
    moments.filter((atMs) => atMs + op.offsetMs >= model.nowMs),
    op.which,
  );
  if (edge !== undefined) moveTo(run, edge + op.offsetMs);
}

function moveTo(run: Run, nowMs: number): void {
  run.isPlain &&= nowMs >= run.model.nowMs;
  run.model.nowMs = nowMs;
}

function settle({ nowMs }: MoneyModel, one: Booking, state: 'posted' | 'voided', micros: number): void {
  one.state = state;
  one.posted = micros;
  one.settledAtMs = Math.max(nowMs, one.atMs);
}

const windows = (model: MoneyModel): readonly (readonly [number, typeof inHour])[] => [
  [model.hourCap, inHour],
  [model.dayCap, inDay],
];

function chosen<T>(from: readonly T[], which: number): T | undefined {
  return from[which % Math.max(from.length, 1)];
}

function find({ till }: Hands, { id }: Booking) {
  const row = till.reservations.reservation(id);
  must(row !== null, 'what was reserved is there', id);
  return row;
}

/** After every step: the figures on the page, and that what is past a cap was approved, or billed beyond what was asked. */
function compare({ model, isPlain }: Run, { till }: Hands): void {
  const { hour, day, approvals } = till.now();
  const open = model.yeses.filter(
    ({ isUsed, isWithdrawn, fromMs, untilMs }) =>
      !isUsed && !isWithdrawn && fromMs <= model.nowMs && model.nowMs < untilMs,
  );
  const real = {
    hour: microsFromUsd(hour.spentUsd),
    day: microsFromUsd(day.spentUsd),
    pending: microsFromUsd(hour.pendingUsd),
    left: till.leftMicros(),
    open: approvals.map(({ id }) => String(id)).toSorted(),
  };
  const plain = {
    hour: spent(model, inHour),
    day: spent(model, inDay),
    pending: pending(model),
    left: left(model),
    open: open.map(({ id }) => id).toSorted(),
  };
  must(JSON.stringify(real) === JSON.stringify(plain), 'the figures are the model', { real, plain });
  if (!isPlain) return;
  for (const [cap, inWindow] of windows(model)) {
    const counted = model.bookings.filter((one) => one.state === 'pending' || inWindow(model, one));
    const excess = counted.map((one) => {
      const counts = one.state === 'pending' ? one.reserved : one.posted;
      return one.approval === null ? Math.max(0, counts - one.reserved) : counts;
    });
    const booked = spent(model, inWindow) + pending(model);
    must(booked - excess.reduce((sum, one) => sum + one, 0) <= cap, 'only approvals and bills pass a cap', model);
  }
}

/** The rows, the ledger and the model tell the same story; no approval is used twice. */
function compareRecord({ model, hands }: Run): void {
  const [{ till, ledger } = {}] = hands;
  must(till !== undefined && ledger !== undefined, 'there are two tills');
  const rows = [...till.reservations.pages(7)].flat();
  const inRows = rows.map((row) => [row.id, row.state, row.reservedMicros, row.postedMicros ?? 0, row.approvalId]);
  const inModel = model.bookings.map((one) => [one.id, one.state, one.reserved, one.posted, one.approval]);
  must(JSON.stringify(inRows) === JSON.stringify(inModel), 'the rows are the model', { inRows, inModel });
  const used = rows.flatMap(({ approvalId }) => approvalId ?? []);
  must(new Set(used).size === used.length, 'no approval is used twice', used);
  const told = new Map<string, (string | number)[]>();
  for (const { kind, subject, body } of ledger.after(0, 10_000)) {
    if (!['spend.reserved', 'spend.posted', 'spend.voided'].includes(kind)) continue;
    const usd = typeof body['usd'] === 'number' ? microsFromUsd(body['usd']) : 0;
    const [, reserved = usd] = told.get(subject ?? '') ?? [];
    told.set(subject ?? '', [kind, reserved, kind === 'spend.posted' ? usd : 0]);
  }
  const kinds = { pending: 'spend.reserved', posted: 'spend.posted', voided: 'spend.voided' };
  const inLedger = rows.map(({ id, state, reservedMicros, postedMicros }) => [
    told.get(id),
    [kinds[state], reservedMicros, postedMicros ?? 0],
  ]);
  for (const [said, is] of inLedger)
    must(JSON.stringify(said) === JSON.stringify(is), 'the ledger tells what the rows say', { said, is });
}
