/** git's words for what went wrong with a remote, sorted into what the owner can do about it. */
import { redactText, type KnownSecret } from '../lib/redact.ts';
import { no } from '../lib/result.ts';
import type { TransferTrouble } from '../ports.ts';

const detailCharactersMax = 400;

export type Failed = {
  readonly ok: false;
  readonly why: { readonly trouble: TransferTrouble; readonly detail: string };
};

interface Words {
  readonly pattern: RegExp;
  readonly trouble: TransferTrouble;
  /** Instead of git's own words; `$1` is what the pattern has caught. */
  readonly sentence?: string;
}

/** Lines that only say how far it is. */
const progress =
  /^(?:remote: *)?(?:Enumerating|Counting|Compressing|Writing|Receiving|Resolving|Unpacking|Updating) [^\n]*(?:\n|$)|^(?:remote: *)?(?:Total|Delta compression) [^\n]*(?:\n|$)|[^\r\n]*\r(?!\n)/gm;

/** The first match wins. The messages behind `remote:` are GitHub's. */
const words: readonly Words[] = [
  {
    pattern: /refusing to allow a Personal Access Token to create or update workflow `([^`]*)`/i,
    trouble: 'refused',
    sentence:
      'the token may not change $1. Give it "Workflows: read and write" (classic: the scope "workflow"), or leave that file out.',
  },
  {
    pattern: /refusing to allow an? (?:GitHub|OAuth) App to create or update workflow `([^`]*)`/i,
    trouble: 'refused',
    sentence:
      'the App may not change $1. Give it "Workflows: read and write" on its page and accept the change, or leave that file out.',
  },
  {
    pattern: /GH013[\s\S]*push protection/i,
    trouble: 'refused',
    sentence: 'GitHub found what looks like a credential in the change and did not take it (push protection).',
  },
  {
    pattern: /GH013[\s\S]*?\n(?:remote: *)?- ([^\n]+)|Repository rule violations/i,
    trouble: 'refused',
    sentence: 'a rule of the repository does not allow this branch: $1',
  },
  {
    pattern: /GH006[\s\S]*?\n(?:remote: *)?- ([^\n]+)|protected branch hook declined/i,
    trouble: 'refused',
    sentence: 'the branch is protected: $1',
  },
  {
    pattern: /File (\S[^\n]*? is [\d.]+ [MG]B); this exceeds/i,
    trouble: 'refused',
    sentence: 'the file $1, which is more than GitHub takes.',
  },
  {
    pattern: /pack exceeds maximum allowed size|HTTP 413/i,
    trouble: 'refused',
    sentence: 'the change is larger than the remote takes.',
  },
  {
    pattern: /GH007/i,
    trouble: 'refused',
    sentence: 'the commit would show an e-mail address that GitHub keeps private.',
  },
  {
    pattern: /shallow update not allowed/i,
    trouble: 'refused',
    sentence: 'the history here is cut off (shallow), and the remote takes only a whole one.',
  },
  {
    pattern: /archived so it is read-only/i,
    trouble: 'refused',
    sentence: 'the repository is archived, so nothing can be pushed to it.',
  },
  {
    pattern: /SAML SSO|single sign-on/i,
    trouble: 'refused',
    sentence:
      'the organization wants the token to be authorized for its single sign-on first, on the page of the token.',
  },
  {
    pattern: /Write access to repository not granted|Permission to \S+ denied to/i,
    trouble: 'refused',
    sentence: 'the credential may not do this here. It needs "Contents: read and write" (classic: the scope "repo").',
  },
  {
    pattern: /rate limit|returned error: 429/i,
    trouble: 'unreachable',
    sentence: 'the forge takes no more requests for now.',
  },
  {
    pattern: /unable to update url base from redirection|Repository moved|returned error: 30[1278]/i,
    trouble: 'not_git',
    sentence: 'the repository answers at another address now. Add it again under that one.',
  },
  {
    pattern: /Invalid username or (?:token|password)|Authentication failed/i,
    trouble: 'needs_password',
  },
  { pattern: /returned error: 403/i, trouble: 'refused', sentence: 'the remote does not allow it (403).' },
  { pattern: /returned error: 5\d\d|HTTP 5\d\d/i, trouble: 'unreachable' },
  {
    pattern: /could not read Username|terminal prompts disabled|Permission denied \(|HTTP (?:Basic|401)/i,
    trouble: 'needs_password',
  },
  { pattern: /stale info|\(fetch first\)|non-fast-forward|already exists|cannot lock ref/i, trouble: 'moved' },
  {
    pattern: /\[remote rejected\]|pre-receive hook declined|protected branch|denied by|refusing to/i,
    trouble: 'refused',
  },
  { pattern: /block timeout reached|timed out/i, trouble: 'timed_out' },
  {
    pattern: /Repository not found|repository .* not found/i,
    trouble: 'not_git',
    sentence: 'there is no such repository, or the credential may not see it.',
  },
  {
    pattern: /does not appear to be a git repository|not a git repository|does not exist|dubious ownership/i,
    trouble: 'not_git',
  },
];

/** git asks for a name where the header that it was given was not taken. */
const notTaken = 'the credential is not accepted: it has expired, or it was revoked.';

/** What git said becomes a trouble with a bounded detail in one line, without any of the credentials in `known`. */
export function troubleOf(message: string, known: readonly KnownSecret[] = []): Failed {
  const clean = redactText(message.replaceAll(progress, ''), known);
  const said = clean.replaceAll(/\s+/g, ' ').trim();
  for (const { pattern, trouble, sentence } of words) {
    const found = pattern.exec(clean);
    if (!found) continue;
    const isOurs = trouble === 'needs_password' && known.length > 0;
    const own = isOurs ? notTaken : sentence?.replace('$1', () => found[1]?.trim() ?? '').trim();
    const detail = own === undefined ? said : `${own} (git: ${said})`;
    return no({ trouble, detail: detail.slice(0, detailCharactersMax) });
  }
  return no({ trouble: 'unreachable', detail: said.slice(0, detailCharactersMax) });
}
