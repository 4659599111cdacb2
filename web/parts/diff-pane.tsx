import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { parseDiff } from '../diff.ts';
import { count } from '../format.ts';
import { onKey } from '../keys.ts';
import { DiffFileView } from './diff-view.tsx';

/** Every file of a change below each other, with j k for files, n p for hunks and w to wrap. */
export function DiffPane({
  text,
  truncated,
  target,
}: {
  readonly text: string;
  readonly truncated: boolean;
  readonly target: number | null;
}) {
  const files = useMemo(() => parseDiff(text), [text]);
  const [wrap, setWrap] = useState(() => matchMedia('(max-width: 899px)').matches);
  const pane = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (target !== null) toFile(pane.current, target);
  }, [target]);
  useEffect(
    () =>
      onKey((key) => {
        if (key === 'j' || key === 'k') step(pane.current, '.diff-file', key === 'j' ? 1 : -1);
        else if (key === 'n' || key === 'p') step(pane.current, '.row.hunk', key === 'n' ? 1 : -1);
        else if (key === 'w') setWrap((on) => !on);
      }),
    [],
  );
  const additions = files.reduce((sum, file) => sum + file.additions, 0);
  const deletions = files.reduce((sum, file) => sum + file.deletions, 0);
  return (
    <div class="diff-pane" ref={pane}>
      <div class="diff-bar">
        <span class="num">
          {count(files.length, 'file')} +{additions} −{deletions}
        </span>
        <span class="keys-hint">
          <kbd>j</kbd> <kbd>k</kbd> file, <kbd>n</kbd> <kbd>p</kbd> hunk
        </span>
        <button type="button" class="button text" aria-pressed={wrap} onClick={() => setWrap(!wrap)}>
          Wrap lines
        </button>
      </div>
      {truncated ? (
        <p class="notice">
          This diff is too large to show whole. The rest is in the evidence, and is part of what was proved.
        </p>
      ) : null}
      {files.map((file, index) => (
        <DiffFileView key={file.path} file={file} index={index} total={files.length} wrap={wrap} />
      ))}
    </div>
  );
}

function toFile(pane: HTMLElement | null, index: number): void {
  const heading = pane?.querySelector<HTMLElement>(`#file-${index}`);
  heading?.scrollIntoView({ block: 'start' });
  heading?.focus({ preventScroll: true });
}

/** Moves to the next or previous place that matches, counted from the top of what is seen. */
function step(pane: HTMLElement | null, selector: string, direction: 1 | -1): void {
  if (!pane) return;
  const top = pane.getBoundingClientRect().top + 60;
  const places = [...pane.querySelectorAll<HTMLElement>(selector)];
  const ahead =
    direction === 1
      ? places.find((place) => place.getBoundingClientRect().top > top + 8)
      : places.findLast((place) => place.getBoundingClientRect().top < top - 8);
  ahead?.scrollIntoView({ block: 'start' });
}
