/** What can be known to go wrong is found out before anything is ordered. */
import { no, ok, type Result } from '../../lib/result.ts';
import type { Cloud, CloudFailure, CloudSizeOffer } from '../../ports.ts';

export interface Place {
  readonly region: string;
  readonly usdPerHour: number;
}

export interface Wish {
  readonly size: string;
  /** In the order of the owner's preference. */
  readonly regions: readonly string[];
  /** Slug of a public image, or the id of a snapshot. */
  readonly image: string | number;
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
  const image = await imageRegions(cloud, wish.image);
  if (!image.ok) return image;
  const offer = offers.value.find(({ slug }) => slug === wish.size);
  const why = offer === undefined ? `The cloud has no size ${wish.size} any more.` : offerTrouble(offer, wish);
  if (offer === undefined || why !== null) return no(`${why} Nothing was ordered.`);
  const here = wish.regions.filter((region) => offer.regions.includes(region));
  if (here.length === 0) return no(`There is no ${wish.size} in ${wish.regions.join(', ')} now. Nothing was ordered.`);
  const [first, ...rest] = here
    .filter((region) => image.value === null || image.value.includes(region))
    .map((region) => ({ region, usdPerHour: offer.usdPerHour }));
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

/** Null: a public image, which is everywhere. */
async function imageRegions(
  cloud: Pick<Cloud, 'snapshots'>,
  image: string | number,
): Promise<Result<readonly string[] | null, string>> {
  if (typeof image === 'string') return ok(null);
  const snapshots = await cloud.snapshots();
  if (!snapshots.ok) return no(failed('its snapshots', snapshots.why));
  const found = snapshots.value.find(({ id }) => id === image);
  return found === undefined
    ? no('The image for helpers is not there any more. Make it anew with `patchgit helper bake`.')
    : ok(found.regions);
}

function failed(what: string, { message }: CloudFailure): string {
  return `The cloud could not be asked for ${what}, so no helper was ordered. ${message}`;
}
