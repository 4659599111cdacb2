/**
 * Limits of the contract that the pages need as values. They are repeated here, because importing them would bring the
 * schema library along; limits.test.ts holds them equal.
 */
export const patchBytesMax = 10 * 1024 * 1024;
export const pinLengthMin = 8;
export const titleMax = 120;
export const threadTitleMax = 120;
export const checksMax = 20;
export const labelsMax = 10;
/** Above this many changed lines a file starts folded (notes 2.4). */
export const foldedLines = 400;
/** A log is shown up to here; the rest on request. */
export const logShownBytesMax = 200_000;
/** Tail of a running check's output kept in the page, per job. */
export const outputTailMax = 60_000;
