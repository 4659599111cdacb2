/** Whole files in fences with their path above, or in the fence's own line: ```` ```js src/calc.js ````. */
import { pathFromBytes } from '../../../lib/path-bytes.ts';
import { splitLines } from '../bytes.ts';
import { pathInInfo, pathInLine } from '../scan.ts';
import { emptyHeader, type FilePatch } from '../shape.ts';
import { nextLine } from './lines.ts';

/** Reads every fence that has a path; an empty list when there is none. */
export function readWholeFiles(text: string): FilePatch[] {
  if (!/^(?:```|~~~)/m.test(text)) return [];
  const { lines } = splitLines(text);
  const files: FilePatch[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const open = /^(`{3,}|~{3,})\s*(.*)$/.exec(lines[at] ?? '');
    if (!open) continue;
    const fence = open[1] ?? '';
    const close = nextLine(lines, at, (line) => line.startsWith(fence) && /^(`+|~+)\s*$/.test(line));
    if (close < 0) break;
    const path = (open[2] ?? '').length > pathLineMax ? null : (pathInInfo(open[2] ?? '') ?? pathAbove(lines, at));
    if (path !== null) {
      const content = lines
        .slice(at + 1, close)
        .map((line) => `${line}\n`)
        .join('');
      files.push({
        at: at + 1,
        header: emptyHeader,
        hunks: [],
        binary: 'none',
        raw: null,
        irregular: true,
        wish: { kind: 'add', path: pathFromBytes(path), content, orReplace: true },
      });
    }
    at = close;
  }
  return files;
}

/** Longer lines are no path, and the patterns for it are not made for them. */
const pathLineMax = 4096;

function pathAbove(lines: readonly string[], at: number): string | null {
  for (let above = at - 1; above >= 0 && above >= at - 2; above -= 1) {
    const line = lines[above] ?? '';
    if (line.trim() !== '') return line.length > pathLineMax ? null : pathInLine(line);
  }
  return null;
}
