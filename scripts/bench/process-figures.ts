/** What the kernel says about a process (proc(5)). */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

export function residentMiB(pid: number): number {
  return statusMiB(pid, 'VmRSS');
}

/** The most it has held since `forgetPeak`, or since it began. */
export function peakMiB(pid: number): number {
  return statusMiB(pid, 'VmHWM');
}

export function forgetPeak(pid: number): void {
  // proc(5): 5 sets the peak to what the process holds now.
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function statusMiB(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (!found) throw new Error(`process ${pid} has no memory: it has ended`);
  return Number(found[1]) / 1024;
}

/** What all processes below `pid` hold now, without those (and what is below them) whose command line `isLeftOut`. */
export function helpersMiB(pid: number, isLeftOut: (command: string) => boolean): number {
  let sum = 0;
  for (const child of childrenOf(pid)) {
    try {
      if (isLeftOut(readFileSync(`/proc/${child}/cmdline`, 'utf8'))) continue;
      sum += residentMiB(child) + helpersMiB(child, isLeftOut);
    } catch (error) {
      // It ended between two looks, so it holds nothing.
      if (!(error instanceof Error)) throw error;
    }
  }
  return sum;
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

/** Time on a processor of all threads that still are, in the scheduler's nanoseconds. */
export function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}
