/** What mails, chats, editors, terminals and models do to a diff, as a fast-check arbitrary. */
import * as fc from 'fast-check';

/** A diff as a byte string, to the same diff after its way. */
export type Damaging = (diff: string) => string;

const utf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const decoded = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

/** Changes the text of hunk lines and leaves their signs and all headers. */
function inBodies(diff: string, change: (text: string) => string): string {
  return diff.replace(/^([-+ ])(?!-- |\+\+ )(.*)$/gm, (_, sign: string, text: string) => sign + change(text));
}

const smart = (text: string): string =>
  text
    .replace(/"([^"]*)"/g, '\u201c$1\u201d')
    .replace(/(\w)'(\w)/g, '$1\u2019$2')
    .replace(/ -- /g, ' \u2013 ')
    .replaceAll('...', '\u2026');

function expandTabs(text: string): string {
  let wide = '';
  for (const character of text) wide += character === '\t' ? ' '.repeat(8 - (wide.length % 8)) : character;
  return wide;
}

function wrapped(diff: string): string {
  return diff.replace(/^(.{60,76}) (?=\S)/gm, '$1\n');
}

function numbered(diff: string): string {
  let at = 9;
  return diff.replace(/^([-+ \\].*)$/gm, (line) =>
    /^(?:---|\+\+\+) /.test(line) ? line : `${String((at += 1)).padStart(4)} ${line}`,
  );
}

function quotedPrintable(diff: string): string {
  const coded = diff.replace(
    /[=\x80-\xff]/g,
    (character) => `=${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
  return `Content-Transfer-Encoding: quoted-printable\n\n${coded.replace(/^(.{70}[^=\n]{3})(?=.)/gm, '$1=\n')}`;
}

const parts = (diff: string): string[] => diff.split(/^(?=diff --git )/m);

const whole: readonly Damaging[] = [
  (diff) => diff.replaceAll('\r', ''),
  (diff) => diff.replaceAll('\r\n', '\n').replaceAll('\n', '\r\n'),
  (diff) => diff.replace(/[ \t]+$/gm, ''),
  (diff) => diff.replace(/[ \t\r]+$/gm, ''),
  (diff) => diff.trimEnd(),
  (diff) => diff.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  (diff) =>
    diff
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;'),
  (diff) => diff.replace(/^/gm, '> '),
  (diff) => diff.replace(/^(?=.)/gm, '    '),
  (diff) => diff.replaceAll('\t', '    '),
  (diff) => diff.replaceAll('\t', ' '),
  (diff) => inBodies(diff, expandTabs),
  (diff) => inBodies(diff, (text) => text.trimStart()),
  (diff) => inBodies(diff, (text) => `${text} `),
  (diff) => inBodies(diff, (text) => text.replace(/ {2,}/g, ' ')),
  (diff) => inBodies(diff, (text) => text.replaceAll('  ', utf8('\u00a0 '))),
  (diff) => utf8(inBodies(decoded(diff), smart)),
  (diff) => utf8(decoded(diff)),
  (diff) => utf8(diff),
  (diff) => diff.replace(/^@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@/gm, '@@ ... @@'),
  (diff) => diff.replace(/^@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@/gm, '@@'),
  (diff) => diff.replace(/^ $/gm, ''),
  (diff) => diff.replace(/^ \n/gm, ''),
  (diff) => diff.replace(/^ /gm, ''),
  (diff) => diff.replace(/^\\ No newline at end of file\n/gm, ''),
  (diff) => diff.replaceAll('\n', '\n\n'),
  (diff) => `Here:\n\n\`\`\`diff\n${diff}\`\`\`\n\n- that is it\n`,
  (diff) =>
    parts(diff)
      .filter(Boolean)
      .map((part) => `**A file**\n\n\`\`\`diff\n${part}\`\`\`\n`)
      .join('\nand\n\n'),
  (diff) => parts(diff).filter(Boolean).toReversed().join(''),
  (diff) => diff + diff,
  (diff) => inBodies(diff, (text) => text).replace(/^([-+].*)$/gm, '\u001b[32m$1\u001b[m'),
  numbered,
  wrapped,
  quotedPrintable,
  (diff) =>
    `Content-Transfer-Encoding: base64\n\n${Buffer.from(diff, 'latin1').toString('base64').replace(/.{76}/g, '$&\n')}\n`,
];

/** One line of a header, or two that belong together. */
export const headerDamage: fc.Arbitrary<Damaging> = fc
  .tuple(
    fc.nat(),
    fc.constantFrom('drop', 'twice', 'swap', 'blank', 'wrap', 'typo', 'empty', 'names', 'unquote', 'prefix', 'far'),
  )
  .map(
    ([by, how]): Damaging =>
      (diff) =>
        changeHeader(diff, by, how),
  );

/** The number chooses a line or an amount. */
export const damage: fc.Arbitrary<Damaging> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...whole) },
  {
    weight: 1,
    arbitrary: fc.nat().map(
      (by): Damaging =>
        (diff) =>
          diff.replace(
            /^@@ -(\d+),(\d+) \+(\d+),(\d+) @@/gm,
            (_, a, b, c, d) => `@@ -${Number(a) + (by % 9)},${b} +${c},${Number(d) + (by % 3)} @@`,
          ),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat().map(
      (by): Damaging =>
        (diff) =>
          cutInside(diff, by),
    ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.nat(), fc.constantFrom('drop', 'twice', 'swap', 'shift', 'flip', 'bare', 'invent', 'elide', 'typo'))
      .map(
        ([by, how]): Damaging =>
          (diff) =>
            changeLine(diff, by, how),
      ),
  },
  { weight: 3, arbitrary: headerDamage },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...whole), fc.constantFrom(...whole)).map(
      ([one, other]): Damaging =>
        (diff) =>
          other(one(diff)),
    ),
  },
);

/** Cut within the anchor's part: between two parts nothing tells that there was more. */
function cutInside(diff: string, by: number): string {
  const start = diff.indexOf('diff --git a/anchor.txt') + 'diff --git '.length;
  const end = diff.indexOf('+anchor 2') + '+anchor 2'.length;
  return diff.slice(0, start + (by % (end - start)));
}

function changeLine(diff: string, by: number, how: string): string {
  const lines = diff.split('\n');
  const inHunks = lines.flatMap((line, at) => (/^[-+ ](?!--? |\+\+ )/.test(line) ? [at] : []));
  const at = inHunks[by % Math.max(inHunks.length, 1)];
  if (at === undefined) return diff;
  const line = lines[at] ?? '';
  if (how === 'drop') lines.splice(at, 1);
  if (how === 'twice') lines.splice(at, 0, line);
  if (how === 'swap') lines.splice(at, 2, lines[at + 1] ?? '', line);
  if (how === 'shift') lines[at] = `${line.slice(0, 1)}  ${line.slice(1)}`;
  if (how === 'flip') lines[at] = `${line.startsWith('+') ? '-' : '+'}${line.slice(1)}`;
  if (how === 'bare') lines[at] = line.slice(1);
  if (how === 'invent') lines.splice(at, 0, '     return invented;');
  if (how === 'elide') lines.splice(at, 1, ' ...');
  if (how === 'typo') lines[at] = `${line}~`;
  return lines.join('\n');
}

const headerLine =
  /^(?:diff --git |index [0-9a-f]|--- [a"/]|\+\+\+ [b"/]|(?:new|old|new file|deleted file) mode |@@ -|GIT binary|literal |\\ )/;
const movingLine = /^(?:(?:rename|copy) (?:from|to) |(?:dis)?similarity index )/;

/** Lines of a header; those of a moved file as often as all others, where there are any. */
function changeHeader(diff: string, by: number, how: string): string {
  const lines = diff.split('\n');
  const pattern = by % 2 === 1 && lines.some((line) => movingLine.test(line)) ? movingLine : headerLine;
  const inHeaders = lines.flatMap((line, at) => (pattern.test(line) ? [at] : []));
  const at = inHeaders[by % Math.max(inHeaders.length, 1)];
  if (at === undefined) return diff;
  const line = lines[at] ?? '';
  if (how === 'drop') lines.splice(at, 1);
  if (how === 'twice') lines.splice(at, 0, line);
  if (how === 'swap') lines.splice(at, 2, lines[at + 1] ?? '', line);
  if (how === 'blank') lines[at] = ` ${line}`;
  if (how === 'wrap') lines[at] = line.replace(/^(.{10,}) /, '$1\n');
  if (how === 'typo') lines[at] = `${line}~`;
  if (how === 'empty') lines[at] = '';
  // The two names of a line, or of two lines, in each other's place.
  if (how === 'names') Object.assign(lines, swapNames(lines, at));
  if (how === 'unquote') lines[at] = line.replaceAll('"', '');
  if (how === 'prefix') lines[at] = line.replace(/(?<=[ "])[ab]\//g, '');
  // To where the next part ends, or far below.
  if (how === 'far') lines.splice(at + 5, 0, ...lines.splice(at, 1));
  return lines.join('\n');
}

function swapNames(lines: readonly string[], at: number): string[] {
  const line = lines[at] ?? '';
  const same = (other: string): boolean => /^(?:rename|copy) (?:from|to) /.test(other);
  const changed = [...lines];
  if (same(line)) {
    const other = same(lines[at + 1] ?? '') ? at + 1 : at - 1;
    const name = (text = ''): string => text.replace(/^\S+ \S+ /, '');
    const head = (text = ''): string => /^\S+ \S+ /.exec(text)?.[0] ?? '';
    changed[at] = head(line) + name(lines[other]);
    changed[other] = head(lines[other]) + name(line);
  } else changed[at] = line.replace(/^diff --git (\S+) (\S+)$/, 'diff --git $2 $1');
  return changed;
}
