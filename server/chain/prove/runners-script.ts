import { add, collector, type Reading, type Runner } from './named.ts';

/** The runners of Python, Ruby and PHP, by what their own reporters print. */
export const scriptRunners: readonly Runner[] = [
  {
    sign: /^=+ short test summary info =+$|^(?:=+ )?(?:\d+ [a-z ]+|no tests ran)(?:, \d+ [a-z ]+)* in [\d.]+s\b/,
    read: pytest,
  },
  { sign: /^Ran \d+ tests? in [\d.]+s$/, read: unittest },
  { sign: /^\d+ examples?, \d+ failures?\b/, read: rspec },
  { sign: /^\d+ (?:runs|tests), \d+ assertions, /, read: minitest },
  { sign: /^PHPUnit \d/, read: phpunit },
];

/** A name ends where the message begins, but a parameter in brackets may hold a dash too. */
const pytestFailure = /^(?:FAILED|ERROR) (\S+::[^[]*?(?:\[.*?\])?)(?: - .*)?$/;
const pytestSubtest = /^SUBFAIL(?:ED)?(\S*(?: [^:]*?)?) (\S+::.*?)(?: - .*)?$/;
const pytestModule = /^ERROR (\S+\.py)(?: - .*)?$/;
const pytestSummary = /^(?:=+ )?\d+ [a-z ]+(?:, \d+ [a-z ]+)* in [\d.]+s\b/;
const pytestVerbose = /^(\S+::.+?) (PASSED|SKIPPED|XFAIL|XPASS)\b/;
const pytestVerboseWorker = /^\[gw\d+\] \[ *\d+%\] (PASSED|SKIPPED|XFAIL|XPASS) (\S+::.+?)\s*$/;

function pytest(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  for (const line of lines) {
    const failed = pytestFailure.exec(line)?.[1] ?? pytestModule.exec(line)?.[1];
    if (failed !== undefined) found.noteOnce('failed', failed);
    const [, which, test] = pytestSubtest.exec(line) ?? [];
    if (test !== undefined) found.noteOnce('failed', `${test} ${which ?? ''}`);
    const [, name, state] = pytestVerbose.exec(line) ?? [];
    const [, stateThere, nameThere] = pytestVerboseWorker.exec(line) ?? [];
    const shown = name ?? nameThere;
    if (shown !== undefined) found.noteOnce((state ?? stateThere) === 'PASSED' ? 'passed' : 'skipped', shown);
    if (!pytestSummary.test(line)) continue;
    passed = add(passed, /(\d+) passed\b/.exec(line)?.[1] ?? 0);
    for (const word of [/(\d+) skipped\b/, /(\d+) xfailed\b/]) skipped = add(skipped, word.exec(line)?.[1]);
  }
  return found.reading({ passed, skipped });
}

function unittest(lines: readonly string[]): Reading {
  const found = collector();
  const failedMethods = new Set<string>();
  let ran: number | null = null;
  let skipped: number | null = null;
  let expected = 0;
  for (const line of lines) {
    const [, test = '', part = ''] = /^(?:FAIL|ERROR): (\S+ \([^()]+\))(.*)$/.exec(line) ?? [];
    if (test !== '') found.noteOnce('failed', `${test}${part}`);
    // What fails around the tests of a class is not counted as run.
    if (test !== '' && !/^(?:setUp|tearDown)(?:Class|Module) /.test(test)) failedMethods.add(test);
    const passedHere = /^(\w+ \([\w.]+\)) \.\.\. ok$/.exec(line)?.[1];
    if (passedHere !== undefined) found.noteOnce('passed', passedHere);
    ran = add(ran, /^Ran (\d+) tests? in /.exec(line)?.[1]);
    if (!/^(?:OK|FAILED)(?: \(.*\))?$/.test(line)) continue;
    skipped = add(skipped, /\bskipped=(\d+)/.exec(line)?.[1]);
    for (const word of [/\bexpected failures=(\d+)/, /\bunexpected successes=(\d+)/])
      expected += Number(word.exec(line)?.[1] ?? 0);
  }
  const passed = ran === null ? null : Math.max(0, ran - failedMethods.size - (skipped ?? 0) - expected);
  return found.reading({ passed, skipped });
}

function rspec(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  for (const line of lines) {
    const failed = /^rspec '?\.?\/?\S+ # (.+)$/.exec(line)?.[1];
    if (failed !== undefined) found.note('failed', failed);
    const unread = /^An error occurred while loading (?:\.\/)?(\S+?)\.?$/.exec(line)?.[1];
    if (unread !== undefined) found.noteOnce('failed', `${unread} (could not be loaded)`);
    const [, examples, failures, pending = 0] =
      /^(\d+) examples?, (\d+) failures?(?:, (\d+) pending)?/.exec(line) ?? [];
    if (examples === undefined) continue;
    passed = add(passed, Math.max(0, Number(examples) - Number(failures) - Number(pending)));
    skipped = add(skipped, pending);
  }
  return found.reading({ passed, skipped });
}

function minitest(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let isFailure = false;
  for (const line of lines) {
    const failed = isFailure ? /^([\w:]+#.+?)(?: \[[^\]]*\])?:$/.exec(line)?.[1] : undefined;
    if (failed !== undefined) found.note('failed', failed);
    isFailure = /^ *(?:\d+\) )?(?:Failure|Error):$/.test(line);
    const [, shown, mark] = /^([\w:]+#.+) = [\d.]+ s = ([.S])$/.exec(line) ?? [];
    if (shown !== undefined) found.note(mark === '.' ? 'passed' : 'skipped', shown);
    const [, runs, failures, errors, skips = 0] =
      /^(\d+) (?:runs|tests), \d+ assertions, (\d+) failures, (\d+) errors(?:, (\d+) skips)?/.exec(line) ?? [];
    if (runs === undefined) continue;
    passed = add(passed, Math.max(0, Number(runs) - Number(failures) - Number(errors) - Number(skips)));
    skipped = add(skipped, skips);
  }
  return found.reading({ passed, skipped });
}

function phpunit(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let isFailing = false;
  for (const line of lines) {
    const section = /^There (?:was|were) \d+ (.+):$/.exec(line)?.[1];
    if (section !== undefined) isFailing = /^(?:PHPUnit )?(?:errors?|failures?)$/.test(section);
    const [, test, row = ''] =
      /^\d+\) (\S+::\w+)( with data set (?:#\d+|"[^"]*"))?/.exec(line) ?? /^\d+\) (\S+\\\S+)$/.exec(line) ?? [];
    // The values of a data set stay out: they may hold an address.
    if (isFailing && test !== undefined) found.note('failed', `${test}${row}`);
    passed = add(passed, /^OK \((\d+) tests?, /.exec(line)?.[1]);
    const tests = /^Tests: (\d+), Assertions: /.exec(line)?.[1];
    if (tests === undefined) continue;
    const number = (word: string): number => Number(new RegExp(`\\b${word}: (\\d+)`).exec(line)?.[1] ?? 0);
    const notRun = number('Skipped') + number('Incomplete');
    passed = add(passed, Math.max(0, Number(tests) - number('Errors') - number('Failures') - notRun));
    skipped = add(skipped, notRun);
  }
  return found.reading({ passed, skipped });
}
