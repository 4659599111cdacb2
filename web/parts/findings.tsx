import type { Doctor } from '#contract/api.ts';
import { Text } from './bits.tsx';

const shapes = { good: '✓', warned: '▲', bad: '×' } as const;
const words = { good: 'good', warned: 'warning', bad: 'not good' } as const;

/** What the doctor found, worst first. */
export function Findings({ findings }: { readonly findings: Doctor['findings'] }) {
  const order = { bad: 0, warned: 1, good: 2 };
  return (
    <ul class="findings">
      {findings
        .toSorted((a, b) => order[a.verdict] - order[b.verdict])
        .map((finding) => (
          <li key={finding.name} class={finding.verdict}>
            <span class="shape" aria-hidden="true">
              {shapes[finding.verdict]}
            </span>
            <span>
              <strong>{finding.name}</strong>
              <span class="sr">, {words[finding.verdict]}:</span> <Text value={finding.sentence} />
            </span>
          </li>
        ))}
    </ul>
  );
}
