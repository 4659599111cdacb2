/** Looks at every state that a small model can reach, shortest way first, and tells the way to a broken promise. */

export interface Move<S> {
  readonly name: string;
  readonly to: S;
}

export interface Model<S> {
  readonly start: S;
  /** Everything that may happen next. */
  readonly moves: (state: S) => readonly Move<S>[];
  /** What must hold in every state, by its name. */
  readonly promises: Readonly<Record<string, (state: S) => boolean>>;
}

export interface Found {
  readonly states: number;
  /** Null when every promise holds everywhere; else the shortest way there. */
  readonly broken: { readonly promise: string; readonly way: readonly string[]; readonly state: string } | null;
}

/** A state is what its JSON says. `statesMax`: a model that grows beyond it is a mistake in the model. */
export function explore<S>(model: Model<S>, statesMax = 200_000): Found {
  const start = JSON.stringify(model.start);
  const cameFrom = new Map<string, { readonly before: string; readonly name: string } | null>([[start, null]]);
  let level: { readonly key: string; readonly state: S }[] = [{ key: start, state: model.start }];
  while (level.length > 0) {
    const next: typeof level = [];
    for (const { key, state } of level) {
      const promise = Object.entries(model.promises).find(([, holds]) => !holds(state))?.[0];
      if (promise !== undefined)
        return { states: cameFrom.size, broken: { promise, way: wayTo(cameFrom, key), state: key } };
      for (const { name, to } of model.moves(state)) {
        const reached = JSON.stringify(to);
        if (cameFrom.has(reached)) continue;
        cameFrom.set(reached, { before: key, name });
        next.push({ key: reached, state: to });
      }
    }
    if (cameFrom.size > statesMax) throw new Error(`the model has more than ${statesMax} states`);
    level = next;
  }
  return { states: cameFrom.size, broken: null };
}

function wayTo(
  cameFrom: ReadonlyMap<string, { readonly before: string; readonly name: string } | null>,
  key: string,
): string[] {
  const names: string[] = [];
  for (let at = cameFrom.get(key) ?? null; at !== null; at = cameFrom.get(at.before) ?? null) names.unshift(at.name);
  return names;
}

/** Every way of exactly `length` moves (or fewer, where nothing can happen any more), with the states it passes. */
export function* everyWay<S>(model: Model<S>, length: number, from: S = model.start): Generator<Move<S>[]> {
  const moves = length === 0 ? [] : model.moves(from);
  if (moves.length === 0) yield [];
  for (const move of moves) for (const rest of everyWay(model, length - 1, move.to)) yield [move, ...rest];
}

/** One way; `choose` picks a number below the one it is given. */
export function someWay<S>(model: Model<S>, length: number, choose: (below: number) => number): Move<S>[] {
  const way: Move<S>[] = [];
  for (let state = model.start; way.length < length;) {
    const moves = model.moves(state);
    const move = moves[choose(moves.length)];
    if (move === undefined) break;
    way.push(move);
    state = move.to;
  }
  return way;
}
