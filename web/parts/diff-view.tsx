import { memo } from './memo.ts';
import { useState } from 'preact/hooks';
import { maskTokens } from '#contract/token-shapes.ts';
import { changedPart, counterparts, foldReason } from '../diff.ts';
import type { DiffFile, Row } from '../diff.ts';
import { count } from '../format.ts';
import { foldedLines } from '../limits.ts';
import { Button, PathText, Text } from './bits.tsx';

const blockRows = 200;

/** One file of a diff as plain rows: native find, select and copy work, and nothing is left out unsaid. */
export function DiffFileView(props: {
  readonly file: DiffFile;
  readonly index: number;
  readonly total: number;
  readonly wrap: boolean;
  readonly unfolded?: boolean;
}) {
  const { file, index, total, wrap } = props;
  const changed = file.additions + file.deletions;
  const reason = props.unfolded ? null : foldReason(file.path, changed, foldedLines);
  const [open, setOpen] = useState(reason === null);
  return (
    <section class="diff-file" aria-labelledby={`file-${index}`} data-file={index}>
      <header class="diff-head">
        <h2 id={`file-${index}`} tabIndex={-1}>
          <PathText value={file.path} />
        </h2>
        <p class="diff-facts">
          <span class="num">
            {index + 1}/{total}
          </span>
          <Counts additions={file.additions} deletions={file.deletions} binary={file.binary} />
          {notesOf(file).map((note) => (
            <span key={note} class="diff-note">
              <PathText value={note} />
            </span>
          ))}
        </p>
      </header>
      {open ? (
        <Rows rows={file.rows} wrap={wrap} path={file.path} />
      ) : (
        <div class="diff-folded">
          <p>
            {count(changed, 'changed line')}, folded: {reason}.
          </p>
          <Button onPress={() => setOpen(true)}>Show this file</Button>
        </div>
      )}
    </section>
  );
}

function notesOf(file: DiffFile): readonly string[] {
  if (file.lineEnds === 'crlf') return [...file.notes, 'every line ends with CR LF'];
  return file.lineEnds === 'mixed' ? [...file.notes, 'mixed line ends'] : file.notes;
}

export function Counts(props: {
  readonly additions: number | null;
  readonly deletions: number | null;
  readonly binary?: boolean;
}) {
  if (props.binary || props.additions === null) return <span class="counts">binary</span>;
  return (
    <span class="counts num">
      <span class="plus">
        +{props.additions}
        <span class="sr"> added</span>
      </span>{' '}
      <span class="minus">
        −{props.deletions ?? 0}
        <span class="sr"> removed</span>
      </span>
    </span>
  );
}

/** Memoised: opening one file must not draw fifty thousand rows of the others again. */
const Rows = memo(function Rows({
  rows,
  wrap,
  path,
}: {
  readonly rows: readonly Row[];
  readonly wrap: boolean;
  readonly path: string;
}) {
  if (rows.length === 0) return <p class="diff-folded">No lines changed.</p>;
  const pairs = counterparts(rows);
  const drawn = rows.map((row, at) => <RowLine key={at} row={row} other={rows[pairs.get(at) ?? -1]} />);
  const blocks = [];
  for (let from = 0; from < drawn.length; from += blockRows) blocks.push(drawn.slice(from, from + blockRows));
  return (
    <pre class={`rows ${wrap ? 'wrap' : ''}`} tabIndex={0} role="group" aria-label={`Changes in ${maskTokens(path)}`}>
      {blocks.length === 1
        ? blocks[0]
        : blocks.map((block, index) => (
            <span key={index} class="rows-block">
              {block}
            </span>
          ))}
    </pre>
  );
});

function RowLine({ row, other }: { readonly row: Row; readonly other: Row | undefined }) {
  const part = other ? changedPart(row.text, other.text) : null;
  return (
    <span class={`row ${row.kind}`} data-n={row.line ?? ''}>
      {part ? (
        <>
          <Text value={row.text.slice(0, part[0])} />
          <mark>
            <Text value={row.text.slice(part[0], part[1])} />
          </mark>
          <Text value={row.text.slice(part[1])} />
        </>
      ) : (
        <Text value={row.text} />
      )}
      {'\n'}
    </span>
  );
}
