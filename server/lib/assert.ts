/** Our own bug, as opposed to a bad input or a failing world. Nobody catches it: the process ends and is started again. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** States what cannot be otherwise. `why` says the rule, for whoever reads the crash. */
export function assert(condition: unknown, why: string): asserts condition {
  if (!condition) throw new AssertionError(`cannot be: ${why}`);
}

/** Ends every `switch` over a closed set, so that a new member is a type error and not a silent fall-through. */
export function never(value: never): never {
  throw new AssertionError(`a switch met a value outside its closed set: ${JSON.stringify(value)}`);
}
