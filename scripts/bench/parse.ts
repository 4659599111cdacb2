/** A long diff read into files and hunks, against finding its line ends. */
import { scan } from '../../server/chain/patch/scan.ts';
import { takeTurns } from './rounds.ts';
import { row, type Row } from './table.ts';

const linesMin = 50_000;

export async function parseRows(): Promise<Row[]> {
  const text = longDiff();
  const figures = await takeTurns(
    31,
    async () => timed(() => scan(text).files.reduce((sum, file) => sum + file.hunks.length, 0)),
    async () => timed(() => countLines(text)),
  );
  return [row(`${countLines(text)} lines of diff read / their line ends found`, 'ms', figures, 2)];
}

/** Without an await inside, which would cost more than what is measured. */
function timed(work: () => number): number {
  const startedMs = performance.now();
  const result = work();
  const took = performance.now() - startedMs;
  if (result === 0) throw new Error('there was nothing to read');
  return took;
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

/** 820 files with three hunks each, 20 lines a hunk: the shape of a large rename across a repository. */
function longDiff(): string {
  const parts: string[] = [];
  for (let file = 0, lines = 0; lines < linesMin; file += 1) {
    const path = `src/part-${file % 40}/module-${file}.ts`;
    parts.push(`diff --git a/${path} b/${path}\nindex 1111111..2222222 100644\n--- a/${path}\n+++ b/${path}\n`);
    for (let hunk = 0; hunk < 3; hunk += 1) {
      parts.push(`@@ -${hunk * 100 + 1},13 +${hunk * 100 + 1},13 @@ export function part${hunk}() {\n`);
      const context = (at: number): string => `   const value${at} = compute(${file}, ${hunk}, ${at}); // stays\n`;
      for (let at = 0; at < 3; at += 1) parts.push(context(at));
      for (let at = 0; at < 7; at += 1) parts.push(`-  oldName(${file}, ${at}, 'some text of usual length');\n`);
      for (let at = 0; at < 7; at += 1) parts.push(`+  newName(${file}, ${at}, 'some text of usual length');\n`);
      for (let at = 3; at < 6; at += 1) parts.push(context(at));
    }
    lines += 4 + 3 * 21;
  }
  // As the chain hands it to the scanner: one byte a character, in one piece.
  return Buffer.from(parts.join('')).toString('latin1');
}
