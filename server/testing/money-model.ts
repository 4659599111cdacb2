/**
 * The caps in their plainest form: lists and sums, written from DESIGN section 7 and sharing no code with the till. What it
 * says, the till must say.
 */
import type { Need } from '#contract/spend.ts';

export interface Booking {
  readonly id: string;
  readonly reserved: number;
  readonly atMs: number;
  readonly deadlineAtMs: number;
  readonly approval: string | null;
  state: 'pending' | 'posted' | 'voided';
  posted: number;
  settledAtMs: number;
}

export interface Yes {
  readonly id: string;
  readonly subject: string;
  readonly needs: readonly Need[];
  readonly micros: number;
  readonly fromMs: number;
  readonly untilMs: number;
  isUsed: boolean;
  isWithdrawn: boolean;
}

export interface MoneyModel {
  nowMs: number;
  zone: string;
  hourCap: number;
  dayCap: number;
  readonly bookings: Booking[];
  readonly yeses: Yes[];
}

export interface Wanted {
  readonly micros: number;
  readonly subjects: readonly string[];
  readonly needs: readonly Need[];
}

export type Verdict =
  | { readonly may: true; readonly approvals: readonly (string | null)[] }
  | { readonly may: false; readonly code: 'over_cap' | 'approval_needed' | 'approval_unusable' };

const formats = new Map<string, Intl.DateTimeFormat>();

/** "2026-11-20", as a calendar on the owner's wall shows it. */
export function wallDate(atMs: number, zone: string): string {
  const format = formats.get(zone) ?? new Intl.DateTimeFormat('en-CA', { timeZone: zone });
  formats.set(zone, format);
  return format.format(atMs);
}

export const inHour = (model: MoneyModel, { state, settledAtMs }: Booking): boolean =>
  state === 'posted' && model.nowMs - settledAtMs < 60 * 60 * 1000;
export const inDay = (model: MoneyModel, { state, settledAtMs }: Booking): boolean =>
  state === 'posted' && wallDate(settledAtMs, model.zone) >= wallDate(model.nowMs, model.zone);

export function spent(model: MoneyModel, inWindow: typeof inHour): number {
  return model.bookings.filter((one) => inWindow(model, one)).reduce((sum, { posted }) => sum + posted, 0);
}

export function pending(model: MoneyModel): number {
  return model.bookings.filter(({ state }) => state === 'pending').reduce((sum, { reserved }) => sum + reserved, 0);
}

export function left(model: MoneyModel): number {
  const hour = model.hourCap - spent(model, inHour) - pending(model);
  const day = model.dayCap - spent(model, inDay) - pending(model);
  return Math.max(0, Math.min(hour, day));
}

export function judge(model: MoneyModel, wanted: Wanted): Verdict {
  const overHour = spent(model, inHour) + pending(model) + wanted.micros > model.hourCap;
  const overDay = spent(model, inDay) + pending(model) + wanted.micros > model.dayCap;
  const needs: Need[] = [...wanted.needs];
  if (overHour) needs.push('over_hour_cap');
  if (overDay) needs.push('over_day_cap');
  if (needs.length === 0) return { may: true, approvals: [null] };
  const about = model.yeses.filter(({ subject }) => wanted.subjects.includes(subject));
  const fits = about.filter(
    (yes) =>
      !yes.isUsed &&
      !yes.isWithdrawn &&
      yes.fromMs <= model.nowMs &&
      model.nowMs < yes.untilMs &&
      wanted.micros <= yes.micros &&
      needs.every((need) => yes.needs.includes(need)),
  );
  if (fits.length > 0) return { may: true, approvals: fits.map(({ id }) => id) };
  if (about.length > 0) return { may: false, code: 'approval_unusable' };
  return { may: false, code: overHour || overDay ? 'over_cap' : 'approval_needed' };
}

/** The first millisecond of the next date on the wall, found by looking. */
export function nextDateMs(model: MoneyModel): number {
  const today = wallDate(model.nowMs, model.zone);
  const isLater = (atMs: number): boolean => wallDate(atMs, model.zone) > today;
  let late = model.nowMs;
  while (!isLater(late)) late += 60 * 60 * 1000;
  let early = model.nowMs;
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2);
    if (isLater(middle)) late = middle;
    else early = middle;
  }
  return late;
}

export interface PlacedZone {
  readonly zone: string;
  /** A few hours before its clocks do something odd. */
  readonly startMs: number;
}

/** Days of 23 and 25 hours, midnights that are skipped or come twice, half an hour, and a day that never was. */
export const oddZones: readonly PlacedZone[] = (
  [
    ['UTC', '2027-01-15T08:00:00Z'],
    ['Europe/Berlin', '2026-03-28T20:00:00Z'],
    ['Europe/Berlin', '2026-10-24T20:00:00Z'],
    ['America/Sao_Paulo', '2017-10-14T22:00:00Z'],
    ['America/Sao_Paulo', '2018-02-17T20:00:00Z'],
    ['Africa/Cairo', '2026-04-23T18:00:00Z'],
    ['Africa/Cairo', '2026-10-29T18:00:00Z'],
    ['Asia/Beirut', '2026-03-28T18:00:00Z'],
    ['Asia/Beirut', '2026-10-24T18:00:00Z'],
    ['America/Havana', '2026-10-31T22:00:00Z'],
    ['Australia/Lord_Howe', '2026-10-03T06:00:00Z'],
    ['Pacific/Apia', '2011-12-30T02:00:00Z'],
    ['Pacific/Kiritimati', '1994-12-30T20:00:00Z'],
    ['Asia/Kathmandu', '2026-11-20T16:00:00Z'],
  ] as const
).map(([zone, start]) => ({ zone, startMs: Date.parse(start) }));
