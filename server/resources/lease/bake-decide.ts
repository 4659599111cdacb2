/** What an image is made on, and which images stay. Pure. */
import type { BudgetFile } from '#contract/budget.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { CloudImage, CloudSizeOffer } from '../../ports-cloud.ts';
import type { BakeRow } from './bake-states.ts';
import { isOurSnapshot } from './names.ts';

/** Below this, packages like a Java run-time cannot be unpacked. */
const memoryMiBMin = 1024;
/** The system, the packages and a small model. */
const diskGiBMin = 20;

/**
 * The smallest disk, because no size with a smaller one can use the image; then the cheapest. Neither dearer nor larger than what a job
 * may take without approval. `why` is a sentence.
 */
export function chooseBuilder(
  offers: readonly CloudSizeOffer[],
  helper: Pick<BudgetFile['helper'], 'sizes' | 'largestWithoutApproval' | 'regions'>,
): Result<CloudSizeOffer, string> {
  const largest = helper.sizes.find(({ slug }) => slug === helper.largestWithoutApproval);
  const [found] = offers
    .filter(({ available, usdPerHour }) => available && Number.isFinite(usdPerHour) && usdPerHour > 0)
    .filter(({ memoryMiB, diskGiB }) => memoryMiB >= memoryMiBMin && diskGiB >= diskGiBMin)
    .filter(({ memoryMiB }) => largest !== undefined && memoryMiB <= largest.memoryMiB)
    .filter(({ usdPerHour }) => largest !== undefined && usdPerHour <= largest.usdPerHour)
    .filter(({ regions }) => helper.regions.some((region) => regions.includes(region)))
    .toSorted((a, b) => a.diskGiB - b.diskGiB || a.usdPerHour - b.usdPerHour);
  return found === undefined
    ? no('The cloud offers no size that an image can be made on within what budget.json allows without approval.')
    : ok(found);
}

/** The one that is used, and the one before it. */
const imagesKept = 2;

/**
 * Which snapshots are to be deleted: those of ours by name that are not good, and the good ones that have had their time. That of a
 * bake which is under way is not judged yet.
 */
export function decideImages(
  snapshots: readonly CloudImage[],
  install: string,
  rowOf: (name: string) => BakeRow | null,
): CloudImage[] {
  const ours = snapshots.flatMap((image) =>
    isOurSnapshot(image.name, install) ? [{ image, row: rowOf(image.name) }] : [],
  );
  const isGood = ({ image, row }: (typeof ours)[number]): boolean =>
    row?.state === 'good' && row.snapshotId === image.id;
  const kept = ours
    .filter(isGood)
    .toSorted((a, b) => (b.row?.endedAtMs ?? 0) - (a.row?.endedAtMs ?? 0) || b.image.id - a.image.id)
    .slice(0, imagesKept);
  return ours
    .filter((one) => !kept.includes(one) && (one.row === null || one.row.endedAtMs !== null))
    .map(({ image }) => image);
}
