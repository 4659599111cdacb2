import type { Paired } from './rounds.ts';

/** One line of the report. `goal` is the ratio (or, without a baseline, the figure) that is allowed; null: only a figure. */
export interface Row {
  readonly metric: string;
  readonly unit: 'ms' | 'MiB' | 'x';
  readonly ours: number;
  readonly baseline: number | null;
  readonly ratio: number | null;
  readonly goal: number | null;
}

export function row(metric: string, unit: Row['unit'], figures: Paired, goal: number | null): Row {
  return { metric, unit, goal, ...figures };
}

export function isMet({ ours, ratio, goal }: Row): boolean | null {
  return goal === null ? null : (ratio ?? ours) <= goal;
}

/** The report as text, one aligned line a row. */
export function tableText(rows: readonly Row[]): string {
  const cells = [
    ['metric', 'ours', 'baseline', 'ratio', 'goal', 'met'],
    ...rows.map((each) => [
      each.metric,
      figure(each.ours, each.unit),
      each.baseline === null ? '' : figure(each.baseline, each.unit),
      each.ratio === null ? '' : `${each.ratio.toFixed(2)}x`,
      each.goal === null
        ? ''
        : each.ratio === null
          ? `<= ${figure(each.goal, each.unit)}`
          : `<= ${each.goal.toFixed(2)}x`,
      { true: 'yes', false: 'NO', null: '' }[`${isMet(each)}`],
    ]),
  ];
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n');
}

function figure(value: number, unit: Row['unit']): string {
  return unit === 'x' ? `${value.toFixed(2)}x` : `${value.toFixed(value < 10 ? 2 : 1)} ${unit}`;
}
