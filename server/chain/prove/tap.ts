import { collector, fullName, pointsMax, type Reading } from './named.ts';

/** TAP 13 and 14 (testanything.org), subtests indented by four spaces each. */
const version = /^ *TAP version 1[34]$/;
const plan = /^1\.\.(\d+)(?: *#.*)?$/;
const point = /^(not )?ok\b(?: (\d+))?(.*)$/;
const bail = /^Bail out!(.*)$/;
const subtest = /^# Subtest(?:: (.*))?$/;
const levelsMax = 20;
const indentSpaces = 4;

interface Line {
  readonly name: string;
  readonly ok: boolean;
  readonly skipped: boolean;
  readonly children: Line[];
}

/** One indentation: what was run there, what its plan says, the subtest announced, and the one whose children follow it. */
interface Level {
  readonly lines: Line[];
  planned: number | null;
  announced: string;
  opened: Line | null;
}

interface State {
  readonly isVersioned: boolean;
  /** From the outermost in; never empty. */
  readonly levels: Level[];
  readonly rest: string[];
  /** Tests that a plan promised, at any level, and that did not come. */
  missing: number;
  noted: number;
  bailed: string | null;
  /** Where the block of YAML that belongs to the last test stands, while one is open. */
  yamlIndent: number | null;
}

export interface TapReading {
  readonly reading: Reading;
  /** It has the version, or a plan, and not only lines that begin with "ok 1". */
  readonly isAnnounced: boolean;
  /** The lines that are no TAP: another runner may have written them. */
  readonly rest: string[];
}

/**
 * Reads the TAP in an output, whatever stands between its lines; null when there is none. `entire` says that nothing of the
 * output was left out: only then is a missing plan, or a test less than planned, the run's own doing.
 */
export function readTap(lines: readonly string[], entire: boolean): TapReading | null {
  const isVersioned = lines.some((line) => version.test(line));
  const top = newLevel();
  const state: State = {
    isVersioned,
    levels: [top],
    rest: [],
    missing: 0,
    noted: 0,
    bailed: null,
    yamlIndent: null,
  };
  for (const line of lines) readLine(state, line);
  const left = fold(state, 0);
  if (left.length > 0) top.lines.push(unfinished(top, left));
  state.missing += Math.max(0, (top.planned ?? 0) - top.lines.length);
  if (!isVersioned && top.lines.length === 0) return null;
  const found = collector();
  for (const line of top.lines) flatten(line, [], found.note);
  const broken = brokenOff(state, top, entire);
  return {
    reading: {
      ...found.reading({ passed: found.count('passed'), skipped: found.count('skipped'), broken }),
      whole: entire && broken === null && state.noted < pointsMax,
    },
    isAnnounced: isVersioned || lines.some((line) => plan.test(line)),
    rest: state.rest,
  };
}

function readLine(state: State, line: string): void {
  const indent = line.length - line.trimStart().length;
  if (state.yamlIndent !== null) {
    if (line.trim() === '' || indent >= state.yamlIndent) {
      if (indent === state.yamlIndent && line.trim() === '...') state.yamlIndent = null;
      return;
    }
    state.yamlIndent = null;
  }
  const depth = indent / indentSpaces;
  const text = line.trim();
  if (text === '---' && indent % indentSpaces === 2 && state.noted > 0) state.yamlIndent = indent;
  else if (!Number.isInteger(depth) || depth > levelsMax || !takeLine(state, text, depth)) state.rest.push(line);
}

/** True when the line is one of TAP's. Lines of a level that nobody opened are somebody else's. */
function takeLine(state: State, text: string, depth: number): boolean {
  const announced = subtest.exec(text);
  const planned = plan.exec(text);
  const ended = point.exec(text);
  const isPoint = ended !== null && (ended[2] !== undefined || state.isVersioned);
  if (announced === null && planned === null && !isPoint) {
    const opened = text === '}' ? state.levels[depth]?.opened : null;
    if (opened) {
      fold(state, depth);
      return true;
    }
    state.bailed ??= bail.exec(text)?.[1]?.trim() ?? null;
    return text.startsWith('#') || version.test(text) || bail.test(text);
  }
  if (depth > state.levels.length) return false;
  const children = fold(state, depth);
  if (depth === state.levels.length) state.levels.push(newLevel());
  const level = state.levels[depth] ?? newLevel();
  if (!isPoint && children.length > 0) level.lines.push(unfinished(level, children));
  if (announced !== null) level.announced = announced[1] ?? '';
  else if (planned !== null) level.planned = Number(planned[1]);
  else if (state.noted < pointsMax) {
    state.noted += 1;
    const line = readPoint(ended?.[1] === undefined, ended?.[3] ?? '', children);
    level.lines.push(line);
    level.opened = text.endsWith('{') ? line : null;
  }
  return true;
}

/**
 * Closes what stands deeper than `depth` and returns it: the children of the line that comes next there. Of a test written
 * as `ok 1 - name {` they are its own already, and nothing is left over.
 */
function fold(state: State, depth: number): Line[] {
  let children: Line[] = [];
  for (let at = state.levels.length - 1; at >= depth; at -= 1) {
    const level = state.levels[at] ?? newLevel();
    if (level.opened !== null && children.length > 0) {
      level.opened.children.push(...children);
      level.opened = null;
      children = [];
    }
    if (at === depth) break;
    state.missing += Math.max(0, (level.planned ?? 0) - level.lines.length);
    if (children.length > 0) level.lines.push(unfinished(level, children));
    children = level.lines;
    state.levels.pop();
  }
  return children;
}

function newLevel(): Level {
  return { lines: [], planned: null, announced: '', opened: null };
}

/** Children whose own line never came, because the run ended there; the announced name is known. */
function unfinished(level: Level, children: Line[]): Line {
  return { name: level.announced, ok: true, skipped: false, children };
}

function readPoint(ok: boolean, description: string, children: Line[]): Line {
  // A directive follows an unescaped "#"; in a name the mark is escaped (TAP 14).
  const directive = /(?:^|[^\\])#\s*(skip|todo)/i.exec(description);
  const words = directive === null ? description : description.slice(0, directive.index + 1).replace(/#$/, '');
  const name = words
    .replace(/^\s*-?\s+/, '')
    .replace(/\s*\{$/, '')
    .replace(/ # time=\S+$/, '')
    .replaceAll(/\\([\\#])/g, '$1');
  return { name, ok, skipped: directive !== null, children };
}

/** Tests are the leaves. A suite that fails while everything inside passed (a hook, a plan) is named itself. */
function flatten(line: Line, suites: readonly string[], note: ReturnType<typeof collector>['note']): boolean {
  const path = [...suites, line.name.trim()];
  const failedInside = line.children.map((child) => flatten(child, path, note)).some(Boolean);
  const failed = !line.ok && !line.skipped;
  if (line.children.length === 0) {
    note(line.skipped ? 'skipped' : line.ok ? 'passed' : 'failed', fullName(path) || 'a test without a name');
  } else if (failed && !failedInside) note('failed', fullName(path));
  return failed || failedInside;
}

function brokenOff({ isVersioned, bailed, missing }: State, top: Level, entire: boolean): string | null {
  if (bailed !== null) return `the run bailed out${bailed === '' ? '' : `: ${bailed.slice(0, 200)}`}`;
  if (!entire) return null;
  if (missing > 0)
    return missing === 1 ? '1 test of the plan was not run' : `${missing} tests of the plan were not run`;
  return isVersioned && top.planned === null ? 'the run ended before it said its plan' : null;
}
