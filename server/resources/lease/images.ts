/** The images of ours at the cloud: which are there, and which go. */
import type { HelperImage } from '#contract/lease.ts';
import type { CloudImage } from '../../ports-cloud.ts';
import { decideImages } from './bake-decide.ts';
import { moveBake, type BakeParts } from './bake-perform.ts';
import type { Memory } from './reconcile.ts';

/** DigitalOcean's price of snapshots since 2023, whatever region (its pricing page for them). */
const usdPerGiBMonth = 0.06;

/**
 * One pass: a bake that nobody goes on with is over, and snapshots that are not good are deleted, again and again until the cloud does
 * not show them any more. Where no image was ever made, nothing is asked.
 */
export async function reconcileImages(parts: BakeParts, memory: Memory): Promise<void> {
  const live = parts.bakes.live();
  if (live !== null && !memory.isBaking) moveBake(parts, live, 'fail', { trouble: restarted });
  if (parts.bakes.newest() === null) return;
  const shown = await parts.cloud.snapshots();
  if (memory.isEnded) return;
  if (!shown.ok) {
    parts.log.warn({ failure: shown.why }, 'the images for helpers could not be looked at');
    return;
  }
  memory.images = shown.value;
  for (const { id, name } of decideImages(shown.value, parts.install, parts.bakes.named)) {
    const answer = await parts.cloud.deleteSnapshot(id);
    if (memory.isEnded) return;
    if (!answer.ok) parts.log.warn({ snapshotId: id, failure: answer.why }, 'an image could not be deleted yet');
    else {
      memory.images = memory.images.filter((one) => one.id !== id);
      const body = { name, snapshotId: id };
      parts.db.transaction(() => parts.ledger.append({ kind: 'bake.snapshot_deleted', actor: 'system', body }));
    }
  }
}

const restarted = 'patchgit was started again while the image was made. What there is of it is deleted; make it anew.';

/** Those that can be used, as far as the cloud has shown them since the start; the newest first. */
export function showImages({ bakes }: BakeParts, images: readonly CloudImage[]): HelperImage[] {
  const there = bakes.good().filter(({ id, name }) => images.some((one) => one.id === id && one.name === name));
  return there.map(({ id, name, region, sizeGiB, bakedAtMs }) => ({
    id,
    name,
    region,
    sizeGiB,
    usdPerMonth: sizeGiB === null ? null : Math.ceil(sizeGiB * usdPerGiBMonth * 100) / 100,
    bakedAtMs,
    isCurrent: there.find((one) => one.region === region)?.id === id,
  }));
}
