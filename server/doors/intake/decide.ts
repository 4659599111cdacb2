import type { ForgeRequest } from '#contract/forge.ts';
import { RequestId, ThreadId } from '#contract/ids.ts';
import { uuidOf } from '../../lib/digest.ts';

/** An issue with this label, and a comment that begins with this word, ask for something. */
export const intakeLabel = 'patchgit';
export const intakeWord = '/patchgit';

export type Verdict = 'accepted' | 'ignored';

/**
 * Whether a request from the forge is the owner's. Logins are told apart as the forge does it, without letter case. While the
 * owner's login is not known nobody is the owner. Pure.
 */
export function judge({ author }: Pick<ForgeRequest, 'author'>, ownerLogin: string | null): Verdict {
  if (ownerLogin === null || ownerLogin === '') return 'ignored';
  return author.toLowerCase() === ownerLogin.toLowerCase() ? 'accepted' : 'ignored';
}

/** Issues are `issue:7`, comments `comment:3100`. */
export function isOfIssue(key: string): boolean {
  return key.startsWith('issue:');
}

export interface Asked {
  readonly threadId: ThreadId;
  readonly threadTitle: string;
  readonly messageId: RequestId;
  readonly text: string;
}

/**
 * The message that a request becomes. Its ids are made of the request, so taking it twice is one thing. The word in front of a
 * comment is left out; everything else is the owner's text as it stands.
 */
export function messageOf(repository: { readonly id: string; readonly name: string }, request: ForgeRequest): Asked {
  const { key, number, title, text, url } = request;
  const words = text.startsWith(intakeWord) ? text.slice(intakeWord.length).trim() : text;
  const asked = [isOfIssue(key) ? title : '', words].map((part) => part.trim()).filter((part) => part !== '');
  return {
    threadId: ThreadId.parse(uuidOf(`thread:${repository.id}:${number}`)),
    threadTitle: `${repository.name} #${number}`,
    messageId: RequestId.parse(uuidOf(`message:${repository.id}:${key}`)),
    text: [...asked, `(${url})`].join('\n\n'),
  };
}
