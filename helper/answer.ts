/** An expected outcome: a value, or a sentence that says why there is none. */
export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };
