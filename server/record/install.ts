import type { Clock, Random } from '../ports.ts';
import type { Database } from './db/open.ts';

/** The id of this installation, made once. It is part of every name we give to things outside. */
export function installId(db: Database, clock: Clock, random: Random): string {
  const found = db.sqlite.prepare<[], { id: string }>('select id from install').get();
  if (found) return found.id;
  const id = random.bytes(6).toString('hex');
  db.sqlite.prepare('insert into install (one, id, created_at_ms) values (1, ?, ?)').run(id, clock.nowMs());
  return id;
}
