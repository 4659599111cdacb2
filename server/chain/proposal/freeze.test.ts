import { describe, expect, it } from 'vitest';
import { ProposalDocument } from '#contract/proposal.ts';
import type { Repository } from '#contract/repository.ts';
import { freezeFacts } from '../../testing/documents.ts';
import { digestOf, freeze } from './freeze.ts';

/** Every path to a leaf of a value, as keys. Arrays count by index. */
function leaves(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...path]];
  const members = Object.entries(value);
  return members.length === 0 ? [[...path]] : members.flatMap(([key, member]) => leaves(member, [...path, key]));
}

/** The same value with something else at `path`. */
function changedAt(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) {
    if (typeof value === 'number') return value + 1;
    if (typeof value === 'boolean') return !value;
    return typeof value === 'string' ? `${value}x` : ['x'];
  }
  if (Array.isArray(value))
    return value.map((member, index) => (String(index) === key ? changedAt(member, rest) : member));
  const members = value as Record<string, unknown>;
  return { ...members, [key]: changedAt(members[key], rest) };
}

describe('the digest of a proposal', () => {
  const document = freeze(freezeFacts());

  it('is over the whole document, which the contract accepts', () => {
    expect(ProposalDocument.parse(document)).toEqual(document);
    expect(document.digest).toBe(digestOf(document));
  });

  it('changes with every single thing in the document', () => {
    const paths = leaves(document).filter(([first]) => first !== 'digest');
    expect(paths.length).toBeGreaterThan(60);
    for (const path of paths) {
      const changed = changedAt(document, path) as ProposalDocument;
      expect(digestOf(changed), path.join('.')).not.toBe(document.digest);
    }
  });

  it('covers what GO acts on: repository, base, tree, patch, branch, message, author and pull request', () => {
    const keys = leaves(document).map((path) => path.join('.'));
    for (const key of [
      'repo.url',
      'base.sha',
      'patch.treeAfter',
      'patch.sha256',
      'publishing.branch',
      'publishing.commitMessage',
      'publishing.author.email',
      'publishing.pullTitle',
      'publishing.pullBody',
    ])
      expect(keys).toContain(key);
  });

  it('covers whether the pull request is a draft, and its labels, as the settings of the repository are', () => {
    const { repository } = freezeFacts();
    const asked = (pulls: Repository['pulls']): ProposalDocument =>
      freeze(freezeFacts({ repository: pulls === undefined ? repository : { ...repository, pulls } }));
    const draft = asked({ isDraft: true, labels: ['a', 'b'] });
    expect(draft.publishing).toMatchObject({ isDraft: true, labels: ['a', 'b'] });
    const others = [
      asked(undefined),
      asked({ isDraft: false, labels: ['a', 'b'] }),
      asked({ isDraft: true, labels: ['a'] }),
    ];
    expect(others.map(({ digest }) => digest)).not.toContain(draft.digest);
    expect(Object.keys(asked(undefined).publishing)).not.toContain('labels');
  });

  it('is the same after a way through JSON and whatever the order of its keys', () => {
    const reversed = Object.fromEntries(Object.entries(JSON.parse(JSON.stringify(document)) as object).toReversed());
    expect(digestOf(reversed as ProposalDocument)).toBe(document.digest);
    expect(freeze(freezeFacts())).toEqual(document);
  });
});
