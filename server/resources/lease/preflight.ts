/** What can be known to go wrong is found out before anything is ordered. */
import { no, ok, type Result } from '../../lib/result.ts';
import type { Cloud, CloudFailure, CloudImage, CloudSizeOffer } from '../../ports-cloud.ts';

/** plain: what is missing is installed. baked: an image of ours. bake: plain, and then an image is made of it. */
export type Form = 'plain' | 'baked' | 'bake';

export interface Place {
  readonly region: string;
  readonly usdPerHour: number;
  readonly image: string | number;
  readonly form: Form;
}

/** A snapshot that was baked and tried here. */
export interface BakedImage {
  readonly id: number;
  readonly name: string;
}

export interface Wish {
  readonly size: string;
  /** In the order of the owner's preference. */
  readonly regions: readonly string[];
  /** Slug of a public image, or the id of a snapshot; where none of `baked` can be had. */
  readonly image: string | number;
  /** Of what is made of `image`. */
  readonly form: Form;
  /** Taken first, in this order. */
  readonly baked: readonly BakedImage[];
  /** What was shown and reserved: a dearer one is not taken. */
  readonly usdPerHourMax: number;
}

export interface Cleared {
  /** At least one, in the order of preference. */
  readonly places: readonly [Place, ...Place[]];
  /** The cloud's whole price list, as it came. */
  readonly offers: readonly CloudSizeOffer[];
}

/** `why` is a sentence: nothing was ordered. */
export async function preflight(
  cloud: Pick<Cloud, 'account' | 'sizes' | 'snapshots'>,
  wish: Wish,
): Promise<Result<Cleared, string>> {
  const account = await cloud.account();
  if (!account.ok) return no(failed('the account', account.why));
  if (account.value.status !== 'active')
    return no(
      `The cloud says that the account is "${account.value.status}". Look at its pages; until then there is no helper.`,
    );
  const offers = await cloud.sizes();
  if (!offers.ok) return no(failed('its sizes', offers.why));
  const images = await snapshotsFor(cloud, wish);
  if (!images.ok) return images;
  const offer = offers.value.find(({ slug }) => slug === wish.size);
  const why = offer === undefined ? `The cloud has no size ${wish.size} any more.` : offerTrouble(offer, wish);
  if (offer === undefined || why !== null) return no(`${why} Nothing was ordered.`);
  const here = wish.regions.filter((region) => offer.regions.includes(region));
  if (here.length === 0) return no(`There is no ${wish.size} in ${wish.regions.join(', ')} now. Nothing was ordered.`);
  const [first, ...rest] = here.flatMap((region) => placeIn(region, offer, wish, images.value));
  if (first === undefined)
    return no(`The image for helpers is not in ${here.join(', ')}. Make it there with \`patchgit helper bake\`.`);
  return ok({ places: [first, ...rest], offers: offers.value });
}

function offerTrouble(offer: CloudSizeOffer, { size, usdPerHourMax }: Wish): string | null {
  if (!offer.available) return `The cloud has no ${size} to give now.`;
  if (!(Number.isFinite(offer.usdPerHour) && offer.usdPerHour > 0))
    return `The cloud does not say what ${size} costs, and an unknown price is not free.`;
  if (offer.usdPerHour > usdPerHourMax)
    return `${size} costs $${offer.usdPerHour} per hour now, which is more than the $${usdPerHourMax} that were counted with. Plan anew to see what it would cost.`;
  return null;
}

/** None where no snapshot is wished for; not ok when the one without which it does not go is not there. */
async function snapshotsFor(
  cloud: Pick<Cloud, 'snapshots'>,
  { image, baked }: Wish,
): Promise<Result<readonly CloudImage[], string>> {
  if (typeof image === 'string' && baked.length === 0) return ok([]);
  const snapshots = await cloud.snapshots();
  if (!snapshots.ok) return no(failed('its snapshots', snapshots.why));
  const isThere = typeof image === 'string' || snapshots.value.some(({ id }) => id === image);
  return isThere
    ? snapshots
    : no('The image for helpers is not there any more. Make it anew with `patchgit helper bake`.');
}

/** None when there is no image for it. A snapshot is in few regions, and takes at least the disk that it was made of. */
function placeIn(region: string, offer: CloudSizeOffer, wish: Wish, images: readonly CloudImage[]): Place[] {
  const fits = (id: number): CloudImage | undefined =>
    images.find((one) => one.id === id && one.regions.includes(region) && one.minDiskGiB <= offer.diskGiB);
  const { usdPerHour } = offer;
  const baked = wish.baked.find(({ id, name }) => fits(id)?.name === name);
  if (baked !== undefined) return [{ region, usdPerHour, image: baked.id, form: 'baked' }];
  const { image, form } = wish;
  return typeof image === 'string' || fits(image) !== undefined ? [{ region, usdPerHour, image, form }] : [];
}

function failed(what: string, { message }: CloudFailure): string {
  return `The cloud could not be asked for ${what}, so no helper was ordered. ${message}`;
}
