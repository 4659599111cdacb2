/**
 * Helper, budget, approval and GO together, with requests in flight that outlive a kill: they land later, or never. What the
 * cloud and the forge hold is apart from what the rows say. (Rules from DESIGN section 8: one request per lease ever; after a
 * start, wait longer than a request can take before looking.)
 */
import {
  allMoneyRules,
  book,
  expire,
  moneyPromises,
  noMoney,
  passHour,
  reconcile,
  settle,
  type MoneyRules,
  type MoneySpec,
} from './money-spec.ts';
import type { Model, Move } from './model.ts';

export interface HouseSpec {
  readonly isUp: boolean;
  /** Since the last start, every request of an earlier life has had the time to land or to be lost. */
  readonly isDrained: boolean;
  /** What the lease's row says. */
  readonly lease: 'none' | 'asked' | 'alive' | 'ending';
  readonly creating: number;
  readonly machines: number;
  readonly money: MoneySpec;
  readonly proposal: 'open' | 'publishing' | 'unknown' | 'published';
  readonly publishing: number;
  readonly pulls: number;
}

export interface HouseRules extends MoneyRules {
  readonly drainsHelper: boolean;
  readonly drainsPublish: boolean;
  readonly looksBeforePublishing: boolean;
  readonly booksFirst: boolean;
}

export const allHouseRules: HouseRules = {
  ...allMoneyRules,
  drainsHelper: true,
  drainsPublish: true,
  looksBeforePublishing: true,
  booksFirst: true,
};

const start: HouseSpec = {
  isUp: true,
  isDrained: true,
  lease: 'none',
  creating: 0,
  machines: 0,
  money: noMoney,
  proposal: 'open',
  publishing: 0,
  pulls: 0,
};

const bookingsMax = 3;
const approvalsMax = 2;

export function houseModel(rules: HouseRules = allHouseRules): Model<HouseSpec> {
  return {
    start,
    moves: (house) => [
      ...worldMoves(house),
      ...(house.isUp ? [...moneyMoves(house, rules), ...helperMoves(house, rules), ...publishMoves(house, rules)] : []),
    ],
    promises: {
      'there is at most one helper': ({ machines }) => machines <= 1,
      'GO publishes at most once': ({ pulls }) => pulls <= 1,
      'a machine that is there is paid for': ({ machines, money }) => machines === 0 || holds(money) !== -1,
      ...Object.fromEntries(
        Object.entries(moneyPromises).map(([name, keeps]) => [name, (house: HouseSpec) => keeps(house.money)]),
      ),
    },
  };
}

/** The reservation of the helper: the first one that is pending. */
const holds = ({ bookings }: MoneySpec): number =>
  bookings.findIndex(({ state }) => state === 'pending' || state === 'late');

/** What happens whether the daemon runs or not. */
function worldMoves(house: HouseSpec): Move<HouseSpec>[] {
  const { creating, publishing, machines, pulls, isUp } = house;
  const moves: Move<HouseSpec>[] = [];
  if (creating > 0)
    moves.push(
      { name: 'the machine lands', to: { ...house, creating: creating - 1, machines: machines + 1 } },
      { name: 'the request for a machine is lost', to: { ...house, creating: creating - 1 } },
    );
  if (publishing > 0)
    moves.push(
      { name: 'the pull request lands', to: { ...house, publishing: publishing - 1, pulls: pulls + 1 } },
      { name: 'the request for a pull request is lost', to: { ...house, publishing: publishing - 1 } },
    );
  if (isUp) moves.push({ name: 'kill -9', to: { ...house, isUp: false, isDrained: false } });
  else moves.push({ name: 'start', to: started(house) });
  moves.push({ name: 'an approval expires', to: { ...house, money: expire(house.money) } });
  if (holds(house.money) === -1) moves.push({ name: 'an hour passes', to: { ...house, money: passHour(house.money) } });
  return moves;
}

/** Keys live in memory only: a helper of an earlier life is destroyed, never resumed. What GO began is looked up. */
function started(house: HouseSpec): HouseSpec {
  return {
    ...house,
    isUp: true,
    lease: house.lease === 'none' ? 'none' : 'ending',
    proposal: house.proposal === 'publishing' ? 'unknown' : house.proposal,
  };
}

function moneyMoves(house: HouseSpec, rules: HouseRules): Move<HouseSpec>[] {
  const { money, lease } = house;
  const moves: Move<HouseSpec>[] = [];
  const withMoney = (name: string, changed: MoneySpec | null): void => {
    if (changed !== null) moves.push({ name, to: { ...house, money: changed } });
  };
  if (money.bookings.length < bookingsMax && holds(money) === -1 && lease === 'none')
    withMoney('book a helper', book(money, 2, rules));
  if (money.bookings.length < bookingsMax && lease === 'alive') withMoney('renew', book(money, 1, rules));
  if (money.approvals.length < approvalsMax)
    withMoney('approve', { ...money, approvals: [...money.approvals, 'open'] });
  // Money that a lease holds is settled by the lease.
  if (lease === 'none') withMoney('reconcile the money', reconcile(money));
  return moves;
}

function helperMoves(house: HouseSpec, rules: HouseRules): Move<HouseSpec>[] {
  const { lease, machines, creating, money, isDrained } = house;
  const moves: Move<HouseSpec>[] = [];
  if (lease === 'none' && (holds(money) !== -1 || !rules.booksFirst) && machines + creating < 3)
    moves.push({ name: 'ask for a machine', to: { ...house, lease: 'asked', creating: creating + 1 } });
  if (lease === 'asked' && isDrained && machines > 0)
    moves.push({ name: 'it answers', to: { ...house, lease: 'alive' } });
  if (lease === 'asked' || lease === 'alive') moves.push({ name: 'end it', to: { ...house, lease: 'ending' } });
  if (lease === 'ending' && machines > 0)
    moves.push({ name: 'adopt it to destroy it', to: { ...house, machines: machines - 1 } });
  const hasSettled = !rules.drainsHelper || creating === 0;
  if (lease === 'ending' && machines === 0 && hasSettled)
    moves.push({ name: 'it is gone: post', to: { ...house, lease: 'none', money: postAll(money) } });
  if (!isDrained && (creating + house.publishing === 0 || !(rules.drainsHelper && rules.drainsPublish)))
    moves.push({ name: 'the wait is over', to: { ...house, isDrained: true } });
  return moves;
}

/** The helper's money, and its renewals, cost what was asked at most. */
function postAll(money: MoneySpec): MoneySpec {
  return money.bookings.reduce(
    (all, one, at) => (one.state === 'pending' || one.state === 'late' ? settle(all, at, 'posted', one.asked) : all),
    money,
  );
}

function publishMoves(house: HouseSpec, rules: HouseRules): Move<HouseSpec>[] {
  const { proposal, publishing, pulls, isDrained } = house;
  const moves: Move<HouseSpec>[] = [];
  const send = { ...house, proposal: 'publishing' as const, publishing: publishing + 1 };
  if (proposal === 'open') moves.push({ name: 'GO', to: send });
  if (proposal === 'publishing' && publishing === 0 && pulls > 0)
    moves.push({ name: 'GO is answered', to: { ...house, proposal: 'published' } });
  if (proposal === 'publishing') moves.push({ name: 'the answer is lost', to: { ...house, proposal: 'unknown' } });
  const mayLook = !rules.drainsPublish || (publishing === 0 && isDrained);
  if (proposal === 'unknown' && mayLook && publishing < 3) {
    if (pulls > 0 && rules.looksBeforePublishing)
      moves.push({ name: 'look up: it is there', to: { ...house, proposal: 'published' } });
    else moves.push({ name: 'look up: it is not there, send again', to: send });
  }
  return moves;
}
