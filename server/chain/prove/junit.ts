import { no, ok, type Result } from '../../lib/result.ts';
import { collector, fullName, pointsMax, stableName, type Collector, type Reading } from './named.ts';

const depthMax = 50;
/** Of reports in one answer: Gradle and Maven write one for each class of tests. */
const documentsMax = 5000;

/** What XML itself defines; the parser would know those of HTML too. No prototype, or `&constructor;` were one. */
const predefined: Record<string, string> = Object.assign(Object.create(null) as object, {
  amp: '&',
  gt: '>',
  lt: '<',
  quot: '"',
  apos: "'",
});

/** An element as sax hands it over without namespaces: attributes are texts. */
interface Tag {
  readonly name: string;
  readonly isSelfClosing: boolean;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What is used of sax's parser; the package is only loaded, never imported, where it is needed. */
interface Parser {
  ENTITIES: Record<string, string>;
  onerror: (error: Error) => void;
  ondoctype: (doctype: string) => void;
  /** A method, because sax has another shape of element for namespaces, which are off. */
  onopentag(tag: Tag): void;
  onclosetag: (name: string) => void;
  readonly position: number;
  write(text: string): { close(): unknown };
}

/** The state of one report while it is read. */
interface Report {
  readonly found: Collector;
  /** Names of the open suites, from the outermost in. */
  readonly suites: string[];
  test: { readonly name: string; outcome: 'passed' | 'failed' | 'skipped'; mayFail: boolean } | null;
  depth: number;
  isRootSeen: boolean;
  why: string | null;
}

/**
 * JUnit's XML as Maven, Gradle, pytest, PHPUnit, node --test and others write it: test suites inside of each other, test
 * cases in them. `text` is any number of documents, one behind the other; `cut` says that its end is missing. The bytes come
 * from a sandbox: entities are the predefined and the numeric ones, a DOCTYPE is refused, depth and numbers are bounded.
 * Fails with a sentence when a document is not well-formed; what a cut one held until there counts.
 */
export async function readJunit(text: string, cut: boolean): Promise<Result<Reading, string>> {
  // Most checks leave no report behind: the parser is loaded for the first that does.
  const { default: sax } = await import('sax');
  const found = collector();
  let from = nextDocument(text, 0);
  for (let documents = 0; from !== null; documents += 1) {
    if (documents >= documentsMax) return no(`there are more than ${documentsMax} of them`);
    const report: Report = { found, suites: [], test: null, depth: 0, isRootSeen: false, why: null };
    const end = readDocument(sax.parser(true), text.slice(from), report);
    if (end === null) {
      if (cut) break;
      return no(report.why ?? 'it ends in the middle');
    }
    from = nextDocument(text, from + end);
  }
  const reading = found.reading({ passed: found.count('passed'), skipped: found.count('skipped') });
  const total = found.count('passed') + found.count('failed') + found.count('skipped');
  return ok({ ...reading, whole: !cut && total < pointsMax });
}

/** Where the next document begins, behind white space and a byte order mark; null at the end. */
function nextDocument(text: string, from: number): number | null {
  const next = /[^\s\uFEFF]/g;
  next.lastIndex = from;
  return next.exec(text)?.index ?? null;
}

/** Thrown to leave the parser at the end of the root, because it would take what follows for a part of the document. */
class DocumentEnd extends Error {}

/** Reads one document from the start of `text` and says where it ended; null when it could not be read. */
function readDocument(parser: Parser, text: string, report: Report): number | null {
  const refuse = (why: string): never => {
    report.why = why;
    throw new DocumentEnd();
  };
  parser.ENTITIES = predefined;
  parser.onerror = (error) => refuse(error.message.split('\n')[0] ?? 'it is not XML');
  parser.ondoctype = () => refuse('it has a DOCTYPE');
  parser.onopentag = (tag) => {
    report.depth += 1;
    if (report.depth > depthMax) refuse(`its elements are nested deeper than ${depthMax}`);
    if (!report.isRootSeen && !/^testsuites?$/.test(tag.name)) refuse(`it begins with <${stableName(tag.name)}>`);
    report.isRootSeen = true;
    openTag(report, tag);
  };
  parser.onclosetag = (name) => {
    report.depth -= 1;
    closeTag(report, name);
    if (report.depth === 0) throw new DocumentEnd();
  };
  try {
    parser.write(text).close();
  } catch (error) {
    if (!(error instanceof DocumentEnd)) throw error;
    return report.why === null ? parser.position : null;
  }
  return null;
}

function openTag(report: Report, { name, attributes }: Tag): void {
  switch (name) {
    case 'testsuite':
      report.suites.push(stableName(attributes['name'] ?? ''));
      break;
    case 'testcase':
      report.test = { name: caseName(report.suites, attributes), outcome: 'passed', mayFail: false };
      break;
    case 'failure':
    case 'error':
      if (report.test !== null) report.test.outcome = report.test.mayFail ? 'skipped' : 'failed';
      // A suite that fails outside of its tests (Gradle, PHPUnit): the suite itself is what failed.
      else if (report.suites.length > 0) report.found.note('failed', fullName(report.suites));
      break;
    case 'skipped':
      if (report.test?.outcome === 'passed') report.test.outcome = 'skipped';
      // node --test: still to be done, so its failure is written down and fails nothing.
      if (report.test !== null && attributes['type'] === 'todo') report.test.mayFail = true;
      break;
    // Others say nothing about the outcome: Surefire notes with flakyFailure and rerunFailure what a run again showed.
    default:
  }
}

function closeTag(report: Report, name: string): void {
  if (name === 'testsuite') report.suites.pop();
  if (name !== 'testcase' || report.test === null) return;
  report.found.note(report.test.outcome, report.test.name);
  report.test = null;
}

/** The class tells tests of one name apart; where a writer has none, the suites do. Some repeat it in the name. */
function caseName(suites: readonly string[], attributes: Tag['attributes']): string {
  const name = attributes['name'] ?? '';
  const owner = attributes['classname'] ?? attributes['class'] ?? '';
  if (owner === '') return fullName([...suites, name]);
  return name === owner || name.startsWith(`${owner} `) ? name : fullName([owner, name]);
}
