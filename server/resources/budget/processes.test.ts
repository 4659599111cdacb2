import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { microsFromUsd } from '#contract/money.ts';
import { fakeClock } from '../../testing/fake-clock.ts';
import { moneyFolder, type MoneyFolder } from '../../testing/money-record.ts';
import { migrationsFolder } from '../../testing/record.ts';
import { openDatabase } from '../../record/db/open.ts';
import { ledgerStore } from '../../record/ledger/store.ts';
import { reservationReads } from './store.ts';

let folder: MoneyFolder;
beforeAll(() => {
  folder = moneyFolder();
});
afterAll(() => folder.remove());

const program = new URL('../../testing/till-child.ts', import.meta.url).pathname;
const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

interface Child {
  readonly process: ChildProcess;
  readonly lines: string[];
  /** Waits until it has said so many lines, or has ended. */
  readonly said: (count: number) => Promise<void>;
  readonly start: () => void;
  readonly ended: Promise<unknown>;
}

function startChild(file: string, rounds: number, capMicros: number): Child {
  const child = spawn(process.execPath, [program, file, `${rounds}`, `${capMicros}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.add(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const ended = Promise.all([once(child, 'exit'), once(reader, 'close')]);
  let wake = (): void => undefined;
  reader.on('line', (line) => {
    lines.push(line);
    wake();
  });
  return {
    process: child,
    lines,
    said: async (count) => {
      while (lines.length < count && child.exitCode === null && child.signalCode === null)
        await Promise.race([ended, new Promise<void>((resolve) => (wake = resolve))]);
    },
    start: () => child.stdin.write('\n'),
    ended,
  };
}

/** The rows, what the ledger tells about each, and the verdict on its chain. */
async function look(file: string) {
  const db = openDatabase(file, migrationsFolder);
  const ledger = ledgerStore(db, fakeClock());
  try {
    expect(db.sqlite.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(await ledger.verify()).toMatchObject({ ok: true });
    const rows = [...reservationReads(db).pages(100)].flat();
    const entries = ledger.after(0, 100_000);
    const told = entries.filter(({ kind }) => ['spend.reserved', 'spend.posted', 'spend.voided'].includes(kind));
    return { rows, entries, told };
  } finally {
    db.close();
  }
}

describe('several processes on one database', () => {
  it('never pass the cap together, at no moment of the whole history', async () => {
    const file = folder.newFile();
    const capMicros = 6_000;
    const all = [1, 2, 3].map(() => startChild(file, 60, capMicros));
    await Promise.all(all.map(({ said }) => said(1)));
    for (const { start } of all) start();
    await Promise.all(all.map(({ ended }) => ended));
    expect(all.map((one) => one.process.exitCode)).toEqual([0, 0, 0]);
    const { rows, told } = await look(file);
    const refused = all.flatMap(({ lines }) => lines).filter((line) => line === 'refused').length;
    expect(refused).toBeGreaterThan(10);
    expect(rows.length + refused).toBe(180);
    // The ledger is the order in which it happened, and every step of it is under the cap.
    const counts = new Map<string | null, number>();
    let most = 0;
    for (const { kind, subject, body } of told) {
      counts.set(subject, kind === 'spend.voided' ? 0 : microsFromUsd(Number(body['usd'])));
      most = Math.max(
        most,
        [...counts.values()].reduce((sum, micros) => sum + micros, 0),
      );
    }
    expect(most).toBeLessThanOrEqual(capMicros);
    expect(most).toBeGreaterThan(capMicros - 1000);
  });
});

describe('a process that is killed while it sets money aside and books it', () => {
  it.each([2, 9, 23, 40, 77])('leaves nothing half done, at line %i', async (line) => {
    const file = folder.newFile();
    const child = startChild(file, 1_000_000, 1_000_000_000);
    await child.said(1);
    child.start();
    await child.said(line);
    child.process.kill('SIGKILL');
    await child.ended;
    const { rows, entries, told } = await look(file);
    const acknowledged = child.lines.filter((said) => said.startsWith('reserved ') || said.startsWith('settled '));
    // What it said was done is there; at most the one that it could not say any more is there too.
    expect(told.length - acknowledged.length).toBeGreaterThanOrEqual(0);
    expect(told.length - acknowledged.length).toBeLessThanOrEqual(1);
    expect(told.slice(0, acknowledged.length).map(({ kind, subject }) => `${kind} ${subject}`)).toEqual(
      acknowledged.map((said, at) => `${told[at]?.kind} ${said.split(' ')[1]}`),
    );
    for (const row of rows) {
      const own = entries.filter(({ subject }) => subject === row.id);
      expect(own.map(({ kind }) => kind)).toEqual(
        row.state === 'pending' ? ['spend.reserved'] : ['spend.reserved', `spend.${row.state}`],
      );
      expect(microsFromUsd(Number(own[0]?.body['usd']))).toBe(row.reservedMicros);
      if (row.state === 'posted') expect(microsFromUsd(Number(own[1]?.body['usd']))).toBe(row.postedMicros);
    }
  });
});
