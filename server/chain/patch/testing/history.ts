/** Random pairs of trees, as fast-check arbitraries: what real histories do to files, in small. */
import * as fc from 'fast-check';
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
);

const text = fc
  .record({
    lines: fc.array(line, { maxLength: 30 }),
    end: fc.constantFrom('\n', '\n', '\n', '\r\n'),
    finalNewline: fc.boolean(),
  })
  .map(({ lines, end, finalNewline }) => lines.join(end) + (finalNewline && lines.length > 0 ? end : ''));

const content = fc.oneof(
  { weight: 8, arbitrary: text.map((string) => Buffer.from(string)) },
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
  | { readonly kind: 'mode'; readonly at: number }
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
  if (one.kind === 'move') delete tree[path];
  if (one.kind === 'move' || one.kind === 'copy') put(tree, one.to, there);
  if (one.kind !== 'edit' || there.mode === '120000') return;
  const lines = there.content.toString('latin1').split('\n');
  const end = lines.some((text) => text.endsWith('\r')) ? '\r' : '';
  lines.splice(
    one.line % (lines.length + 1),
    one.drop,
    ...one.lines.map((text) => Buffer.from(text).toString('latin1') + end),
  );
  tree[path] = { ...there, content: Buffer.from(lines.join('\n'), 'latin1') };
}

/** A file takes the place of whatever is in its way. */
function put(tree: Record<string, File>, path: string, one: File): void {
  for (const other of Object.keys(tree))
    if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) delete tree[other];
  tree[path] = one;
}

export const step: fc.Arbitrary<Step> = fc
  .record({
    start: fc.dictionary(name, file, { minKeys: 1, maxKeys: 8 }),
    operations: fc.array(operation, { minLength: 1, maxLength: 8 }),
    swap: fc.boolean(),
  })
  .map(({ start, operations, swap }) => {
    const before: Record<string, File> = {};
    for (const [path, one] of Object.entries(start)) put(before, path, one);
    const after = { ...before };
    for (const one of operations) perform(after, one);
    // A folder where a file was, and the other way round.
    if (swap) put(after, 'x/inside.txt', { mode: '100644', content: Buffer.from('new\n') });
    return { before, after };
  });
