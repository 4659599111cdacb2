import { add, collector, fullName, type Reading, type Runner } from './named.ts';

/** More runners of JavaScript: those of pages and browsers, and small ones. */
export const moreJavascriptRunners: readonly Runner[] = [
  { sign: /^\d+ specs?, \d+ failures?\b/, read: jasmine },
  { sign: /^Running \d+ tests? using \d+ workers?\b/, read: playwright },
  { sign: /^ {2}Total: +\d+$/, read: uvu },
];

function jasmine(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let section: 'none' | 'failures' | 'pending' = 'none';
  let failed = 0;
  for (const line of lines) {
    if (line === 'Failures:') section = 'failures';
    else if (line === 'Pending:') section = 'pending';
    const test = /^\d+\) (.+)$/.exec(line)?.[1];
    if (test !== undefined && section !== 'none') found.note(section === 'failures' ? 'failed' : 'skipped', test);
    if (test !== undefined && section === 'failures') failed += 1;
    const suite = /^Suite error: (.+)$/.exec(line)?.[1];
    if (suite !== undefined) found.note('failed', `${suite} (an error outside of its tests)`);
    const [, specs, pending = 0] = /^(\d+) specs?, \d+ failures?(?:, (\d+) pending specs?)?/.exec(line) ?? [];
    if (specs === undefined) continue;
    // Errors of suites are counted among the failures there, and are no specs.
    passed = add(passed, Math.max(0, Number(specs) - failed - Number(pending)));
    skipped = add(skipped, pending);
    [section, failed] = ['none', 0];
  }
  return found.reading({ passed, skipped });
}

/** Its summary has a list for each outcome, names with the place of the test, which moves with every edit of the file. */
function playwright(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let section = '';
  for (const line of lines) {
    const [, mark, listed = ''] = /^ {2}(✓|-) +\d+ (.+?)(?: \(retry #\d+\))?(?: \([\d.]+m?s\))?$/u.exec(line) ?? [];
    if (mark !== undefined) found.noteOnce(mark === '✓' ? 'passed' : 'skipped', playwrightName(listed));
    const [, number, word] =
      /^ {2}(\d+) (failed|interrupted|flaky|skipped|did not run|passed)(?: \(.*\))?$/.exec(line) ?? [];
    if (word !== undefined) {
      section = word;
      // What failed and then passed did pass, as its own exit code says.
      if (word === 'passed' || word === 'flaky') passed = add(passed, number);
      if (word === 'skipped' || word === 'did not run') skipped = add(skipped, number);
      continue;
    }
    const test = /^ {4}(\S.*)$/.exec(line)?.[1];
    if (test === undefined) section = '';
    else if (section === 'failed' || section === 'interrupted') found.note('failed', playwrightName(test));
  }
  // The numbers of those that are zero are left out.
  return found.reading({ passed: passed ?? (found.has('failed') ? 0 : null), skipped });
}

function playwrightName(words: string): string {
  const parts = words.replace(/ ─+$/u, '').split(' › ');
  return fullName(parts.map((part, index) => (index < 2 ? part.replace(/:\d+:\d+$/, '') : part)));
}

function uvu(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  for (const line of lines) {
    const [, suite = '', test] = /^ {2} FAIL {2}(?:(.+?) )??"(.+)"$/.exec(line) ?? [];
    if (test !== undefined) found.note('failed', fullName([suite.trim(), test]));
    passed = add(passed, /^ {2}Passed: +(\d+)$/.exec(line)?.[1]);
    skipped = add(skipped, /^ {2}Skipped: +(\d+)$/.exec(line)?.[1]);
  }
  return found.reading({ passed, skipped });
}
