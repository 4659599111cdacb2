import type { Problem } from '#contract/problem.ts';
import type { Client } from './client.ts';

/** What a command may use, and how it says what came of it. */
export interface Run {
  readonly client: Client;
  readonly root: string;
  readonly home: string;
  readonly positionals: readonly string[];
  readonly options: Options;
  /** Waits between two looks at something that is under way. */
  readonly pause: (ms: number) => Promise<void>;
  readonly readInput: (file: string) => Promise<Buffer>;
  readonly newId: () => string;
}

export interface Options {
  readonly name?: string | undefined;
  readonly check?: readonly string[] | undefined;
  readonly formatter?: string | undefined;
  readonly setup?: string | undefined;
  readonly author?: string | undefined;
  readonly draft?: boolean | undefined;
  readonly ready?: boolean | undefined;
  readonly label?: readonly string[] | undefined;
  readonly remote?: boolean | undefined;
  readonly repo?: string | undefined;
  readonly base?: string | undefined;
  readonly diff?: string | undefined;
  readonly title?: string | undefined;
  readonly wait?: boolean | undefined;
  readonly digest?: string | undefined;
  readonly note?: string | undefined;
  readonly limit?: string | undefined;
  readonly kind?: string | undefined;
  readonly subject?: string | undefined;
  readonly plan?: string | undefined;
  readonly 'approve-extra-spend'?: string | undefined;
}

/** `json`: what --json prints. `text`: what a person reads. `failed`: exit code 1 although there is an answer. */
export type Outcome =
  | { readonly kind: 'done'; readonly json: unknown; readonly text: string; readonly failed?: boolean }
  | { readonly kind: 'refused'; readonly problem: Problem }
  | { readonly kind: 'usage'; readonly sentence: string }
  | { readonly kind: 'silent'; readonly failed?: boolean };

export type Command = (run: Run) => Promise<Outcome>;

export function done(json: unknown, text: string): Outcome {
  return { kind: 'done', json, text };
}

export function usageError(sentence: string): Outcome {
  return { kind: 'usage', sentence };
}

export function refusedWith(why: Problem): Outcome {
  return { kind: 'refused', problem: why };
}
