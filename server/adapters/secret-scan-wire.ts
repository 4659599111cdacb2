import { z } from 'zod';
import { foundMax } from './secret-scan-request.ts';

/** What the program that looks for secrets says to the daemon: one JSON document. No value comes back. */

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
