/** What twenty logins leave behind in the daemon's memory. */
import { setTimeout as pause } from 'node:timers/promises';
import { must, ownersPin, returningBrowser, signIn, startDaemon, withFolder } from './house.ts';
import { openPage } from './memory.ts';
import { residentMiB } from './process-figures.ts';
import type { Row } from './table.ts';

const logins = 20;
/** Until the daemon has given back what its start, and later what the logins, needed for a while. */
const startSettlesMs = 3_000;
const loginsSettleMs = 17_000;

/** In a daemon that has just been started, because only the first logins of its life can leave something behind. */
export async function pinRows(): Promise<Row[]> {
  return await withFolder(async (home) => {
    const first = await startDaemon(home);
    const { cookies } = await signIn(first);
    await first.stop();
    const daemon = await startDaemon(home);
    const page = returningBrowser(daemon, cookies);
    const socket = await openPage(page);
    await pause(startSettlesMs);
    const beforeMiB = residentMiB(daemon.pid);
    for (let login = 0; login < logins; login += 1) must(await page.ask('POST', '/api/unlock', { pin: ownersPin }));
    await pause(loginsSettleMs);
    const ours = residentMiB(daemon.pid) - beforeMiB;
    socket.terminate();
    page.close();
    await daemon.stop();
    return [{ metric: `memory kept after ${logins} logins`, unit: 'MiB', ours, baseline: null, ratio: null, goal: 2 }];
  });
}
