/** A house whose cloud switches a machine off when its image is ready to be taken, and what must hold when all is over. */
import { openDatabase } from '../../../record/db/open.ts';
import { fakeClock, type FakeClock } from '../../../testing/fake-clock.ts';
import { fakeCloud, type FakeCloud, type FakeCloudOptions } from '../../../testing/fake-cloud-port.ts';
import { migrationsFolder } from '../../../testing/record.ts';

/** Everything that a bake began is over, and what there is of images is what the rows call good. Says what is not so, or null. */
export function wrongWith(left: Left, cloud: FakeCloud): string | null {
  const { machines, openLeases, openBakes, pending, goodBakes, images, postedMicros } = left;
  const { length: made } = cloud.history();
  if (machines + openLeases + openBakes + pending > 0) return `something is left: ${JSON.stringify(left)}`;
  if (cloud.mostAtOnce() > 1) return 'there were two machines at one time';
  if (images.length !== Math.min(goodBakes, 2)) return `${images.length} images for ${goodBakes} good bakes`;
  // Each of these is there for less than a cent's worth of time.
  if (postedMicros !== made * 10_000) return `${postedMicros} micro-dollars were booked for ${made} machines`;
  return null;
}

/** What a bake takes to install itself. */
const installMs = 90_000;

export function bakeCloud(options: Partial<Omit<FakeCloudOptions, 'clock'>> = {}): {
  readonly clock: FakeClock;
  readonly cloud: FakeCloud;
} {
  const clock = fakeClock();
  const offAfterMs = ({ userData }: { readonly userData: string }): number | null =>
    userData.includes('# bake') ? installMs : null;
  return { clock, cloud: fakeCloud({ clock, offAfterMs, bootMs: 8_000, ...options }) };
}

export interface Left {
  readonly machines: number;
  readonly openLeases: number;
  readonly openBakes: number;
  readonly pending: number;
  /** By the rows: those that are good. */
  readonly goodBakes: number;
  readonly images: readonly string[];
  readonly postedMicros: number;
}

/** `file`: the database, when no process has it open any more. */
export function whatIsLeft(file: string, cloud: FakeCloud): Left {
  const db = openDatabase(file, migrationsFolder);
  try {
    const count = (sql: string): number => Number(db.sqlite.prepare(sql).pluck().get());
    return {
      machines: cloud.living().length,
      openLeases: count(`select count(*) from lease where state <> 'gone'`),
      openBakes: count('select count(*) from bake where ended_at_ms is null'),
      pending: count(`select count(*) from reservation where state = 'pending'`),
      goodBakes: count(`select count(*) from bake where state = 'good'`),
      images: cloud.images().flatMap(({ name }) => (name.includes('ffff') ? [] : [name])),
      postedMicros: count('select coalesce(sum(posted_micros), 0) from reservation'),
    };
  } finally {
    db.close();
  }
}
