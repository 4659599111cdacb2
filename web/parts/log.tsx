import Anser from 'anser';
import { logShownBytesMax } from '../limits.ts';
import { Text } from './bits.tsx';

const blockLines = 200;

/** A log as data: colours become classes, every other control character is marked, nothing is ever markup. */
export function Log({
  text,
  label,
  tail = false,
}: {
  readonly text: string;
  readonly label: string;
  readonly tail?: boolean;
}) {
  const lines = text.split('\n').map(lastWriting);
  const blocks: string[] = [];
  for (let from = 0; from < lines.length; from += blockLines) {
    blocks.push(lines.slice(from, from + blockLines).join('\n'));
  }
  return (
    <pre class={`log ${tail ? 'tail' : ''}`} tabIndex={0} role="group" aria-label={label}>
      {blocks.map((block, index) => (
        <span key={index} class="log-block">
          {painted(block)}
          {index < blocks.length - 1 ? '\n' : ''}
        </span>
      ))}
    </pre>
  );
}

/** A progress bar writes over its own line: what it wrote last is what a terminal would show. */
function lastWriting(line: string): string {
  const parts = line.replace(/\r+$/, '').split('\r');
  return parts.at(-1) ?? '';
}

function painted(text: string) {
  const parts = Anser.ansiToJson(text, { json: true, use_classes: true, remove_empty: true });
  return parts.map((part, index) => {
    const names = [part.fg, part.bg ? `on-${part.bg}` : '', ...part.decorations.map((name) => `ansi-${name}`)];
    const known = names.filter((name) => /^(on-)?ansi-[a-z-]+$/.test(name)).join(' ');
    return known ? (
      <span key={index} class={known}>
        <Text value={part.content} />
      </span>
    ) : (
      <Text key={index} value={part.content} />
    );
  });
}

/** The end of a long log, which is where the failure is. */
export function endOf(text: string): { readonly shown: string; readonly leftOut: number } {
  if (text.length <= logShownBytesMax) return { shown: text, leftOut: 0 };
  const from = text.indexOf('\n', text.length - logShownBytesMax) + 1;
  return { shown: text.slice(from), leftOut: from };
}
