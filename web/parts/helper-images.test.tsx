import { expect, it } from 'vitest';
import { BakeState } from '#contract/lease.ts';
import { bakeText, keptText } from './helper-images.tsx';

it('says what is being done for an image, and why one came to nothing', () => {
  const said = BakeState.options.map((state) =>
    bakeText({ state, trouble: state === 'failed' ? 'It was refused.' : null }),
  );
  expect(said.filter((text) => text === null)).toHaveLength(1);
  expect(new Set(said).size).toBe(BakeState.options.length);
  expect(bakeText({ state: 'failed', trouble: 'It was refused.' })).toMatch(/deleted\. It was refused\.$/);
});

it('says what keeping an image costs, or that it is not known', () => {
  expect(keptText({ sizeGiB: 6.25, usdPerMonth: 0.38 })).toBe('6.3 GiB, $0.38 a month as long as it is kept');
  expect(keptText({ sizeGiB: null, usdPerMonth: null })).toMatch(/does not say/);
});
