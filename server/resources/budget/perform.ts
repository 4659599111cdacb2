/** The till: sets money aside before it can be spent, and books what it really cost. Every figure comes from the rows. */
import type { Budget, BudgetFile, BudgetWindow } from '#contract/budget.ts';
import type { JobId, ProposalId, RequestId } from '#contract/ids.ts';
import { usdFromMicros } from '#contract/money.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { ApprovalId, Need, Reservation, ReservationId, SpendCategory } from '#contract/spend.ts';
import { assert } from '../../lib/assert.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Clock, Random } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import { approvalStore, showApproval, type Approvals } from './approval-store.ts';
import { decideReservation, type CapFacts, type MoneyFacts } from './decide.ts';
import { capMicros } from './price.ts';
import { amountText, refusal } from './sentences.ts';
import { reservationStore, showReservation, type ReservationRow, type Reservations } from './store.ts';
import { dayOf, hourMs, hourStartMs, type Day } from './window.ts';

export interface Ask {
  readonly category: SpendCategory;
  /** In words for the owner. */
  readonly purpose: string;
  readonly jobId: JobId;
  readonly proposalId: ProposalId | null;
  /** The worst that it can cost until the deadline. */
  readonly micros: number;
  readonly deadlineAtMs: number;
  /** What needs the owner's yes whatever it costs. */
  readonly needs: readonly Need[];
}

export interface Grant {
  readonly requestId: RequestId;
  /** The job or the proposal it is for. */
  readonly subject: JobId | ProposalId;
  readonly jobId: JobId;
  readonly purpose: string;
  readonly needs: readonly Need[];
  readonly micros: number;
  readonly by: string;
  readonly isPinChecked: boolean;
}

export interface Till {
  readonly now: () => Budget;
  /** Money left in both windows, in micro-dollars; never negative. */
  readonly leftMicros: () => number;
  /**
   * Sets money aside, checked and written in one transaction. `over_cap` or `approval_needed` (with what is true now) when the
   * caps or the kind of thing need an approval that is not there; `approval_unusable` when there is one that does not fit.
   */
  readonly reserve: (ask: Ask) => Result<ReservationRow, Problem>;
  /**
   * Books what it really cost: also more than was set aside, when the cloud has billed more. It is shown and counts. Settling
   * twice is our bug and ends the process, so write what tells that it is settled in the same transaction.
   */
  readonly post: (id: ReservationId, micros: number) => void;
  /** Nothing was billed: gives all of it back. */
  readonly void: (id: ReservationId, why: string) => void;
  readonly grant: (grant: Grant) => Result<ApprovalId, Problem>;
  readonly withdraw: (id: string) => Result<null, Problem>;
  /** The newest approval for this job that can still be used, or null. */
  readonly approvalFor: (jobId: JobId) => { readonly micros: number; readonly needs: readonly Need[] } | null;
  /**
   * What a crash has left pending and nobody holds any more, is booked at its full amount once its deadline has passed: what
   * cannot be known to be free was spent. `isHeld`: its holder will settle it.
   */
  readonly reconcile: (isHeld: (reservation: ReservationRow) => boolean) => void;
  readonly spentOn: (jobId: JobId) => number;
  readonly reservations: Reservations;
}

export interface TillParts {
  readonly db: Database;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  /** budget.json as it is now. */
  readonly settings: () => BudgetFile;
  /** Why the file as it is saved now does not count. */
  readonly mistakes?: () => readonly string[];
}

const reservationsShown = 100;

export function till(parts: TillParts): Till {
  const store = reservationStore(parts.db, parts.random);
  const approvals = approvalStore(parts.db, parts.random);
  const money = moneyReader(parts, store);
  return {
    reservations: store,
    now: () => budgetNow(parts, store, approvals, money),
    leftMicros: () => {
      const { hour, day, pendingMicros } = money.facts(parts.clock.nowMs());
      return Math.max(0, Math.min(...[hour, day].map((cap) => cap.capMicros - cap.spentMicros)) - pendingMicros);
    },
    reserve: (ask) => parts.db.transaction(() => reserve(parts, { store, approvals }, money, ask)),
    post: (id, micros) =>
      parts.db.transaction(() => {
        assert(Number.isSafeInteger(micros) && micros >= 0, 'a cost is a whole number of micro-dollars');
        const row = store.reservation(id);
        assert(row !== null, 'what is posted was reserved');
        store.settle(id, 'post', micros, parts.clock.nowMs());
        note(parts, 'spend.posted', row, {
          usd: usdFromMicros(micros),
          reservedUsd: usdFromMicros(row.reservedMicros),
          ...(micros > row.reservedMicros ? { overrunUsd: usdFromMicros(micros - row.reservedMicros) } : {}),
        });
      }),
    void: (id, why) =>
      parts.db.transaction(() => {
        const row = store.reservation(id);
        assert(row !== null, 'what is voided was reserved');
        store.settle(id, 'void', null, parts.clock.nowMs());
        note(parts, 'spend.voided', row, { reservedUsd: usdFromMicros(row.reservedMicros), why });
      }),
    grant: (grant) => parts.db.transaction(() => giveApproval(parts, approvals, grant)),
    approvalFor: (jobId) =>
      approvals
        .forSubjects([jobId])
        .find((one) => !one.isUsed && !one.isWithdrawn && parts.clock.nowMs() < one.expiresAtMs) ?? null,
    withdraw: (id) => parts.db.transaction(() => withdraw(parts, approvals, id)),
    reconcile: (isHeld) => {
      for (const { id } of store.pendingRows()) {
        parts.db.transaction(() => {
          const nowMs = parts.clock.nowMs();
          // Read again inside: another process may have settled it meanwhile.
          const row = store.reservation(id);
          if (row?.state !== 'pending' || nowMs < row.deadlineAtMs || isHeld(row)) return;
          store.settle(row.id, 'post', row.reservedMicros, nowMs);
          const why = 'What it really cost is not known any more, so all of it counts as spent.';
          note(parts, 'spend.posted', row, {
            usd: usdFromMicros(row.reservedMicros),
            reservedUsd: usdFromMicros(row.reservedMicros),
            why,
          });
        });
      }
    },
    spentOn: (jobId) => store.ofJob(jobId).reduce((sum, row) => sum + (row.postedMicros ?? 0), 0),
  };
}

interface MoneyReader {
  readonly facts: (nowMs: number) => MoneyFacts;
  readonly day: (nowMs: number) => Day;
}

function moneyReader({ settings }: TillParts, store: Reservations): MoneyReader {
  let known: { readonly zone: string; readonly day: Day } | null = null;
  const day = (nowMs: number): Day => {
    const zone = settings().timeZone;
    const holds = known !== null && known.zone === zone && nowMs >= known.day.startMs && nowMs < known.day.endMs;
    // Finding where a day begins takes a hundred look-ups in the zone's table.
    if (!holds || known === null) known = { zone, day: dayOf(nowMs, zone) };
    return known.day;
  };
  const facts = (nowMs: number): MoneyFacts => {
    const { caps } = settings();
    return {
      hour: { capMicros: capMicros(caps.hourUsd), spentMicros: store.postedAfter(hourStartMs(nowMs)) },
      // The first moment of the day is part of it.
      day: { capMicros: capMicros(caps.dayUsd), spentMicros: store.postedAfter(day(nowMs).startMs - 1) },
      pendingMicros: store.pending(),
    };
  };
  return { facts, day };
}

interface Rows {
  readonly store: Reservations;
  readonly approvals: Approvals;
}

function reserve(
  parts: TillParts,
  { store, approvals }: Rows,
  reader: MoneyReader,
  ask: Ask,
): Result<ReservationRow, Problem> {
  assert(
    Number.isSafeInteger(ask.micros) && ask.micros > 0,
    'what is reserved has a price: an unknown one is not free',
  );
  assert(!ask.needs.includes('unknown_price'), 'a price that is not known cannot be set aside');
  const nowMs = parts.clock.nowMs();
  const money = reader.facts(nowMs);
  // An external call needs the owner's yes each time (DESIGN section 2), also when whoever asks forgot to say so.
  const needs: readonly Need[] = ask.category === 'external_api' ? [...ask.needs, 'external_api'] : ask.needs;
  const subjects = [ask.jobId, ...(ask.proposalId === null ? [] : [ask.proposalId])];
  const given = approvals.forSubjects(subjects);
  const verdicts = [null, ...given].map((approval) => ({
    approval,
    step: decideReservation({ micros: ask.micros, subjects, needs }, money, approval, nowMs),
  }));
  const taken = verdicts.find(({ step }) => step.step === 'reserve');
  if (taken === undefined) {
    // The newest approval is the one the owner thinks of.
    const { step } = verdicts[1] ?? verdicts[0] ?? {};
    assert(step?.step === 'refuse', 'what is not reserved is refused');
    const why = refusal(ask, money, step.needs, step.approval);
    const body = { category: ask.category, purpose: ask.purpose, usd: usdFromMicros(ask.micros), problem: why };
    parts.ledger.append({ kind: 'spend.refused', actor: 'system', subject: ask.jobId, jobId: ask.jobId, body });
    return no(why);
  }
  const { category, purpose, jobId, proposalId, deadlineAtMs } = ask;
  const id = store.addReservation({
    category,
    purpose,
    jobId,
    proposalId,
    reservedMicros: ask.micros,
    approvalId: taken.approval?.id ?? null,
    atMs: nowMs,
    deadlineAtMs: Math.max(deadlineAtMs, nowMs),
  });
  const row = store.reservation(id);
  assert(row !== null, 'what was just written is there');
  note(parts, 'spend.reserved', row, {
    usd: usdFromMicros(ask.micros),
    approvalId: row.approvalId,
    deadlineAtMs: row.deadlineAtMs,
  });
  return ok(row);
}

function giveApproval(parts: TillParts, store: Approvals, grant: Grant): Result<ApprovalId, Problem> {
  assert(Number.isSafeInteger(grant.micros) && grant.micros > 0, 'an approval is for an amount');
  const { policy } = parts.settings();
  const before = store.ofRequest(grant.requestId);
  if (before !== null) {
    const same = before.subject === grant.subject && before.micros === grant.micros;
    return same
      ? ok(before.id)
      : no(problem('id_conflict', 'This id was used for another approval. Nothing was approved.'));
  }
  if (grant.needs.includes('unknown_price')) {
    const message = 'Its price is not known, and an unknown price is not free. Type the price first, then approve.';
    return no(problem('price_unknown', message));
  }
  if (grant.micros > capMicros(policy.askPinAboveUsd) && !grant.isPinChecked) {
    return no(
      problem('pin_needed', `Type your PIN to approve more than ${amountText(capMicros(policy.askPinAboveUsd))}.`),
    );
  }
  const nowMs = parts.clock.nowMs();
  const { requestId, subject, purpose, needs, micros, by, jobId } = grant;
  const expiresAtMs = nowMs + policy.approvalMinutes * 60_000;
  const id = store.add({ requestId, subject, purpose, needs, micros, by, grantedAtMs: nowMs, expiresAtMs });
  const body = { approvalId: id, usd: usdFromMicros(micros), purpose, needs, by, expiresAtMs };
  parts.ledger.append({ kind: 'spend.approved', actor: 'owner', subject, jobId, body });
  return ok(id);
}

function withdraw(parts: TillParts, store: Approvals, id: string): Result<null, Problem> {
  const row = store.find(id);
  if (row === null) return no(problem('not_found', 'There is no such approval.'));
  if (row.isWithdrawn) return ok(null);
  if (row.isUsed) return no(problem('approval_unusable', 'This approval has been used already; stop the job instead.'));
  store.withdraw(row.id, parts.clock.nowMs());
  const body = { approvalId: row.id, usd: usdFromMicros(row.micros) };
  parts.ledger.append({ kind: 'spend.withdrawn', actor: 'owner', subject: row.subject, body });
  return ok(null);
}

function note(
  { ledger }: TillParts,
  kind: 'spend.reserved' | 'spend.posted' | 'spend.voided',
  row: ReservationRow,
  body: Record<string, unknown>,
): void {
  const { id, category, purpose, proposalId } = row;
  ledger.append({
    kind,
    actor: 'system',
    subject: id,
    ...(row.jobId === null ? {} : { jobId: row.jobId }),
    body: { category, purpose, proposalId, ...body },
  });
}

function budgetNow(
  { clock, settings, mistakes = () => [] }: TillParts,
  store: Reservations,
  approvals: Approvals,
  money: MoneyReader,
): Budget {
  const nowMs = clock.nowMs();
  const { hour, day, pendingMicros } = money.facts(nowMs);
  const shown = ({ capMicros, spentMicros }: CapFacts): BudgetWindow => ({
    capUsd: usdFromMicros(capMicros),
    spentUsd: usdFromMicros(spentMicros),
    pendingUsd: usdFromMicros(pendingMicros),
    leftUsd: usdFromMicros(Math.max(0, capMicros - spentMicros - pendingMicros)),
  });
  const first = store.firstPostedAfter(hourStartMs(nowMs));
  const reservations: Reservation[] = store.list(reservationsShown).map(showReservation);
  return {
    hour: shown(hour),
    day: shown(day),
    timeZone: settings().timeZone,
    dayEndsAtMs: money.day(nowMs).endMs,
    hourEasesAtMs: first === null ? null : first + hourMs,
    reservations,
    mistakes: [...mistakes()],
    approvals: approvals.open(nowMs).map((row) => showApproval(row, nowMs)),
    asOfMs: nowMs,
  };
}
