import { add, collector, fullName, type Reading, type Runner } from './named.ts';

/** The runners of JavaScript, by what their own reporters print. */
export const javascriptRunners: readonly Runner[] = [
  { sign: /^(?:ℹ (?:tests|pass) \d+|✖ failing tests:)$/u, read: nodeSpec },
  { sign: /^\s*\d+ passing(?: \(.+\))?$/, read: mocha },
  { sign: /^Test Suites: .*\btotal$|^(?:FAIL|PASS) \S+\.[cm]?[jt]sx?(?: |$)/, read: jest },
  { sign: /^\s*(?:RUN {2}v\d|Test Files {2}\S)/, read: vitest },
  { sign: /^ {2}\d+ (?:tests? (?:passed|failed)|uncaught exceptions?)$|^ {2}✘ \[fail\]: /u, read: ava },
];

/** node --test: two spaces for each suite, a suite opens with ▶ and is named again, with its own outcome, where it ends. */
function nodeSpec(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let open: { readonly name: string; hasFailed: boolean }[] = [];
  let isSummary = false;
  for (const line of lines) {
    if (line === '✖ failing tests:') isSummary = true;
    // Another run begins where something else than a failing test is named.
    else if (/^(?:[▶✔﹣] |> )/u.test(line)) isSummary = false;
    if (isSummary) continue;
    passed = add(passed, /^ℹ pass (\d+)$/u.exec(line)?.[1]);
    skipped = add(skipped, /^ℹ (?:skipped|todo) (\d+)$/u.exec(line)?.[1]);
    const [, indent = '', mark, words = ''] = /^( *)([▶✔✖﹣⚠]) (.+)$/u.exec(line) ?? [];
    if (mark === undefined) continue;
    const depth = Math.floor(indent.length / 2);
    const name = nodeName(words);
    if (mark === '▶') {
      open = [...open.slice(0, depth), { name, hasFailed: false }];
      continue;
    }
    const suites = open.slice(0, depth);
    const isEnd = open.length > depth && open[depth]?.name === name;
    const isFailedInside = isEnd && open[depth]?.hasFailed === true;
    open = suites;
    const isLeftOut = mark === '﹣' || / # (?:SKIP|T[O]DO)\b/.test(words);
    if (mark === '✖' && !isLeftOut) for (const suite of open) suite.hasFailed = true;
    if (isEnd && (mark !== '✖' || isFailedInside)) continue;
    const outcome = isLeftOut ? 'skipped' : mark === '✖' ? 'failed' : 'passed';
    found.note(outcome, fullName([...suites.map((suite) => suite.name), name]));
  }
  return found.reading({ passed, skipped });
}

function nodeName(words: string): string {
  return words.replace(/(?: \(\d+(?:\.\d+)?ms\))?(?: # (?:SKIP|T[O]DO)\b.*)?$/, '').trim();
}

/**
 * Mocha lists what failed again at the end, each part of a name two spaces deeper than the one before and a colon behind the last;
 * the message follows at five spaces, or behind an empty line. A line that is neither belongs to a name with line ends in it.
 */
function mocha(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let isList = false;
  let path: string[] | null = null;
  for (const line of lines) {
    if (/^\s*\d+ failing$/.test(line)) isList = true;
    const first = isList ? /^ {2}\d+\) (.*)$/.exec(line)?.[1] : undefined;
    if (path !== null && (first !== undefined || line.trim() === '' || /^ {5}\S/.test(line) || path.length > 50)) {
      found.note('failed', fullName(path).replace(/:$/, ''));
      path = null;
    }
    if (first !== undefined) path = [first];
    else if (path !== null) {
      const deeper: string | undefined = line.startsWith(' '.repeat(5 + 2 * path.length)) ? line.trim() : undefined;
      if (deeper === undefined) path = [...path.slice(0, -1), `${path.at(-1) ?? ''} ${line.trim()}`];
      else path = [...path, deeper];
    }
    passed = add(passed, /^\s*(\d+) passing\b/.exec(line)?.[1]);
    if (/^\s*\d+ passing\b/.test(line)) isList = false;
    skipped = add(skipped, /^\s*(\d+) pending$/.exec(line)?.[1]);
  }
  if (path !== null) found.note('failed', fullName(path).replace(/:$/, ''));
  return found.reading({ passed, skipped });
}

/** Headlines of Jest that name no test. */
const jestHeadlines = /^(?:Console|Cannot log after tests are done|process\.exit called|Deprecation Warning)\b/;

function jest(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let file = '';
  let suites = 0;
  let isEnded = false;
  for (const line of lines) {
    const start = /^(?:FAIL|PASS) (?:\.\/)?(.+)$/.exec(line)?.[1];
    if (start !== undefined) {
      file = start.replace(/ \(.*\)$/, '').trim();
      suites += 1;
    }
    if (line.startsWith('Test Suites: ')) isEnded = true;
    const test = /^ {2}● +(.+)$/u.exec(line)?.[1];
    if (test !== undefined && !jestHeadlines.test(test))
      found.noteOnce('failed', fullName([file, ...test.split(' › ')]));
    if (!line.startsWith('Tests: ')) continue;
    passed = add(passed, /(\d+) passed\b/.exec(line)?.[1]);
    for (const word of [/(\d+) skipped\b/, /(\d+) todo\b/]) skipped = add(skipped, word.exec(line)?.[1]);
  }
  // A test file can end the whole process.
  const broken = suites > 0 && !isEnded ? 'the run ended before its summary' : null;
  return found.reading({ passed, skipped, broken });
}

function vitest(lines: readonly string[]): Reading {
  const found = collector();
  // Where the details of the failing tests are missing, the tree is what names them.
  const inTree: string[] = [];
  let passed: number | null = null;
  let skipped: number | null = null;
  for (const line of lines) {
    const failed = /^ FAIL {2}(?:\|.+?\| )?(.+)$/.exec(line)?.[1];
    if (failed !== undefined) found.noteOnce('failed', failed.replace(/^(.+) \[ \1 \]$/, '$1'));
    // An error outside of any test fails the run, and no test of it.
    const stray = /^This error originated in "(.+)" test file\./.exec(line)?.[1];
    if (stray !== undefined) found.note('failed', `${stray} (an error outside of its tests)`);
    const shown = /^ *✓ (\S+ > .+?)(?: \((?:retry|repeat) x\d+\))?(?: \d+ms)?$/u.exec(line)?.[1];
    if (shown !== undefined) found.note('passed', shown);
    const leftOut = /^ *[↓□] (\S+ > .+)$/u.exec(line)?.[1];
    if (leftOut !== undefined) found.note('skipped', leftOut);
    const crossed = /^ *× (.+?)(?: \((?:retry|repeat) x\d+\))?(?: \d+(?:\.\d+)?m?s)?$/u.exec(line)?.[1];
    if (crossed !== undefined) inTree.push(crossed);
    if (!/^ +Tests {2}/.test(line)) continue;
    for (const word of [/(\d+) passed\b/, /(\d+) expected fail\b/]) passed = add(passed, word.exec(line)?.[1]);
    for (const word of [/(\d+) skipped\b/, /(\d+) todo\b/]) skipped = add(skipped, word.exec(line)?.[1]);
  }
  if (!found.has('failed')) for (const name of inTree) found.note('failed', name);
  return found.reading({ passed, skipped });
}

/** The message of a failure stands behind its name, and the name alone in front of its details. */
function ava(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  const detailsAt = lines.findIndex((line) => /^ {2}─+$/u.test(line));
  const headings = new Set(detailsAt === -1 ? [] : lines.slice(detailsAt).map((line) => line.trim()));
  for (const line of lines) {
    const [, mark, words = ''] = /^ {2}(✔|✘ \[fail\]:|✘) (?:\[expected fail\] )?(.+)$/u.exec(line) ?? [];
    if (mark === '✔') found.note('passed', fullName(words.split(' › ')));
    else if (mark === '✘' && !words.startsWith('Exiting due to ')) found.note('failed', words);
    else if (mark === '✘ [fail]:') found.note('failed', fullName(headingOf(words, headings).split(' › ')));
    const leftOut = /^ {2}- \[(?:skip|todo)\] (.+)$/.exec(line)?.[1];
    if (leftOut !== undefined) found.note('skipped', fullName(leftOut.split(' › ')));
    const [, number, word] = /^ {2}(\d+) tests? (passed|failed|skipped|todo)$/.exec(line) ?? [];
    // Where some fail, it does not say how many passed; but it names every one.
    if (word === 'passed' || word === 'failed') passed = found.count('passed');
    else skipped = add(skipped, number);
  }
  return found.reading({ passed, skipped });
}

const wordsMax = 60;

/** The longest beginning of `words`, in whole words, that is a heading; all of them when none is. */
function headingOf(words: string, headings: ReadonlySet<string>): string {
  const parts = words.split(' ', wordsMax);
  for (let length = parts.length; length > 0; length -= 1) {
    const heading = parts.slice(0, length).join(' ');
    if (headings.has(heading)) return heading;
  }
  return words;
}
