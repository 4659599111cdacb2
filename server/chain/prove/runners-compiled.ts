import { add, collector, fullName, type Reading, type Runner } from './named.ts';

/** The runners of compiled languages and of build tools, by what they print. */
export const compiledRunners: readonly Runner[] = [
  { sign: /^(?:ok {2}|FAIL)\t\S+|^ *--- (?:FAIL|PASS|SKIP): \S/, read: goText },
  { sign: /^\{.*"Action":"/, read: goJson },
  { sign: /^test result: /, read: cargo },
  { sign: /^ +Summary \[[^\]]*\] /, read: nextest },
  { sign: /^\[\w+\] (?: *)Tests run: \d+, |<<< (?:FAILURE|ERROR)!/, read: maven },
  { sign: /^\d+ tests? completed\b|^[\w.$]+ > .+ (?:FAILED|PASSED|SKIPPED)$/, read: gradle },
  { sign: /^(?:Passed|Failed)! +- Failed: /, read: dotnet },
  { sign: /^\d+% tests passed, \d+ tests failed out of \d+/, read: ctest },
  { sign: /^# TOTAL: +\d+$/, read: automake },
];

/** go test names the package behind its tests. A parent fails with its subtests, so only the innermost names are kept. */
function goText(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let tests: (readonly [string, string])[] = [];
  for (const line of lines) {
    const [, outcome, test] = /^ *--- (FAIL|PASS|SKIP): (\S+)/.exec(line) ?? [];
    if (outcome !== undefined && test !== undefined) {
      tests.push([outcome, test]);
      continue;
    }
    const [, verdict, name = '', tail = ''] = /^(ok|FAIL)(?: {2})?\t(\S+)[ \t]*(\[[a-z ]+\])?/.exec(line) ?? [];
    if (verdict === undefined) continue;
    const parents = parentsOf(tests.map(([, test]) => test));
    for (const [outcome, test] of tests) {
      if (parents.has(test)) continue;
      found.note(outcomes[outcome] ?? 'skipped', fullName([name, test]));
      if (outcome === 'PASS') passed = add(passed, 1);
      if (outcome === 'SKIP') skipped = add(skipped, 1);
    }
    // It did not build, or ended by itself: then no test of it is named.
    if (verdict === 'FAIL' && !tests.some(([outcome]) => outcome === 'FAIL'))
      found.note('failed', tail === '' ? name : `${name} ${tail}`);
    tests = [];
  }
  for (const [outcome, test] of tests) found.note(outcomes[outcome] ?? 'skipped', test);
  return { ...found.reading({ passed, skipped }), whole: false };
}

const outcomes: Readonly<Record<string, 'passed' | 'failed' | 'skipped'>> = {
  PASS: 'passed',
  FAIL: 'failed',
  SKIP: 'skipped',
  pass: 'passed',
  fail: 'failed',
  skip: 'skipped',
};

/** "TestTill" and "TestTill/rounds" of "TestTill/rounds/up"; deeper than a few levels nobody goes. */
function parentsOf(tests: readonly string[]): Set<string> {
  const parents = new Set<string>();
  for (const test of tests) {
    const parts = test.split('/', 20);
    for (let depth = 1; depth < parts.length; depth += 1) parents.add(parts.slice(0, depth).join('/'));
  }
  return parents;
}

/** go test -json: one event a line (`go doc test2json`). */
function goJson(lines: readonly string[]): Reading {
  const found = collector();
  const tests = new Map<string, { package: string; test: string; outcome: string }>();
  const failedPackages = new Set<string>();
  for (const line of lines) {
    const text = (name: string): string => new RegExp(`"${name}":"((?:[^"\\\\]|\\\\.)*)"`).exec(line)?.[1] ?? '';
    const action = /^\{.*"Action":"(pass|fail|skip)"/.exec(line)?.[1];
    if (action === undefined) continue;
    const [name, test] = [text('Package'), text('Test')];
    if (test !== '') tests.set(`${name} ${test}`, { package: name, test, outcome: action });
    else if (action === 'fail') failedPackages.add(name);
  }
  const parents = new Map<string, Set<string>>();
  for (const entry of tests.values()) {
    const known = parents.get(entry.package) ?? new Set();
    for (const parent of parentsOf([entry.test])) known.add(parent);
    parents.set(entry.package, known);
  }
  for (const entry of tests.values()) {
    if (entry.outcome === 'fail') failedPackages.delete(entry.package);
    if (parents.get(entry.package)?.has(entry.test)) continue;
    found.note(outcomes[entry.outcome] ?? 'skipped', fullName([entry.package, entry.test]));
  }
  for (const name of failedPackages) found.note('failed', name);
  return found.reading({ passed: found.count('passed'), skipped: found.count('skipped') });
}

/** cargo test names the binary before its tests; its hash and the line of a documentation test change with the source. */
function cargo(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let binary = '';
  for (const line of lines) {
    const [, file, crate] = /^ +(?:Running .*\((.+)\)|Doc-tests (\S+))$/.exec(line) ?? [];
    if (file !== undefined || crate !== undefined)
      binary = crate ?? (file ?? '').replace(/^.*[/\\]/, '').replace(/-[0-9a-f]{16}(?:\.exe)?$/, '');
    const [, test = '', ended] = /^test (.+) \.\.\. (ok|FAILED|ignored)\b/.exec(line) ?? [];
    if (ended !== undefined) {
      const name = test.replace(/ - (?:should panic|compile(?: fail)?)$/, '').replace(/ \(line \d+\)/, '');
      found.note(ended === 'ok' ? 'passed' : ended === 'FAILED' ? 'failed' : 'skipped', fullName([binary, name]));
    }
    const [, passedHere, ignored] = /^test result: \w+\. (\d+) passed; \d+ failed; (\d+) ignored/.exec(line) ?? [];
    passed = add(passed, passedHere);
    skipped = add(skipped, ignored);
  }
  return found.reading({ passed, skipped });
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

function maven(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  for (const line of lines) {
    const failed = /^\[ERROR\] +(?!Tests run:)(\S.*?)(?: --)? +Time elapsed: .*<<< (?:FAILURE|ERROR)!/.exec(line)?.[1];
    // Surefire 2 writes "rounds(shop.TillTest)", and 3 "shop.TillTest.rounds".
    if (failed !== undefined) found.noteOnce('failed', failed.replace(/^(\w+)\(([\w.$]+)\)$/, '$2.$1'));
    const [, run, failures, errors, left = 0] =
      /^\[\w+\] *Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: (\d+)(?:, Flakes: \d+)?$/.exec(line) ?? [];
    if (run === undefined) continue;
    passed = add(passed, Math.max(0, Number(run) - Number(failures) - Number(errors) - Number(left)));
    skipped = add(skipped, left);
  }
  return found.reading({ passed, skipped });
}

function gradle(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  for (const line of lines) {
    const [, test, word] = /^(\S+ > .+) (FAILED|PASSED|SKIPPED)$/.exec(line) ?? [];
    if (test !== undefined) found.note(word === 'FAILED' ? 'failed' : word === 'PASSED' ? 'passed' : 'skipped', test);
    const [, completed, failed = 0, left = 0] =
      /^(\d+) tests? completed(?:, (\d+) failed)?(?:, (\d+) skipped)?$/.exec(line) ?? [];
    if (completed === undefined) continue;
    passed = add(passed, Math.max(0, Number(completed) - Number(failed) - Number(left)));
    skipped = add(skipped, left);
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

function ctest(lines: readonly string[]): Reading {
  const found = collector();
  for (const line of lines) {
    const [, name = '', word] = /^ *\d+\/\d+ Test +#\d+: (\S+) \.* *\**(\w.*?)(?: +[\d.]+ sec.*)?$/.exec(line) ?? [];
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
