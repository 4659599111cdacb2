import { add, collector, fullName, type Reading, type Runner } from './named.ts';

/** The runners of JavaScript, by what their own reporters print. */
export const javascriptRunners: readonly Runner[] = [
  { sign: /^(?:ℹ (?:tests|pass) \d+|✖ failing tests:)$/u, read: nodeSpec },
  { sign: /^\s*\d+ passing(?: \(.+\))?$/, read: mocha },
  { sign: /^Test Suites: .*\btotal$/, read: jest },
  { sign: /^\s*(?:RUN {2}v\d|Test Files {2}\S)/, read: vitest },
  { sign: /^ {2}\d+ tests? (?:passed|failed)$/, read: ava },
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

/** Mocha lists what failed again at the end, each line of a name one step deeper, the last one with a colon. */
function mocha(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let isList = false;
  let path: string[] | null = null;
  for (const line of lines) {
    if (/^\s*\d+ failing$/.test(line)) isList = true;
    const first = isList ? /^ {2}\d+\) (.+)$/.exec(line)?.[1] : undefined;
    const next = path !== null ? /^ {5,}(\S.*)$/.exec(line)?.[1] : undefined;
    const part = first ?? next;
    if (first !== undefined) path = [];
    if (part === undefined || path === null || path.length > 50) path = null;
    else {
      path.push(part.replace(/:$/, ''));
      if (part.endsWith(':')) {
        found.note('failed', fullName(path));
        path = null;
      }
    }
    passed = add(passed, /^\s*(\d+) passing\b/.exec(line)?.[1]);
    if (/^\s*\d+ passing\b/.test(line)) isList = false;
    skipped = add(skipped, /^\s*(\d+) pending$/.exec(line)?.[1]);
  }
  return found.reading({ passed, skipped });
}

/** Headlines of Jest that name no test. */
const jestHeadlines = /^(?:Console|Cannot log after tests are done|process\.exit called|Deprecation Warning)\b/;

function jest(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let file = '';
  for (const line of lines) {
    const start = /^(?:FAIL|PASS) (?:\.\/)?(.+)$/.exec(line)?.[1];
    if (start !== undefined) file = start.replace(/ \(.*\)$/, '').trim();
    const test = /^ {2}● (.+)$/u.exec(line)?.[1];
    if (test !== undefined && !jestHeadlines.test(test))
      found.noteOnce('failed', fullName([file, ...test.split(' › ')]));
    if (!line.startsWith('Tests: ')) continue;
    passed = add(passed, /(\d+) passed\b/.exec(line)?.[1]);
    for (const word of [/(\d+) skipped\b/, /(\d+) todo\b/]) skipped = add(skipped, word.exec(line)?.[1]);
  }
  return found.reading({ passed, skipped });
}

function vitest(lines: readonly string[]): Reading {
  const found = collector();
  // Where the details of the failing tests are missing, the tree is what names them.
  const inTree: string[] = [];
  let passed: number | null = null;
  let skipped: number | null = null;
  for (const line of lines) {
    const failed = /^ FAIL {2}(?:\|.+?\| )?(.+)$/.exec(line)?.[1];
    if (failed !== undefined) found.noteOnce('failed', failed.replace(/ \[ .* \]$/, ''));
    const shown = /^ *✓ (\S+ > .+?)(?: \((?:retry|repeat) x\d+\))?(?: \d+ms)?$/u.exec(line)?.[1];
    if (shown !== undefined) found.note('passed', shown);
    const leftOut = /^ *[↓□] (\S+ > .+)$/u.exec(line)?.[1];
    if (leftOut !== undefined) found.note('skipped', leftOut);
    const crossed = /^ *× (.+?)(?: \((?:retry|repeat) x\d+\))?(?: \d+(?:\.\d+)?m?s)?$/u.exec(line)?.[1];
    if (crossed !== undefined) inTree.push(crossed);
    if (!/^ +Tests {2}/.test(line)) continue;
    passed = add(passed, /(\d+) passed\b/.exec(line)?.[1]);
    for (const word of [/(\d+) skipped\b/, /(\d+) todo\b/]) skipped = add(skipped, word.exec(line)?.[1]);
  }
  if (!found.has('failed')) for (const name of inTree) found.note('failed', name);
  return found.reading({ passed, skipped });
}

function ava(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  for (const line of lines) {
    const [, mark, name = ''] = /^ {2}(✔|✘ \[fail\]:) (.+)$/u.exec(line) ?? [];
    if (mark !== undefined) found.note(mark === '✔' ? 'passed' : 'failed', fullName(name.split(' › ')));
    const [, number, word] = /^ {2}(\d+) tests? (passed|skipped|todo)$/.exec(line) ?? [];
    if (word === 'passed') passed = add(passed, number);
    else skipped = add(skipped, number);
  }
  return found.reading({ passed, skipped });
}
