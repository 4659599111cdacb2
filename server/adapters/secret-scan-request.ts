/**
 * What the daemon says to the program that looks for secrets: one JSON document. Without a schema, because only the daemon speaks
 * to it, and loading one would take a third of the time until the program can look.
 */
export interface ScanRequest {
  readonly files: readonly { readonly path: string; readonly lines: readonly string[] }[];
}

export const foundMax = 1000;
