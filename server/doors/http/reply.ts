export interface ReplyParts {
  readonly status?: number;
  /** Header names in lower case; they win over the ones every answer has. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Sent as JSON when it is not text, bytes or an iterable of text (which is streamed, chunk by chunk). */
  readonly content: { readonly json: unknown } | { readonly body: string | Uint8Array | Iterable<string> };
}

/** An answer that is more than a JSON value: cookies, another media type, a stream. */
export class Reply {
  readonly parts: ReplyParts;
  constructor(parts: ReplyParts) {
    this.parts = parts;
  }
}

/** JSON with cookies set beside it. */
export function jsonReply(json: unknown, cookies: readonly string[]): Reply {
  return new Reply({ content: { json }, ...(cookies.length === 0 ? {} : { headers: { 'set-cookie': cookies } }) });
}

/** Bytes that came from outside (diffs, logs): text for reading, never a page of ours. */
export function plainText(body: string | Uint8Array, options: { readonly downloadName?: string } = {}): Reply {
  return new Reply({
    content: { body },
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'content-security-policy': "sandbox; default-src 'none'",
      ...(options.downloadName === undefined
        ? {}
        : { 'content-disposition': `attachment; filename="${options.downloadName}"` }),
    },
  });
}
