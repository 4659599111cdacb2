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
const pytestVerbose = /^(?=\S+::)(.+?) (PASSED|SKIPPED|XFAIL|XPASS)\b/;
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
    // With -rA or -rp.
    const listed = /^PASSED (\S+::.*)$/.exec(line)?.[1];
    if (listed !== undefined) found.noteOnce('passed', listed);
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
  let isHeadline = false;
  const unexpectedNames = new Set<string>();
  for (const line of lines) {
    const headline: readonly string[] = isHeadline
      ? (/^(FAIL|ERROR|UNEXPECTED SUCCESS): (\S+ \([^()]+\))(.*)$/.exec(line) ?? [])
      : [];
    const [, kind, test = '', part = ''] = headline;
    // Elsewhere it is what a test has printed.
    isHeadline = /^={70}$/.test(line) || kind === 'UNEXPECTED SUCCESS';
    if (test !== '') found.noteOnce('failed', `${test}${part}`);
    // What fails around the tests of a class is not counted as run.
    if (/^(?:FAIL|ERROR)$/.test(kind ?? '') && !/^(?:setUp|tearDown)(?:Class|Module) /.test(test))
      failedMethods.add(test);
    // Before 3.12 they are only named with -v.
    const unexpected = /^(\w+ \([\w.]+\)) \.\.\. unexpected success$/.exec(line)?.[1];
    if (unexpected !== undefined) found.noteOnce('failed', unexpected);
    if (unexpected !== undefined || kind === 'UNEXPECTED SUCCESS') unexpectedNames.add(unexpected ?? test);
    const passedHere = /^(\w+ \([\w.]+\)) \.\.\. ok$/.exec(line)?.[1];
    if (passedHere !== undefined) found.noteOnce('passed', passedHere);
    ran = add(ran, /^Ran (\d+) tests? in /.exec(line)?.[1]);
    if (!/^(?:OK|FAILED)(?: \(.*\))?$/.test(line)) continue;
    skipped = add(skipped, /\bskipped=(\d+)/.exec(line)?.[1]);
    const successes = Number(/\bunexpected successes=(\d+)/.exec(line)?.[1] ?? 0);
    expected += successes + Number(/\bexpected failures=(\d+)/.exec(line)?.[1] ?? 0);
    // They fail the run: a number that grows is a failure that must not be lost for want of a name.
    const unnamed = successes - unexpectedNames.size;
    if (unnamed > 0) found.note('failed', `unexpected successes: ${unnamed}`);
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
    const hook = /^An error occurred in an? (`.+` hook)\.$/.exec(line)?.[1];
    if (hook !== undefined) found.note('failed', `an error in an ${hook}`);
    const [, examples, failures, pending = 0] =
      /^(\d+) examples?, (\d+) failures?(?:, (\d+) pending)?/.exec(line) ?? [];
    if (examples === undefined) continue;
    passed = add(passed, Math.max(0, Number(examples) - Number(failures) - Number(pending)));
    skipped = add(skipped, pending);
  }
  return found.reading({ passed, skipped });
}

/** minitest, and test-unit, whose sections begin otherwise and whose summary has more numbers. */
function minitest(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let isFailure = false;
  let isSection = false;
  for (const line of lines) {
    const failed = isFailure ? /^(\S.*?#.+?)(?: \[[^\]]*:\d+\])?:$/.exec(line)?.[1] : undefined;
    const failedThere = isSection ? /^(?:Failure|Error): (.+?\([\w:]+\))(?:: |$)/.exec(line)?.[1] : undefined;
    const test = failed ?? failedThere;
    if (test !== undefined) found.note('failed', test);
    isFailure = /^ *(?:\d+\) )?(?:Failure|Error):$/.test(line);
    isSection = /^={79}$/.test(line);
    const [, shown, mark] = /^(\S.*?#.+) = [\d.]+ s = ([.S])$/.exec(line) ?? [];
    if (shown !== undefined) found.note(mark === '.' ? 'passed' : 'skipped', shown);
    const total = /^(\d+) (?:runs|tests), \d+ assertions, /.exec(line)?.[1];
    if (total === undefined) continue;
    const number = (word: string): number => Number(new RegExp(`\\b(\\d+) ${word}\\b`).exec(line)?.[1] ?? 0);
    const left = number('skips') + number('pendings') + number('omissions');
    passed = add(passed, Math.max(0, Number(total) - number('failures') - number('errors') - left));
    skipped = add(skipped, left);
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
    passed = add(passed, /^No tests executed!$/.test(line) ? 0 : /^OK \((\d+) tests?, /.exec(line)?.[1]);
    const tests = /^Tests: (\d+), Assertions: /.exec(line)?.[1];
    if (tests === undefined) continue;
    const number = (word: string): number => Number(new RegExp(`\\b${word}: (\\d+)`).exec(line)?.[1] ?? 0);
    const notRun = number('Skipped') + number('Incomplete');
    passed = add(passed, Math.max(0, Number(tests) - number('Errors') - number('Failures') - notRun));
    skipped = add(skipped, notRun);
  }
  return found.reading({ passed, skipped });
}
