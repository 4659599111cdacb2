/** Bytes as base64, in pieces: spreading ten megabytes into one call overflows the stack. */
export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary);
}

/** A diff as it was handed over: its exact bytes, and where they came from. */
export interface Diff {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** "fix.patch" or "Pasted diff". */
  readonly name: string;
}

/** The clipboard's own text, with the carriage returns that a text field would drop. */
export function diffOfText(text: string): Diff {
  return { bytes: new TextEncoder().encode(text), name: 'Pasted diff' };
}

export async function diffOfFile(file: File): Promise<Diff> {
  return { bytes: new Uint8Array(await file.arrayBuffer()), name: file.name };
}

/** First words of a diff's subject or first file, as a title to start from. */
export function titleOf(text: string): string {
  const subject = /^Subject: (?:\[[^\]]*\] )?(.+)$/m.exec(text)?.[1];
  if (subject) return subject.trim();
  const path = /^\+\+\+ (?:b\/)?(\S+)/m.exec(text)?.[1] ?? /^diff --git a\/(\S+)/m.exec(text)?.[1];
  return path && path !== '/dev/null' ? `Change ${path}` : '';
}
