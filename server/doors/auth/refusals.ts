import type { LedgerKind } from '#contract/ledger.ts';
import type { Clock } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import { minuteMs } from './states.ts';

/**
 * Ledger entries that strangers can cause. At most one a minute of each kind, with how many it stands for, so that nobody can
 * fill the disk by knocking; the last ones of a burst are written when the minute is over.
 */
export interface Refusals {
  readonly note: (kind: LedgerKind, why: Readonly<Record<string, unknown>>, subject?: string) => void;
  /** Writes what is still held back and ends the timers. */
  readonly close: () => void;
}

interface Held {
  count: number;
  why: Readonly<Record<string, unknown>>;
  subject: string | undefined;
  readonly cancel: () => void;
}

export function refusals(db: Database, ledger: Ledger, clock: Clock): Refusals {
  const minutes = new Map<LedgerKind, Held>();
  const write = (kind: LedgerKind, { count, why, subject }: Omit<Held, 'cancel'>): void => {
    db.transaction(() =>
      ledger.append({
        kind,
        actor: 'stranger',
        ...(subject === undefined ? {} : { subject }),
        body: { ...why, count },
      }),
    );
  };
  const endMinute = (kind: LedgerKind): void => {
    const held = minutes.get(kind);
    minutes.delete(kind);
    if (!held || held.count === 0) return;
    startMinute(kind);
    write(kind, held);
  };
  const startMinute = (kind: LedgerKind): void => {
    const cancel = clock.after(minuteMs, () => endMinute(kind));
    minutes.set(kind, { count: 0, why: {}, subject: undefined, cancel });
  };
  return {
    note: (kind, why, subject) => {
      const held = minutes.get(kind);
      if (held) {
        held.count += 1;
        held.why = why;
        held.subject = subject;
        return;
      }
      startMinute(kind);
      write(kind, { count: 1, why, subject });
    },
    close: () => {
      for (const [kind, held] of minutes) {
        held.cancel();
        if (held.count > 0) write(kind, held);
      }
      minutes.clear();
    },
  };
}
