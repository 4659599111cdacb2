import { add, collector, fullName, type Reading, type Runner } from './named.ts';

/** The runners of Rust and of .NET, by what they print. */
export const compiledRunners: readonly Runner[] = [
  { sign: /^test result: |^ +Running (?:unittests )?\S+ \(.+\)$/, read: cargo },
  { sign: /^ +Summary \[[^\]]*\] /, read: nextest },
  { sign: /^(?:Passed|Failed)! +- Failed: /, read: dotnet },
];

/**
 * cargo test names the binary before its tests; its hash and the line of a documentation test change with the source. What a test
 * prints can stand between its name and its end, so what failed is also taken from the list behind the tests. A binary that a test
 * has ended has neither list nor result: cargo itself says that it failed.
 */
function cargo(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let binary = '';
  let part: 'none' | 'opened' | 'tests' | 'details' | 'list' = 'none';
  let failed = new Set<string>();
  for (const line of lines) {
    const [, file, crate] = /^ +(?:Running .*\((.+)\)|Doc-tests (\S+))$/.exec(line) ?? [];
    if (file !== undefined || crate !== undefined) {
      binary = crate ?? (file ?? '').replace(/^.*[/\\]/, '').replace(/-[0-9a-f]{16}(?:\.exe)?$/, '');
      [part, failed] = ['opened', new Set()];
    }
    if (/^running \d+ tests?$/.test(line)) part = 'tests';
    else if (line === 'failures:') part = part === 'tests' ? 'details' : 'list';
    const [, test = '', ended] = /^test (.+) \.\.\. (ok|FAILED|ignored)\b/.exec(line) ?? [];
    const name = cargoName(test || (/^ {4}(\S.*)$/.exec(line)?.[1] ?? ''));
    // Behind the tests stands what they have printed.
    const isResult = ended !== undefined && part !== 'details' && part !== 'list';
    const isListed = part === 'list' && test === '' && name !== '' && !failed.has(name);
    if (isResult && ended !== 'FAILED') found.note(ended === 'ok' ? 'passed' : 'skipped', fullName([binary, name]));
    else if (isResult || isListed) {
      failed.add(name);
      found.note('failed', fullName([binary, name]));
    }
    const [, passedHere, ignored] = /^test result: \w+\. (\d+) passed; \d+ failed; (\d+) ignored/.exec(line) ?? [];
    passed = add(passed, passedHere);
    skipped = add(skipped, ignored);
    if (/^error: (?:doc)?test failed, to rerun pass /.test(line) && part !== 'none')
      found.note('failed', noEnd(binary));
    if (passedHere !== undefined || line.startsWith('error: ')) part = 'none';
  }
  if (part !== 'none' && part !== 'opened') found.note('failed', noEnd(binary));
  return found.reading({ passed, skipped });
}

function noEnd(binary: string): string {
  return `${binary} (it ended before its tests did)`;
}

function cargoName(test: string): string {
  return test.replace(/ - (?:should panic|compile(?: fail)?)$/, '').replace(/ \(line \d+\)/, '');
}

function nextest(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  for (const line of lines) {
    const [, word = '', name] = /^ +([A-Z]+)(?: \[[^\]]*\]) +(?:\([ \d]+\/[ \d]+\) +)?(\S+ \S.*)$/.exec(line) ?? [];
    if (name !== undefined && word !== 'SLOW' && word !== 'START')
      found.noteOnce(/^(?:PASS|LEAK)$/.test(word) ? 'passed' : 'failed', name);
    if (!/^ +Summary \[/.test(line)) continue;
    passed = add(passed, /(\d+) passed\b/.exec(line)?.[1]);
    skipped = add(skipped, /(\d+) skipped\b/.exec(line)?.[1]);
  }
  return found.reading({ passed, skipped });
}

function dotnet(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  for (const line of lines) {
    const [, word, test = ''] = /^ {2}(Failed|Passed|Skipped) (\S.*?)(?: \[[^\]]*\])?$/.exec(line) ?? [];
    if (word !== undefined) found.note(word === 'Failed' ? 'failed' : word === 'Passed' ? 'passed' : 'skipped', test);
    const [, passedHere, left] =
      /^(?:Passed|Failed)! +- Failed: +\d+, Passed: +(\d+), Skipped: +(\d+)/.exec(line) ?? [];
    passed = add(passed, passedHere);
    skipped = add(skipped, left);
  }
  return found.reading({ passed, skipped });
}
