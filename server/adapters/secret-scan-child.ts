/**
 * The program that looks for secrets: a request on standard input, the answer on standard output, then it ends. It runs alone,
 * under a clock and a cap on its memory, because what it reads may be made to keep regular expressions busy. What it finds is said
 * by place only; no value leaves it.
 */
import { text } from 'node:stream/consumers';
import { secretsInText } from './secret-scan-rules.ts';
import { foundMax, type ScanRequest } from './secret-scan-request.ts';
import type { ScanAnswer } from './secret-scan-wire.ts';

async function main(): Promise<void> {
  // Loads the rules and compiles them while nobody waits yet.
  await secretsInText('warm-up.txt', 'nothing');
  const request: ScanRequest = JSON.parse(await text(process.stdin));
  const found: ScanAnswer['found'] = [];
  let more = false;
  for (const [file, { path, lines }] of request.files.entries()) {
    const whole = lines.join('\n');
    const starts = [0];
    for (const line of lines) starts.push((starts.at(-1) ?? 0) + line.length + 1);
    for (const { name, from, to } of await secretsInText(path, whole)) {
      if (found.length === foundMax) more = true;
      else found.push({ file, kind: name, from: placeOf(starts, from), to: placeOf(starts, to) });
    }
  }
  process.stdout.write(`${JSON.stringify({ found, more } satisfies ScanAnswer)}\n`);
}

/** `starts` ends with the start of a line that is not there; an offset is never past it. */
function placeOf(starts: readonly number[], offset: number): { line: number; column: number } {
  let low = 0;
  let high = starts.length - 2;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: Math.max(low, 0), column: offset - (starts[low] ?? 0) };
}

main().catch((error: unknown) => {
  // Only which kind of error: a message could quote what was read.
  process.stderr.write(error instanceof Error ? error.name : 'error');
  process.exitCode = 1;
});
