import { add, collector, type Point, type Reading, type Runner } from './named.ts';

/** What tests programs that are built by make, CMake or Meson, and Perl's modules. */
export const nativeRunners: readonly Runner[] = [
  { sign: /^\d+% tests passed, \d+ tests failed out of \d+/, read: ctest },
  { sign: /^# TOTAL: +\d+$/, read: automake },
  { sign: /^\[={10}\] Running \d+ tests? from/, read: googleTest },
  { sign: /^Unexpected Pass: +\d+ *$/, read: meson },
  { sign: /^Files=\d+, Tests=\d+, /, read: perlProve },
];

function ctest(lines: readonly string[]): Reading {
  const found = collector();
  for (const line of lines) {
    const [, name = '', word] = /^ *\d+\/\d+ Test +#\d+: (.+?) \.+ *\**(\w.*?)(?: +[\d.]+ sec.*)?$/.exec(line) ?? [];
    if (word === undefined) continue;
    const isLeftOut = /^(?:Skipped|Not Run \(Disabled\))/.test(word);
    found.note(word === 'Passed' ? 'passed' : isLeftOut ? 'skipped' : 'failed', name);
  }
  return found.reading({ passed: found.count('passed'), skipped: found.count('skipped') });
}

/** `make check` of a project built with Automake. */
function automake(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  for (const line of lines) {
    const [, word = '', name] = /^(PASS|FAIL|ERROR|XPASS|XFAIL|SKIP): (\S.*)$/.exec(line) ?? [];
    if (name !== undefined)
      found.note(word === 'PASS' ? 'passed' : /^(?:FAIL|ERROR|XPASS)$/.test(word) ? 'failed' : 'skipped', name);
    passed = add(passed, /^# PASS: +(\d+)$/.exec(line)?.[1]);
    skipped = add(skipped, /^# (?:SKIP|XFAIL): +(\d+)$/.exec(line)?.[1]);
  }
  return found.reading({ passed, skipped });
}

/** GoogleTest. What a test prints stands in front of its result; a test that ends the program has none. */
function googleTest(lines: readonly string[]): Reading {
  const found = collector();
  let running: string | null = null;
  let programs = 0;
  const end = (): void => {
    if (running !== null) found.note('failed', `${running} (it did not come to its end)`);
    running = null;
  };
  for (const line of lines) {
    if (/^\[={10}\] Running \d+ tests? from/.test(line)) {
      end();
      programs += 1;
    }
    if (/^\[={10}\] \d+ tests? from .* ran\./.test(line)) programs -= 1;
    const begun = /\[ RUN {6}\] (\S+)$/.exec(line)?.[1];
    if (begun !== undefined) {
      end();
      running = begun;
    }
    const [, word, name] = /\[ +(OK|FAILED|SKIPPED) +\] (\S+?)(?:, where .*)? \(\d+ ms\)$/.exec(line) ?? [];
    if (name === undefined || name !== running) continue;
    found.note(word === 'OK' ? 'passed' : word === 'FAILED' ? 'failed' : 'skipped', name);
    running = null;
  }
  end();
  const broken = programs > 0 ? 'a program ended before its tests did' : null;
  return found.reading({ passed: found.count('passed'), skipped: found.count('skipped'), broken });
}

const mesonOutcomes: Readonly<Record<string, Point['outcome']>> = {
  OK: 'passed',
  UNEXPECTEDPASS: 'failed',
  EXPECTEDFAIL: 'skipped',
  SKIP: 'skipped',
};

function meson(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  for (const line of lines) {
    const [, name = '', word] =
      /^ *\d+\/\d+ (\S+(?: \S+)*) +(OK|FAIL|SKIP|EXPECTEDFAIL|UNEXPECTEDPASS|TIMEOUT|ERROR|INTERRUPT) +[\d.]+s\b/.exec(
        line,
      ) ?? [];
    if (word !== undefined) found.note(mesonOutcomes[word] ?? 'failed', name);
    passed = add(passed, /^Ok: +(\d+) *$/.exec(line)?.[1]);
    skipped = add(skipped, /^(?:Skipped|Expected Fail): +(\d+) *$/.exec(line)?.[1]);
  }
  return found.reading({ passed, skipped });
}

/**
 * Perl's prove. Its tests have numbers, and names only in what they say themselves. With -v their lines are TAP, and are read as
 * that: then only what the files did besides is noted.
 */
function perlProve(lines: readonly string[]): Reading {
  const found = collector();
  const isVerbose = !lines.some((line) => /^\S+ \.\.+ +ok$/.test(line));
  let file = '';
  let failed = 0;
  let passed: number | null = null;
  for (const line of lines) {
    const [, name, count] = /^(\S+) +\(Wstat: .*Tests: \d+ Failed: (\d+)\)$/.exec(line) ?? [];
    if (name !== undefined) {
      file = name;
      failed += Number(count);
      continue;
    }
    const numbers = /^ {2}Failed tests?: +([\d, -]+)$/.exec(line)?.[1];
    if (numbers !== undefined && !isVerbose)
      for (const number of numbersOf(numbers)) found.note('failed', `${file} > test ${number}`);
    if (/^ {2}(?:Parse errors: |Non-zero wait status: )/.test(line)) found.noteOnce('failed', `${file} (it broke off)`);
    const tests = /^Files=\d+, Tests=(\d+), /.exec(line)?.[1];
    if (tests !== undefined && !isVerbose) passed = add(passed, Math.max(0, Number(tests) - failed));
  }
  return { ...found.reading({ passed, skipped: null }), whole: false };
}

const numbersMax = 10_000;

/** "2, 5-7" as 2, 5, 6 and 7. */
function numbersOf(text: string): number[] {
  const numbers: number[] = [];
  for (const part of text.split(',')) {
    const [from = Number.NaN, to = from] = part.split('-').map(Number);
    for (let number = from; number <= to && numbers.length < numbersMax; number += 1) numbers.push(number);
  }
  return numbers;
}
