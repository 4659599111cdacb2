/** What the budget page draws and hands out: spend over time, and every reservation as a table. */
import type { BudgetFile, SpendSeries } from '#contract/budget.ts';
import { usdFromMicros } from '#contract/money.ts';
import type { Clock } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import { reservationReads, type ReservationRow, type SpentSums } from './store.ts';
import { daysUntil, hourMs } from './window.ts';

export interface BudgetReads {
  /** 24 hours that end now, or the owner's last 30 calendar days, today last. Oldest first. */
  readonly series: (range: SpendSeries['range']) => SpendSeries;
  /** Every reservation as a table (RFC 4180, times as ISO 8601 in UTC), in pieces of a bounded size. */
  readonly csv: () => Generator<string>;
}

export interface BudgetReadsParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly settings: () => BudgetFile;
}

const hoursShown = 24;
const daysShown = 30;
const pageRows = 500;

export function budgetReads({ db, clock, settings }: BudgetReadsParts): BudgetReads {
  const rows = reservationReads(db);
  return {
    series: (range) => {
      const { caps, timeZone } = settings();
      const nowMs = clock.nowMs();
      const spans = range === '24h' ? hoursUntil(nowMs) : daysUntil(nowMs, timeZone, daysShown);
      // As the caps count: an hour does not hold its first moment but its last one, a day holds its first and not its last.
      const shiftMs = range === '24h' ? 0 : 1;
      const buckets = spans.map(({ startMs, endMs }, at) => {
        // What a clock that was set back shows as future counts now, so it is drawn now.
        const untilMs = at === spans.length - 1 ? Number.MAX_SAFE_INTEGER : endMs - shiftMs;
        return bucket(startMs, endMs, rows.postedBetween(startMs - shiftMs, untilMs));
      });
      return { range, buckets, capUsd: range === '24h' ? caps.hourUsd : caps.dayUsd };
    },
    csv: function* () {
      yield line(columns.map(([name]) => name));
      for (const page of rows.pages(pageRows))
        yield page.map((row) => line(columns.map(([, cell]) => cell(row)))).join('');
    },
  };
}

function hoursUntil(nowMs: number): { readonly startMs: number; readonly endMs: number }[] {
  return Array.from({ length: hoursShown }, (_, at) => {
    const endMs = nowMs - (hoursShown - 1 - at) * hourMs;
    return { startMs: endMs - hourMs, endMs };
  });
}

function bucket(fromMs: number, untilMs: number, sums: SpentSums): SpendSeries['buckets'][number] {
  return {
    fromMs,
    untilMs,
    helperUsd: usdFromMicros(sums.helper),
    externalApiUsd: usdFromMicros(sums.external_api),
  };
}

type Column = readonly [name: string, cell: (row: ReservationRow) => string | null];

const columns: readonly Column[] = [
  ['id', ({ id }) => id],
  ['state', ({ state }) => state],
  ['category', ({ category }) => category],
  ['purpose', ({ purpose }) => purpose],
  ['job', ({ jobId }) => jobId],
  ['proposal', ({ proposalId }) => proposalId],
  ['reserved_usd', ({ reservedMicros }) => amount(reservedMicros)],
  ['posted_usd', ({ postedMicros }) => (postedMicros === null ? null : amount(postedMicros))],
  ['approval', ({ approvalId }) => approvalId],
  ['reserved_at', ({ atMs }) => time(atMs)],
  ['deadline_at', ({ deadlineAtMs }) => time(deadlineAtMs)],
  ['settled_at', ({ settledAtMs }) => (settledAtMs === null ? null : time(settledAtMs))],
];

const amount = (micros: number): string => usdFromMicros(micros).toFixed(6);

function time(atMs: number): string {
  // oxlint-disable-next-line no-restricted-globals -- Writes a time that is known already.
  return new Date(atMs).toISOString();
}

function line(cells: readonly (string | null)[]): string {
  return `${cells.map((cell) => (cell === null ? '' : escaped(cell))).join(',')}\r\n`;
}

/** RFC 4180, section 2. A spreadsheet takes a cell that begins with one of these for a formula (OWASP, "CSV Injection"). */
function escaped(cell: string): string {
  const plain = /^[=+\-@\t\r\n＝＋－＠]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
