/** Figures of two sides that take turns, so that a busy machine troubles both alike. */

export interface Paired {
  readonly ours: number;
  readonly baseline: number;
  /** Median of the ratios round by round, which is not the ratio of the medians. */
  readonly ratio: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return (low + high) / 2;
}

export function paired(rounds: readonly { readonly ours: number; readonly baseline: number }[]): Paired {
  return {
    ours: median(rounds.map(({ ours }) => ours)),
    baseline: median(rounds.map(({ baseline }) => baseline)),
    ratio: median(rounds.map(({ ours, baseline }) => ours / baseline)),
  };
}

export async function wallMs(work: () => unknown): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

/**
 * Runs both sides `rounds` times in turn, after one round that does not count. Each returns its figure.
 * Who goes first changes with every round.
 */
export async function takeTurns(
  rounds: number,
  ours: () => Promise<number>,
  baseline: () => Promise<number>,
): Promise<Paired> {
  const figures: { ours: number; baseline: number }[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const first = round % 2 === 0 ? await ours() : null;
    const other = await baseline();
    figures.push({ ours: first ?? (await ours()), baseline: other });
  }
  return paired(figures.slice(1));
}
