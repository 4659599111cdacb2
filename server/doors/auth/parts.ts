import type { Hello } from '#contract/door.ts';
import type { Clock, Random } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import { doorCookies, type DoorCookies } from './cookies.ts';
import type { PinHasher } from './pin-hash.ts';
import { refusals, type Refusals } from './refusals.ts';
import { sessionBook, type SessionBook } from './sessions.ts';
import { doorStore, type DoorStore } from './store.ts';
import { visitors, type Visitor } from './visitors.ts';

export interface DoorOptions {
  readonly db: Database;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly hasher: PinHasher;
  readonly secureCookies: boolean;
  /** Origin of one-time links, for example "http://127.0.0.1:7007". */
  readonly linkOrigin: string;
  readonly build: string;
}

/** What the door is put together from, shared by the desk for PINs and the one for devices. */
export interface DoorParts extends DoorOptions {
  readonly store: DoorStore;
  readonly cookieJar: DoorCookies;
  readonly sessions: SessionBook;
  readonly refusals: Refusals;
  readonly whoIs: WhoIs;
  readonly hello: (visitor: Pick<Visitor, 'state' | 'retryAfterMs'>) => Hello;
}

export type WhoIs = (cookies: string | undefined, purpose: 'use' | 'look') => Visitor;

/** What a visitor gets who came one step further in: what to show, and the cookies to keep. */
export interface Entered {
  readonly hello: Hello;
  readonly setCookies: readonly string[];
}

export function doorParts(options: DoorOptions): DoorParts {
  const { db, ledger, clock, random, build } = options;
  const store = doorStore(db);
  const cookieJar = doorCookies(options.secureCookies);
  return {
    ...options,
    store,
    cookieJar,
    sessions: sessionBook({ store, ledger, clock, random }),
    refusals: refusals(db, ledger, clock),
    whoIs: visitors({ db, store, clock, cookieJar }),
    hello: ({ state, retryAfterMs }) => ({ build, serverTimeMs: clock.nowMs(), door: state, retryAfterMs }),
  };
}
