import { problem, type Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';

/**
 * Accepts an absolute path, file://, https://, ssh:// or user@host:path. Everything else git understands is refused:
 * `ext::` runs programs, http and git are not authenticated, and a leading dash is an option. `isAtForge`: addresses of the
 * connected forge, which can be plain http only where it is on this machine.
 */
export function readRepositoryUrl(
  text: string,
  isAtForge: (url: string) => boolean = () => false,
): Result<string, Problem> {
  const refuse = (why: string): { ok: false; why: Problem } => no(problem('repository_url_refused', why));
  if (/\p{Cc}/u.test(text)) return refuse('The address holds a control character. Type it again without line breaks.');
  if (text.startsWith('/')) return ok(text.length > 1 ? text.replace(/\/+$/, '') : text);
  if (/^[\w.-]+@[\w.-]+:(?!\/\/)[^\s]+$/.test(text)) return ok(text);
  const url = URL.canParse(text) ? new URL(text) : null;
  const isTaken = /^(?:file|https|ssh):\/\//.test(text) || (text.startsWith('http://') && isAtForge(text));
  if (!url || !isTaken) {
    return refuse(
      'Give an absolute path, or an address that starts with https://, ssh://, file:// or git@host:. Nothing else is fetched.',
    );
  }
  if (url.password !== '' || (/^https?:$/.test(url.protocol) && url.username !== '')) {
    return refuse('The address holds a password or token. Leave it out: addresses are shown and logged.');
  }
  if (url.protocol === 'file:' && url.host !== '')
    return refuse('A file:// address names no host: write file:///path.');
  if (url.hostname.startsWith('-') || url.username.startsWith('-'))
    return refuse('A host or user name cannot start with a dash.');
  return ok(text);
}
