import { z } from 'zod';

/** What the daemon and the program that looks for secrets say to each other: one JSON document each way. No value comes back. */
export const ScanRequest = z.strictObject({
  files: z.array(z.strictObject({ path: z.string(), lines: z.array(z.string()) })),
});
export type ScanRequest = z.infer<typeof ScanRequest>;

export const foundMax = 1000;

const Place = z.strictObject({ line: z.int().min(0), column: z.int().min(0) });
export const ScanAnswer = z.strictObject({
  found: z
    .array(
      z.strictObject({ file: z.int().min(0), kind: z.string().regex(/^[\w .:/-]{1,60}$/), from: Place, to: Place }),
    )
    .max(foundMax),
  /** There are more than `foundMax`. */
  more: z.boolean(),
});
export type ScanAnswer = z.infer<typeof ScanAnswer>;
