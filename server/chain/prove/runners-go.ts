import { add, collector, fullName, type Collector, type Point, type Reading, type Runner } from './named.ts';

/** go test, as text (also with -v) and as JSON. */
export const goRunners: readonly Runner[] = [
  { sign: /^(?:ok {2}|FAIL)\t\S+|^(?!\{).*--- (?:FAIL|PASS|SKIP): \S+ \(\d/, read: goText },
  { sign: /^\{.*"Action":"/, read: goJson },
];

const outcomes: Readonly<Record<string, Point['outcome']>> = {
  PASS: 'passed',
  FAIL: 'failed',
  SKIP: 'skipped',
  pass: 'passed',
  fail: 'failed',
  skip: 'skipped',
};

/** Said of a test that was begun and of which no end is seen, in a package that failed. */
const noEnd = '(it did not come to its end)';

/** The tests of one package, whose own line comes last. */
interface Package {
  /** Begun, which only -v says. */
  readonly begun: Set<string>;
  readonly ended: (readonly [string, string])[];
}

interface Text {
  readonly found: Collector;
  passed: number | null;
  skipped: number | null;
  isVerbose: boolean;
  /** Every test of every package has an end, as far as -v says what was begun. */
  isWhole: boolean;
}

/**
 * Names the package behind its tests. A parent fails with its subtests, so only the innermost names are kept. What a test prints
 * without a line end stands in front of its result; and of a package that passed, no test failed, whatever its lines say.
 */
function goText(lines: readonly string[]): Reading {
  const text: Text = { found: collector(), passed: null, skipped: null, isVerbose: false, isWhole: true };
  let tests: Package = { begun: new Set(), ended: [] };
  for (const line of lines) {
    const begun = /^=== RUN {3}(\S+)$/.exec(line)?.[1];
    if (begun !== undefined) tests.begun.add(begun);
    const [, outcome, test] = /--- (FAIL|PASS|SKIP): (\S+) \(\d+(?:\.\d+)?s\)$/.exec(line) ?? [];
    // With -v every test was begun before it ends: another name is what a test has printed.
    if (outcome !== undefined && test !== undefined && (tests.begun.size === 0 || tests.begun.has(test)))
      tests.ended.push([outcome, test]);
    const [, verdict, name = '', tail = ''] = /^(ok|FAIL)(?: {2})?\t(\S+)[ \t]*(\[[a-z ]+\])?/.exec(line) ?? [];
    if (verdict === undefined) continue;
    readPackage(text, tests, { isGood: verdict === 'ok', name, tail });
    tests = { begun: new Set(), ended: [] };
  }
  // The run was ended before the package had its line.
  if (tests.begun.size + tests.ended.length > 0) readPackage(text, tests, { isGood: false, name: '', tail: '' });
  const { found, passed, skipped, isVerbose, isWhole } = text;
  return { ...found.reading({ passed: isVerbose ? (passed ?? 0) : passed, skipped }), whole: isVerbose && isWhole };
}

function readPackage(
  text: Text,
  { begun, ended }: Package,
  { isGood, name, tail }: { readonly isGood: boolean; readonly name: string; readonly tail: string },
): void {
  if (begun.size > 0) text.isVerbose = true;
  const parents = parentsOf([...begun, ...ended.map(([, test]) => test)]);
  const ends = new Set(ended.map(([, test]) => test));
  let isFailureNamed = false;
  const note = (outcome: Point['outcome'], test: string): void => {
    text.found.note(outcome, fullName([name, test]));
    if (outcome === 'passed') text.passed = add(text.passed, 1);
    if (outcome === 'skipped') text.skipped = add(text.skipped, 1);
    if (outcome === 'failed') isFailureNamed = true;
  };
  for (const [word, test] of ended) {
    if (parents.has(test) || (isGood && word === 'FAIL')) continue;
    note(outcomes[word] ?? 'skipped', test);
  }
  for (const test of begun) {
    if (ends.has(test) || parents.has(test)) continue;
    if (isGood) note('passed', test);
    else note('failed', `${test} ${noEnd}`);
  }
  if (isGood || isFailureNamed || name === '') return;
  // It did not build, or ended by itself: then no test of it is named.
  text.found.note('failed', tail === '' ? name : `${name} ${tail}`);
  text.isWhole = false;
}

/** "TestTill" and "TestTill/rounds" of "TestTill/rounds/up"; deeper than a few levels nobody goes. */
function parentsOf(tests: readonly string[]): Set<string> {
  const parents = new Set<string>();
  for (const test of tests) {
    const parts = test.split('/', 20);
    for (let depth = 1; depth < parts.length; depth += 1) parents.add(parts.slice(0, depth).join('/'));
  }
  return parents;
}

interface Event {
  readonly package: string;
  readonly test: string;
  readonly outcome: string;
}

/** go test -json: one event a line (`go doc test2json`). A test with no end in a package that failed is what ended it. */
function goJson(lines: readonly string[]): Reading {
  const tests = new Map<string, Event>();
  const packages = new Map<string, string>();
  for (const line of lines) {
    const text = (name: string): string => new RegExp(`"${name}":"((?:[^"\\\\]|\\\\.)*)"`).exec(line)?.[1] ?? '';
    const action = /^\{.*"Action":"(pass|fail|skip|run)"/.exec(line)?.[1];
    if (action === undefined) continue;
    const [name, test] = [text('Package'), text('Test')];
    if (test !== '') tests.set(`${name} ${test}`, { package: name, test, outcome: action });
    else if (action !== 'run') packages.set(name, action);
  }
  const parents = new Map<string, Set<string>>();
  for (const { package: name, test } of tests.values()) {
    const known = parents.get(name) ?? new Set();
    for (const parent of parentsOf([test])) known.add(parent);
    parents.set(name, known);
  }
  const found = collector();
  const failed = new Set([...packages].filter(([, outcome]) => outcome === 'fail').map(([name]) => name));
  for (const { package: name, test, outcome } of tests.values()) {
    const isGood = packages.has(name) && !failed.has(name);
    if (parents.get(name)?.has(test) || (isGood && outcome === 'fail')) continue;
    if (outcome !== 'run') found.note(outcomes[outcome] ?? 'skipped', fullName([name, test]));
    else found.note(isGood ? 'passed' : 'failed', fullName([name, isGood ? test : `${test} ${noEnd}`]));
  }
  // It did not build: then no test of it is named.
  const named = new Set([...tests.values()].filter(({ outcome }) => outcome !== 'pass').map((event) => event.package));
  for (const name of failed) if (!named.has(name)) found.note('failed', name);
  return found.reading({ passed: found.count('passed'), skipped: found.count('skipped') });
}
