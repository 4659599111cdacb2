/** Idle memory with one page open, and the CPU of a start, against a `node` that does nothing. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Browser, must, returningBrowser, signIn, startBareNode, startDaemon, withFolder } from './house.ts';
import { cpuMs, residentMiB } from './process-figures.ts';
import { paired } from './rounds.ts';
import { row, type Row } from './table.ts';

const rounds = 9;
/** Longer than adapters/spare-memory.ts waits after a start. */
const settleMs = 3_000;

export async function memoryRows(): Promise<Row[]> {
  return await withFolder(async (home) => {
    const cookies = await prepare(home);
    const memory: { ours: number; baseline: number }[] = [];
    const cpu: { ours: number; baseline: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const daemon = await startDaemon(home);
      const bare = startBareNode();
      const page = returningBrowser(daemon, cookies);
      const socket = await openPage(page);
      await pause(settleMs);
      memory.push({ ours: residentMiB(daemon.pid), baseline: residentMiB(bare.pid) });
      cpu.push({ ours: daemon.listeningCpuMs, baseline: cpuMs(bare.pid) });
      socket.terminate();
      page.close();
      bare.stop();
      await daemon.stop();
    }
    return [
      row('idle memory, a page open / bare node', 'MiB', paired(memory), 1.6),
      row('CPU to listening / bare node', 'ms', paired(cpu), 4.5),
    ];
  });
}

/** One life before the rounds: the sample repository is there and the device is signed in, as on any other day. */
async function prepare(home: string): Promise<string> {
  const daemon = await startDaemon(home);
  const first = await signIn(daemon);
  const { cookies } = first;
  first.close();
  await daemon.stop();
  return cookies;
}

/** What a page asks for when it opens: itself, its parts, the state, the live stream. */
export async function openPage(page: Browser): ReturnType<Browser['follow']> {
  const html = must(await page.ask('GET', '/'));
  const parts = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = '']) => path);
  for (const path of [...parts, '/api/hello', '/api/state']) must(await page.ask('GET', path));
  return await page.follow();
}
