import { HelperView, type Bake } from '#contract/lease.ts';
import { helperText } from './print.ts';
import { done, refusedWith, type Command, type Outcome } from './run.ts';

const lookEveryMs = 5_000;
/** Two helpers, each within its lifetime, and a snapshot: what takes longer is looked at with `helper status`. */
const looksMax = 2 * 60 * 12;

/**
 * Asks for an image that later helpers start from. Says that it has begun; with --wait what came of it, with exit code 1 when that is no
 * image, or is not known after two hours.
 */
export const helperBake: Command = async ({ client, options, pause }) => {
  const asked = await client.send('POST', '/api/helper/bake');
  if (!asked.ok) return refusedWith(asked.why);
  let view = HelperView.parse(asked.value);
  const { bake } = view;
  if (bake === null || options.wait !== true) {
    const text = 'An image is being made. It takes some minutes: patchgit helper status';
    return done({ ...view, state: bake?.state ?? 'building' }, `${text}\n\n${helperText(view)}`);
  }
  for (let looks = 0; looks < looksMax && isUnderWay(view, bake); looks += 1) {
    await pause(lookEveryMs);
    const answer = await client.get('/api/helper');
    if (!answer.ok) return refusedWith(answer.why);
    view = HelperView.parse(answer.value);
  }
  return bakeOutcome(view);
};

function isUnderWay({ bake }: HelperView, { id }: Bake): boolean {
  return bake?.id === id && bake.endedAtMs === null;
}

function bakeOutcome(view: HelperView): Outcome {
  const state = view.bake?.state ?? 'failed';
  return { kind: 'done', json: { ...view, state }, text: helperText(view), failed: state !== 'good' };
}
