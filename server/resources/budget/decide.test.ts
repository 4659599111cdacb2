import { describe, expect, it } from 'vitest';
import { ReservationState } from '#contract/spend.ts';
import { decideReservation, overCaps, type ApprovalFacts, type MoneyFacts } from './decide.ts';
import { next, reservationStates } from './states.ts';

const money = (hourSpent: number, daySpent: number, pendingMicros: number): MoneyFacts => ({
  hour: { capMicros: 100, spentMicros: hourSpent },
  day: { capMicros: 200, spentMicros: daySpent },
  pendingMicros,
});
const approval: ApprovalFacts = {
  subject: 'job_1',
  needs: ['over_hour_cap'],
  micros: 50,
  grantedAtMs: 1000,
  expiresAtMs: 2000,
  isUsed: false,
  isWithdrawn: false,
  isRestored: false,
};
const ask = { micros: 50, subjects: ['job_1'], needs: [] };

describe('what goes past a cap', () => {
  it.each<[string, MoneyFacts, number, string[]]>([
    ['nothing spent, the whole cap', money(0, 0, 0), 100, []],
    ['one more than the cap', money(0, 0, 0), 101, ['over_hour_cap']],
    ['what is pending counts', money(0, 0, 60), 41, ['over_hour_cap']],
    ['in both windows', money(0, 150, 60), 40, ['over_day_cap']],
    ['and both may be passed', money(90, 190, 10), 1, ['over_hour_cap', 'over_day_cap']],
    ['to the last micro-dollar', money(50, 50, 25), 25, []],
  ])('%s', (_what, facts, micros, needs) => {
    expect(overCaps(micros, facts)).toEqual(needs);
  });
});

describe('an approval', () => {
  it.each<[string, Partial<ApprovalFacts>, number, string]>([
    ['is taken when it fits', {}, 1500, 'reserve'],
    ['is taken in its first moment', {}, 1000, 'reserve'],
    ['is not taken before', {}, 999, 'not_yet'],
    ['is taken in its last moment', {}, 1999, 'reserve'],
    ['is not taken after', {}, 2000, 'expired'],
    ['is not taken twice', { isUsed: true }, 1500, 'used'],
    ['is not taken back and then used', { isWithdrawn: true }, 1500, 'withdrawn'],
    ['is not taken from a backup', { isRestored: true }, 1500, 'restored'],
    ['is not taken for another thing', { subject: 'job_2' }, 1500, 'other_subject'],
    ['is not taken for more', { micros: 49 }, 1500, 'too_small'],
    ['is not taken for another need', { needs: ['over_day_cap'] }, 1500, 'other_needs'],
  ])('%s', (_what, changed, nowMs, outcome) => {
    const step = decideReservation(ask, money(80, 80, 0), { ...approval, ...changed }, nowMs);
    expect(step).toEqual(
      outcome === 'reserve'
        ? { step: 'reserve', usesApproval: true }
        : { step: 'refuse', needs: ['over_hour_cap'], approval: outcome },
    );
  });

  it('is not used up by what needs none', () => {
    expect(decideReservation(ask, money(0, 0, 0), approval, 1500)).toEqual({ step: 'reserve', usesApproval: false });
    const larger = { ...ask, needs: ['larger_helper' as const] };
    expect(decideReservation(larger, money(0, 0, 0), null, 1500)).toMatchObject({ approval: 'none' });
  });
});

describe('the states of a reservation', () => {
  it('are the ones of the contract, and only what is pending can change', () => {
    expect(Object.keys(reservationStates).toSorted()).toEqual([...ReservationState.options].toSorted());
    expect([next('pending', 'post'), next('pending', 'void')]).toEqual(['posted', 'voided']);
    for (const event of ['post', 'void'] as const)
      expect([next('posted', event), next('voided', event)]).toEqual([null, null]);
  });
});
