/** The encodings of a mail: seen by its header, by its escapes, and undone. */

/** How a line begins that belongs to a patch of any format; a pattern. */
export const structure = String.raw`(?:diff --git |--- \S|\+\+\+ \S|@@ |Index: |\*\*\* (?:Begin|Update|Add|Delete) )`;

/**
 * A mail that says how it is encoded, and is. Left as it is, its added lines would apply just as well, with `=3D` in them,
 * and its index lines are broken, so that nothing would notice.
 */
export function undoDeclared(text: string): string | null {
  const decoded = declaredAt(text, 'base64') === null || hasStructure(text) ? null : undoBase64(text);
  // Anywhere in a line: it may have been quoted or shifted before.
  if (decoded !== null && new RegExp(structure).test(decoded)) return decoded;
  const isQuoted = declaredAt(text, 'quoted-printable') !== null && judgeEscapes(text) === 'all';
  return isQuoted ? undoQuotedPrintable(text) : null;
}

/** A line that only a patch begins with stands in the text as it is. */
export function hasStructure(text: string): boolean {
  return new RegExp(`^${structure}`, 'm').test(text);
}

/** 1-based line of the header that declares this encoding, or null. */
function declaredAt(text: string, encoding: 'base64' | 'quoted-printable'): number | null {
  const at = text.search(new RegExp(`^content-transfer-encoding: *"?${encoding}`, 'im'));
  return at < 0 ? null : text.slice(0, at).split('\n').length;
}

/**
 * Line of a header that says quoted-printable above a text that is so in part only, or null. Whether it was decoded
 * already or damaged, nothing says what its added lines were.
 */
export function halfEncodedAt(text: string): number | null {
  const at = declaredAt(text, 'quoted-printable');
  return at !== null && judgeEscapes(text) === 'some' ? at : null;
}

/** Every `=` of an encoded text begins an escape or ends its line; in plain code few do. Only the diff is looked at. */
function judgeEscapes(text: string): 'all' | 'some' | 'none' {
  const start = text.search(new RegExp(`^${structure}`, 'm'));
  if (start < 0) return 'none';
  // Boundaries and headers of further parts of a mail have signs of their own.
  const body = text.slice(start).replace(/^(?:--[^ ].*|[A-Z][A-Za-z-]+: .*)$/gm, '');
  // The end of the paste may have cut the last escape.
  if (!/=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|[0-9A-F]?[ \t]*$)/.test(body))
    return /=(?:[0-9A-F]{2}|[ \t]*\r?\n)/i.test(body) ? 'all' : 'none';
  const isEncoded = /=(?:3D|[89A-F][0-9A-F])/.test(body) || /^index [0-9a-f.]+=[ \t]*\r?$/m.test(body);
  return isEncoded ? 'some' : 'none';
}

/** The same where only `=3D` tells of it, or not all of the text is encoded. */
export function undoMailEncoding(text: string): string | null {
  if (declaredAt(text, 'base64') !== null) return undoBase64(text);
  return declaredAt(text, 'quoted-printable') !== null || text.includes('=3D') ? undoQuotedPrintable(text) : null;
}

function undoQuotedPrintable(text: string): string {
  return text
    .replace(/=[ \t]*\r?\n/g, '')
    .replace(/=([0-9A-F]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** A mail with one part whose body is base 64. */
function undoBase64(text: string): string | null {
  const body = text.indexOf('\n\n');
  const packed = /^(?:[A-Za-z0-9+/=]+\n?)+/.exec(text.slice(body + 2))?.[0];
  return body < 0 || packed === undefined
    ? null
    : Buffer.from(packed, 'base64').toString('latin1').replaceAll('\r\n', '\n');
}
