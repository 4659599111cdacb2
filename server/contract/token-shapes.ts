/** Published shapes of credentials: what their makers say they look like, so that each is known without asking anybody. */

export interface TokenShape {
  /** What the owner calls it; goes into "[masked: …]". */
  readonly name: string;
  /** Global, and linear in the length of the text: it runs over hostile text too. */
  readonly pattern: RegExp;
}

const begin = '-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----';
const end = '-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----';
// Up to the end line where there is one; else (a hunk cut it off) all that goes on looking like base64.
const privateKey = new RegExp(
  `${begin}(?:(?:[A-Za-z0-9+/=\\s\\\\"':,._]|-(?!-)){0,8000}${end}|(?:[\\s\\\\"',]{0,40}[A-Za-z0-9+/=]{16,256}){1,400})`,
  'g',
);

export const tokenShapes: readonly TokenShape[] = [
  { name: 'private key', pattern: privateKey },
  { name: 'GitHub token', pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b/g },
  { name: 'GitLab token', pattern: /\bgl(?:pat|dt|rt|soat|cbt|ptt|ft|agent)-[A-Za-z0-9_.-]{20,255}/g },
  { name: 'DigitalOcean token', pattern: /\bdo[por]_v1_[a-f0-9]{64}\b/g },
  // The one ending in EXAMPLE is the one of the maker's own documentation.
  { name: 'AWS access key', pattern: /\b(?:AKIA|ASIA|ABIA|ACCA)(?![A-Z0-9]{9}EXAMPLE\b)[A-Z0-9]{16}\b/g },
  { name: 'Slack token', pattern: /\bxox[abeoprs]-[A-Za-z0-9-]{10,255}/g },
  { name: 'Anthropic key', pattern: /\bsk-ant-[A-Za-z0-9_-]{20,255}/g },
  { name: 'OpenAI key', pattern: /\bsk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,255}|[A-Za-z0-9]{32,255}\b)/g },
  { name: 'Google key', pattern: /\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g },
  { name: 'npm token', pattern: /\bnpm_[A-Za-z0-9]{36}\b/g },
  { name: 'PyPI token', pattern: /\bpypi-AgE[A-Za-z0-9_-]{50,1000}/g },
  { name: 'Stripe key', pattern: /\b[rs]k_live_[A-Za-z0-9]{20,255}\b/g },
  { name: 'SendGrid key', pattern: /\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/g },
  { name: 'Hugging Face token', pattern: /\bhf_[A-Za-z]{34}\b/g },
  { name: 'age key', pattern: /\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b/g },
  {
    name: 'signed token',
    pattern: /\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{10,500}/g,
  },
  // In an address: only what stands between the colon and the at sign. `${…}` and `<…>` are places to fill in, and so are the
  // words that every manual uses there.
  {
    name: 'password in an address',
    pattern:
      /(?<=\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@"'`<>${}]{0,100}:)(?!(?:my|your)?[-_]?(?:pass|passwd|password|pwd|pw|guest)@)[^\s:/@"'`<>${}*]{3,200}(?=@[A-Za-z0-9[])/g,
  },
];

export interface TokenFound {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Where credentials stand in a text, in its order, overlaps joined. Offsets are UTF-16, `to` is past the end. */
export function findTokens(text: string): TokenFound[] {
  const found = tokenShapes.flatMap(({ name, pattern }) =>
    [...text.matchAll(pattern)].map((match) => ({ name, from: match.index, to: match.index + match[0].length })),
  );
  return joinOverlaps(found);
}

/** The gravest name (the first) of what overlaps stays; an empty stretch is none. */
export function joinOverlaps(found: readonly TokenFound[]): TokenFound[] {
  const joined: TokenFound[] = [];
  for (const one of found.filter(({ from, to }) => to > from).toSorted((a, b) => a.from - b.from || b.to - a.to)) {
    const last = joined.at(-1);
    if (last && one.from < last.to) joined[joined.length - 1] = { ...last, to: Math.max(last.to, one.to) };
    else joined.push(one);
  }
  return joined;
}

/** What stands in the place of a secret. The length of the value is not kept: it would be a hint. */
export function maskOf(name: string): string {
  return `[masked: ${name}]`;
}

/** `found` in the order of the text, without overlaps. */
export function maskAt(text: string, found: readonly TokenFound[]): string {
  if (found.length === 0) return text;
  let masked = '';
  let at = 0;
  for (const { name, from, to } of found) {
    masked += text.slice(at, from) + maskOf(name);
    at = to;
  }
  return masked + text.slice(at);
}

/** For where a path is shown: on the wire it stays exact, and may be shaped like a token. */
export function maskTokens(text: string): string {
  return maskAt(text, findTokens(text));
}
