/** Random pairs of trees, as fast-check arbitraries: what real histories do to files, in small. */
import * as fc from 'fast-check';
import { pathToBytes } from '../../../lib/path-bytes.ts';
import type { File } from './repository.ts';

export type Tree = Readonly<Record<string, File>>;

export interface Step {
  readonly before: Tree;
  readonly after: Tree;
}

const names = [
  'a.txt',
  'b/c.js',
  'b/d.js',
  'b/deep/e.md',
  'with blank.txt',
  'ends in blank ',
  'quote".txt',
  'b/\u00e9t\u00e9.txt',
  '\u65e5\u672c/\u8a9e.txt',
  // A byte that is no UTF-8.
  'latin\udce9.txt',
  'x',
  'y/z',
  'y',
  '-rf',
  'back\\slash.txt',
  'a b/c d.txt',
] as const;

/** Few different lines, so that places are often ambiguous; some that look like parts of a diff. */
const line = fc.constantFrom(
  '',
  '}',
  'one',
  'two',
  'three',
  '  four',
  '\tfive',
  'six  ',
  '-- x',
  '++ y',
  '@@ -1,2 +1,2 @@',
  'diff --git a/a.txt b/a.txt',
  '\\ No newline at end of file',
  'caf\u00e9',
  '<b>&amp;</b>',
  '```',
  '> quoted',
  '-- ',
  '--- a/a.txt',
  '+++ b/a.txt',
  '@@ -1 +1 @@',
  '-- x.sql',
  '   ',
  '\t',
  'a\rb',
  'one\u00a0two',
  '\u2003wide',
  'say "one"',
  "it's 'two' -- ...",
  '\u201csmart\u201d',
  'invalid \udcff\udcfe utf-8',
  'index 1111111..2222222 100644',
  'new file mode 100755',
  'rename from y',
  'GIT binary patch',
  'Binary files a/x and b/x differ',
  '<<<<<<< SEARCH',
  '=======',
  '>>>>>>> REPLACE',
  '*** Begin Patch',
  'From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001',
  ...(['x', ' ', '\t-', '\u00e9'].map((part) => part.repeat(3000)) as [string, ...string[]]),
);

/** The same few lines again and again, as generated code and data have them. */
const lines: fc.Arbitrary<readonly string[]> = fc.oneof(
  { weight: 5, arbitrary: fc.array(line, { maxLength: 30 }) },
  {
    weight: 2,
    arbitrary: fc
      .record({ block: fc.array(line, { minLength: 1, maxLength: 6 }), times: fc.integer({ min: 2, max: 8 }) })
      .map(({ block, times }) => Array.from({ length: times }, () => block).flat()),
  },
  { weight: 1, arbitrary: fc.array(fc.constant(''), { minLength: 1, maxLength: 12 }) },
);

const text = fc
  .record({
    lines,
    ends: fc.constantFrom<readonly string[]>(
      ['\n'],
      ['\n'],
      ['\n'],
      ['\r\n'],
      ['\r'],
      ['\n', '\r\n'],
      ['\n', '\n', '\r\n', '\r'],
    ),
    finalNewline: fc.boolean(),
    mark: fc.constantFrom('', '', '', '', '', '\ufeff'),
  })
  .map(({ lines: all, ends, finalNewline, mark }) => {
    const joined = all.map(
      (one, at) => one + (at < all.length - 1 || finalNewline ? (ends[at % ends.length] ?? '') : ''),
    );
    return mark + joined.join('');
  });

const content = fc.oneof(
  { weight: 8, arbitrary: text.map((string) => pathToBytes(string)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from([0, ...bytes])) },
  { weight: 1, arbitrary: fc.constant(Buffer.alloc(0)) },
);

const file: fc.Arbitrary<File> = fc.oneof(
  { weight: 8, arbitrary: content.map((bytes): File => ({ mode: '100644', content: bytes })) },
  { weight: 1, arbitrary: content.map((bytes): File => ({ mode: '100755', content: bytes })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('a.txt', 'b/c.js', 'nowhere')
      .map((target): File => ({ mode: '120000', content: Buffer.from(target) })),
  },
);

type Operation =
  | { readonly kind: 'put'; readonly at: number; readonly file: File }
  | { readonly kind: 'remove'; readonly at: number }
  | { readonly kind: 'mode' | 'end' | 'double' | 'link'; readonly at: number }
  | { readonly kind: 'move' | 'copy'; readonly at: number; readonly to: string }
  | {
      readonly kind: 'edit';
      readonly at: number;
      readonly line: number;
      readonly drop: number;
      readonly lines: readonly string[];
    };

const at = fc.nat({ max: 20 });
const name = fc.constantFrom(...names);

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('edit' as const),
      at,
      line: fc.nat({ max: 30 }),
      drop: fc.nat({ max: 3 }),
      lines: fc.array(line, { maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('put' as const), at, file }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('mode' as const), at }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('end' as const, 'double' as const, 'link' as const), at }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('move' as const, 'copy' as const), at, to: name }) },
);

function perform(tree: Record<string, File>, one: Operation): void {
  const paths = Object.keys(tree);
  const path = paths[one.at % Math.max(paths.length, 1)];
  const there = path === undefined ? undefined : tree[path];
  if (one.kind === 'put') put(tree, names[one.at % names.length] ?? 'x', one.file);
  if (path === undefined || !there) return;
  if (one.kind === 'remove') delete tree[path];
  if (one.kind === 'mode' && there.mode !== '120000')
    tree[path] = { ...there, mode: there.mode === '100644' ? '100755' : '100644' };
  const isText = there.mode !== '120000';
  // The last line gains or loses its line feed; everything stands twice; a file becomes a symlink and the other way round.
  if (one.kind === 'end' && isText) tree[path] = { ...there, content: toggleEnd(there.content) };
  if (one.kind === 'double' && isText)
    tree[path] = { ...there, content: Buffer.concat([there.content, there.content]) };
  if (one.kind === 'link')
    tree[path] = isText
      ? { mode: '120000', content: Buffer.from('a.txt') }
      : { mode: '100644', content: there.content };
  if (one.kind === 'move') delete tree[path];
  if (one.kind === 'move' || one.kind === 'copy') put(tree, one.to, there);
  if (one.kind !== 'edit' || there.mode === '120000') return;
  const content = there.content.toString('latin1').split('\n');
  const end = content.some((kept) => kept.endsWith('\r')) ? '\r' : '';
  content.splice(
    one.line % (content.length + 1),
    one.drop,
    ...one.lines.map((added) => pathToBytes(added).toString('latin1') + end),
  );
  tree[path] = { ...there, content: Buffer.from(content.join('\n'), 'latin1') };
}

function toggleEnd(content: Buffer): Buffer {
  return content.at(-1) === 10 ? content.subarray(0, -1) : Buffer.concat([content, Buffer.from('\n')]);
}

/** A file takes the place of whatever is in its way. */
function put(tree: Record<string, File>, path: string, one: File): void {
  for (const other of Object.keys(tree))
    if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) delete tree[other];
  tree[path] = one;
}

const story = {
  start: fc.dictionary(name, file, { minKeys: 1, maxKeys: 8 }),
  operations: fc.array(operation, { minLength: 1, maxLength: 8 }),
  swap: fc.constantFrom(null, null, 'x/inside.txt', 'b', 'a.txt/inside.txt'),
};

function begin(start: Readonly<Record<string, File>>): Record<string, File> {
  const before: Record<string, File> = {};
  for (const [path, one] of Object.entries(start)) put(before, path, one);
  return before;
}

export const step: fc.Arbitrary<Step> = fc.record(story).map(({ start, operations, swap }) => {
  const before = begin(start);
  const after = { ...before };
  for (const one of operations) perform(after, one);
  // A folder where a file was, and the other way round.
  if (swap !== null) put(after, swap, { mode: '100644', content: Buffer.from('new\n') });
  return { before, after };
});

/** Something is moved or copied, perhaps with another line in it: a header of its own. */
export const moving: fc.Arbitrary<Step> = fc
  .record({
    start: fc.dictionary(name, file, { minKeys: 2, maxKeys: 5 }),
    moves: fc.array(
      fc.record({ kind: fc.constantFrom('move' as const, 'copy' as const), at, to: name, added: fc.option(line) }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ start, moves }) => {
    const before = begin(start);
    const after = { ...before };
    for (const { added, ...move } of moves) {
      perform(after, move);
      const there = after[move.to];
      if (added === null || !there || there.mode === '120000') continue;
      after[move.to] = { ...there, content: Buffer.concat([pathToBytes(`${added}\n`), there.content]) };
    }
    return { before, after };
  });

/** Three trees after each other, as a series of patches has them. */
export const series: fc.Arbitrary<Step & { readonly middle: Tree }> = fc
  .record({ ...story, more: fc.array(operation, { minLength: 1, maxLength: 6 }) })
  .map(({ start, operations, more }) => {
    const before = begin(start);
    const middle = { ...before };
    for (const one of operations) perform(middle, one);
    const after = { ...middle };
    for (const one of more) perform(after, one);
    return { before, middle, after };
  });
