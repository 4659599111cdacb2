/** An expected outcome: either a value or a closed reason why not. The caller must look (STYLE, Errors). */
export type Result<T, W> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: W };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function no<W>(why: W): { readonly ok: false; readonly why: W } {
  return { ok: false, why };
}
