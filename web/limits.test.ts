import { expect, it } from 'vitest';
import { threadTitleMax } from '#contract/chat.ts';
import { checksMax } from '#contract/check.ts';
import { pinLengthMin } from '#contract/door.ts';
import { titleMax } from '#contract/job.ts';
import { LedgerKind } from '#contract/ledger.ts';
import { patchBytesMax } from '#contract/patch.ts';
import { labelsMax } from '#contract/repository.ts';
import { kindGroups, inGroup, sentenceOf } from './ledger-text.ts';
import * as limits from './limits.ts';

it('keeps the pages’ copy of the limits equal to the contract', () => {
  expect(limits).toMatchObject({ patchBytesMax, pinLengthMin, titleMax, threadTitleMax, checksMax, labelsMax });
});

it('has a sentence and a filter for every kind of ledger entry', () => {
  for (const kind of LedgerKind.options) {
    expect(sentenceOf({ kind, body: {} })).toMatch(/^([A-Z]|patchgit)[a-z ]+/);
    expect(kindGroups.filter((group) => inGroup({ kind }, group)).map((group) => group.name)).toHaveLength(1);
  }
});

it('names what an entry is about, where its body does', () => {
  const check = { name: 'npm test', before: { conclusion: 'success' }, newFailures: 2 };
  expect(sentenceOf({ kind: 'check.completed', body: check })).toBe('A check completed: npm test, 2 new failing');
  const problem = { code: 'patch_empty', message: 'The patch is empty.' };
  expect(sentenceOf({ kind: 'job.refused', body: { problem } })).toBe('A job was refused: The patch is empty.');
  expect(sentenceOf({ kind: 'job.queued', body: { title: 'Retry', secret: 1 } })).toBe('A job was queued: Retry');
});
