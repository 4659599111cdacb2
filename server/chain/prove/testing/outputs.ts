/** Tables of what runners print, in the shape of each one's own reporter and as short as can be, and what is read from it. */
import { expect, it } from 'vitest';
import { readResults } from '../results.ts';

export interface Output {
  readonly log: string;
  readonly failing: readonly string[];
  readonly passed: number | null;
  readonly skipped: number | null;
  /** Left out where the output does not name every test that passed. */
  readonly passedNames?: readonly string[];
  /** How the run broke off, if it did. */
  readonly broken?: string;
}

/** Inside of a `describe`: every output is read as the table says, in every way it may come. */
export function readsOutputs(outputs: Record<string, Output>): void {
  it.each(Object.entries(outputs))('by %s', (_what, { log, failing, passed, skipped, passedNames, broken }) => {
    const read = readResults(log);
    expect(read.failing).toEqual(failing);
    expect({ passed: read.passed, skipped: read.skipped }).toEqual({ passed, skipped });
    expect(read.broken).toBe(broken ?? null);
    expect(read.whole).toBe(passedNames !== undefined);
    if (passedNames !== undefined) expect([...read.passedNames]).toEqual(passedNames);
  });

  it.each(Object.entries(outputs))('by %s, with colours and with CR LF, are the same', (_what, { log }) => {
    const coloured = log.replaceAll(/^(\s*)(\S)/gmu, '$1\u001B[31m$2').replaceAll('\n', '\u001B[39m\r\n');
    expect(readResults(coloured)).toEqual(readResults(log));
  });

  it.each(Object.entries(outputs))('by %s, with the middle missing, are not called whole', (_what, { log }) => {
    expect(readResults(log, false).whole).toBe(false);
  });
}
