import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Budget, type BudgetFile } from '#contract/budget.ts';
import { RequestId } from '#contract/ids.ts';
import type { ReservationId } from '#contract/spend.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import { makeBackup, restoreBackup } from '../../record/backup.ts';
import { openDatabase } from '../../record/db/open.ts';
import { installId } from '../../record/install.ts';
import { ledgerStore } from '../../record/ledger/store.ts';
import { testBudget } from '../../testing/budget.ts';
import { addTestJob, moneyFolder, testJob, testProposals, type MoneyFolder } from '../../testing/money-record.ts';
import { checkTill } from '../../testing/money-suite.ts';
import { migrationsFolder, testRecord, type TestRecord } from '../../testing/record.ts';
import { till, type Ask, type Grant, type Till } from './perform.ts';

describe('the till, beside a model of plain lists and sums', () => {
  let folder: MoneyFolder;
  beforeAll(() => {
    folder = moneyFolder();
  });
  afterAll(() => folder.remove());

  it('says what the model says, and keeps the caps, in any history of money, clocks, zones, crashes and approvals', async () => {
    await checkTill(till, folder, { count: 150 });
  });
});

describe('the till', () => {
  const minuteMs = 60_000;
  let record: TestRecord;
  let budget: BudgetFile;
  let money: Till;
  beforeEach(() => {
    record = testRecord();
    addTestJob(record.db, testJob(0));
    installId(record.db, record.clock, systemRandom());
    budget = testBudget;
    money = till({ ...record, random: systemRandom(), settings: () => budget });
  });
  afterEach(() => record.close());

  const ask = (micros: number, more: Partial<Ask> = {}): Ask => ({
    category: 'helper',
    purpose: 'A helper s-1vcpu-2gb for at most 20 minutes',
    jobId: testJob(0),
    proposalId: null,
    micros,
    deadlineAtMs: record.clock.nowMs() + 20 * minuteMs,
    needs: [],
    ...more,
  });
  const grant = (micros: number, more: Partial<Grant> = {}): Grant => ({
    requestId: RequestId.parse('00000000-0000-4000-8000-000000000001'),
    subject: testJob(0),
    jobId: testJob(0),
    purpose: 'A helper',
    needs: ['over_hour_cap'],
    micros,
    by: 'laptop',
    isPinChecked: false,
    ...more,
  });
  const refusalOf = (wanted: Ask): string => {
    const said = money.reserve(wanted);
    return said.ok ? 'reserved' : `${said.why.code}: ${said.why.message}`;
  };
  const reserved = (wanted: Ask): ReservationId => {
    const said = money.reserve(wanted);
    if (!said.ok) throw new Error(said.why.message);
    return said.value.id;
  };
  const last = (): unknown => record.ledger.list({ limit: 1 }).entries[0]?.body;

  it('says what it may cost, what is left and what to do, to the last digit that matters', () => {
    reserved(ask(200_000));
    expect(refusalOf(ask(50_001))).toBe(
      "over_cap: A helper s-1vcpu-2gb for at most 20 minutes may cost $0.050001 and goes past this hour's cap. Left: $0.05 this hour, $0.80 today. Nothing was spent. Approve extra spend, or use a cheaper plan.",
    );
    expect(refusalOf(ask(50_000))).toBe('reserved');
  });

  it('asks for a yes to an external call also when nobody said that one is needed', () => {
    expect(refusalOf(ask(1, { category: 'external_api' }))).toMatch(/^approval_needed: .* calls an external API\./);
    expect(money.grant(grant(1, { needs: ['external_api'] })).ok).toBe(true);
    expect(refusalOf(ask(1, { category: 'external_api' }))).toBe('reserved');
    expect(refusalOf(ask(1, { category: 'external_api' }))).toMatch(/^approval_unusable: .*has been used already/);
  });

  it('takes an approval from before the clock was set back for none, and says so', () => {
    expect(money.grant(grant(250_000)).ok).toBe(true);
    expect(money.now().approvals).toHaveLength(1);
    record.clock.advance(-1);
    expect(money.now().approvals).toEqual([]);
    expect(refusalOf(ask(250_001))).toMatch(/later time than the clock of this machine/);
  });

  it('takes an approval for a proposal only for that proposal, and asks for the PIN above the amount that is set', () => {
    const proposal = testProposals[0] ?? null;
    if (proposal === null) throw new Error('there are proposals');
    expect(money.grant(grant(250_001))).toMatchObject({ ok: false, why: { code: 'pin_needed' } });
    expect(money.grant(grant(300_000, { subject: proposal, isPinChecked: true })).ok).toBe(true);
    expect(refusalOf(ask(300_000))).toMatch(/^over_cap/);
    expect(refusalOf(ask(300_000, { proposalId: proposal }))).toBe('reserved');
    expect(money.grant(grant(1, { needs: ['unknown_price'] }))).toMatchObject({ ok: false });
  });

  it('shows what was billed beyond what was set aside, and counts it', () => {
    const id = reserved(ask(100_000));
    money.post(id, 240_000);
    expect(last()).toMatchObject({ usd: 0.24, reservedUsd: 0.1, overrunUsd: 0.14 });
    const now = money.now();
    expect(Budget.parse(now)).toEqual(now);
    expect(now.hour).toEqual({ capUsd: 0.25, spentUsd: 0.24, pendingUsd: 0, leftUsd: 0.01 });
    expect(now.hourEasesAtMs).toBe(record.clock.nowMs() + 60 * minuteMs);
    expect(money.spentOn(testJob(0))).toBe(240_000);
    expect(() => money.post(id, 1)).toThrow(/settled once/);
    expect(() => money.void(id, 'again')).toThrow(/settled once/);
  });

  it('keeps what a lowered cap leaves at nothing, never below', () => {
    money.post(reserved(ask(200_000)), 200_000);
    budget = { ...testBudget, caps: { hourUsd: 0.1, dayUsd: 0.1 } };
    expect(money.now().hour).toMatchObject({ capUsd: 0.1, spentUsd: 0.2, leftUsd: 0 });
    expect(money.leftMicros()).toBe(0);
  });

  it('counts a reservation whose deadline is past until somebody settles it, and books all of it when nobody holds it', () => {
    const late = reserved(ask(100_000, { deadlineAtMs: 5 }));
    expect(last()).toMatchObject({ deadlineAtMs: record.clock.nowMs() });
    money.reconcile(() => true);
    expect(money.now().hour.pendingUsd).toBe(0.1);
    money.reconcile(() => false);
    money.reconcile(() => false);
    expect(money.now().hour).toMatchObject({ pendingUsd: 0, spentUsd: 0.1 });
    expect(last()).toMatchObject({ usd: 0.1, why: expect.stringContaining('not known any more') as string });
    expect(money.reservations.reservation(late)?.state).toBe('posted');
  });

  it.each([0, -1, 0.5, Number.NaN])('sets %d aside for nothing in the world', (micros) => {
    expect(() => money.reserve(ask(micros))).toThrow(/has a price/);
    expect(() => money.grant(grant(micros))).toThrow(/for an amount/);
  });

  it('in a restored backup counts what was spent and pending, and takes no approval from before', async () => {
    money.post(reserved(ask(100_000)), 90_000);
    reserved(ask(50_000));
    expect(money.grant(grant(250_000)).ok).toBe(true);
    const home = join(record.folder, 'restored');
    for (const name of ['artifacts', 'forge']) mkdirSync(join(record.folder, name), { recursive: true });
    const backup = join(record.folder, 'backup');
    expect(await makeBackup({ ...record, home: record.folder }, backup)).toMatchObject({ ok: true });
    expect(await restoreBackup(backup, home)).toMatchObject({ ok: true });
    const db = openDatabase(join(home, 'patchgit.db'), migrationsFolder);
    try {
      const ledger = ledgerStore(db, record.clock);
      const there = till({ db, ledger, clock: record.clock, random: systemRandom(), settings: () => budget });
      expect(await ledger.verify()).toMatchObject({ ok: true });
      expect(there.now().hour).toEqual(money.now().hour);
      expect(there.now().approvals).toEqual([]);
      const said = there.reserve(ask(250_000));
      expect(said.ok ? '' : said.why.message).toContain('before this installation was restored from a backup');
      expect(money.reserve(ask(250_000)).ok).toBe(true);
    } finally {
      db.close();
    }
  });
});
