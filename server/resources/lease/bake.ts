/**
 * An image for helpers: a helper installs it and switches itself off, the cloud takes a snapshot, the helper goes, and another one is
 * booted from the snapshot. Only what passed that is used. Both helpers are leases like any other, with money of their own.
 */
import { no, ok, type Result } from '../../lib/result.ts';
import type { CloudImage, HelperConnection } from '../../ports-cloud.ts';
import { chooseBuilder } from './bake-decide.ts';
import { beginBake, inUse, moveBake, type BakeOrder, type BakeParts, type Order } from './bake-perform.ts';
import type { BakeRow } from './bake-states.ts';
import { places } from './cloud-init-places.ts';
import type { Counter } from './desk.ts';
import { pause, said } from './ready.ts';
import { lend, type Lent, type Loan } from './rent.ts';

/** What runs now, for whoever wants to end it. */
export interface Baking {
  readonly stop: (why: string) => void;
  /** Resolves when it is over, good or not. */
  readonly over: Promise<void>;
}

export interface BakeCounter extends Counter {
  readonly parts: Counter['parts'] & BakeParts;
}

/** Before the money runs out: for the cloud to confirm that the machine is gone. As for jobs (chain/prove/spend.ts). */
const marginMs = 3 * 60_000;
const lookEveryMs = 5_000;
const goneMsMax = 15 * 60_000;
/** Less than this is not begun. */
const probeMsMin = 5 * 60_000;

/** Not ok: the sentence that says why nothing was begun. Else it goes on by itself. */
export async function bake(counter: BakeCounter): Promise<Result<Baking, string>> {
  const { parts, memory } = counter;
  if (memory.isBaking) return no('An image is being made already.');
  if (parts.leases.live() !== null) return no(inUse);
  memory.isBaking = true;
  const begun = await ordered(counter);
  if (!begun.ok) {
    memory.isBaking = false;
    return begun;
  }
  const stopped = new AbortController();
  let trouble: string | null = null;
  const over = made(counter, begun.value, stopped.signal).then((outcome) => {
    if (memory.isEnded) return;
    // Whatever ended it: a row that says how far it came is closed by whoever is still the one to do so.
    const row = parts.bakes.bake(begun.value.row.id);
    if (!outcome.ok && row?.endedAtMs === null) moveBake(parts, row, 'fail', { trouble: trouble ?? outcome.why });
    memory.isBaking = false;
  });
  return ok({
    stop: (why) => {
      trouble ??= why;
      stopped.abort();
    },
    over,
  });
}

async function ordered({ parts, isClosed }: BakeCounter): Promise<Result<BakeOrder, string>> {
  const offers = await parts.cloud.sizes();
  if (!offers.ok)
    return no(`The cloud could not be asked for its sizes, so nothing was ordered. ${offers.why.message}`);
  if (isClosed()) return no('patchgit is being stopped, so nothing was ordered.');
  parts.takePrices(offers.value);
  const { helper } = parts.settings();
  const { regions } = parts.policy();
  const builder = chooseBuilder(offers.value, { ...helper, regions: [...regions] });
  return builder.ok ? beginBake(parts, builder.value) : builder;
}

async function made(counter: BakeCounter, order: BakeOrder, signal: AbortSignal): Promise<Result<null, string>> {
  const { parts } = counter;
  const built = await lent(counter, order.builder, wishes.builder(parts), signal, (machine, both) =>
    build(counter, order.row, machine, both),
  );
  if (!built.ok) return built;
  const probing = built.value;
  if (!(await isGone(counter, signal)))
    return no('The helper that made the image is not confirmed to be gone, so the image could not be tried.');
  const probe = wishes.probe(probing);
  const tried = await lent(counter, order.probe, probe, signal, () => Promise.resolve(ok(null)));
  if (!tried.ok) return no(`A helper that was booted from the image was not ready. ${tried.why}`);
  const now = parts.bakes.bake(probing.id);
  const isGood = now?.state === 'probing' && moveBake(parts, now, 'pass') !== null;
  return isGood ? ok(null) : no(takenOver);
}

const takenOver = 'Another process has taken over this image.';

const wishes = {
  builder: (parts: BakeParts & BakeCounter['parts']): Pick<Loan, 'kind' | 'wish'> => {
    const { regions, image } = parts.policy();
    return { kind: 'bake', wish: { regions, image, form: 'bake', baked: [] } };
  },
  probe: ({ region, snapshotId, name }: BakeRow): Pick<Loan, 'kind' | 'wish'> => ({
    kind: 'probe',
    wish: {
      regions: region === null ? [] : [region],
      image: snapshotId ?? name,
      form: 'baked',
      baked: [],
    },
  }),
};

/** One helper for as long as `use` needs it, and ended with a margin before its money is. */
async function lent<T>(
  counter: BakeCounter,
  { size, usdPerHour, reservationId, deadlineAtMs: moneyEndsAtMs, forMs }: Order,
  more: Pick<Loan, 'kind' | 'wish'>,
  signal: AbortSignal,
  use: (lent: Lent, signal: AbortSignal) => Promise<Result<T, string>>,
): Promise<Result<T, string>> {
  const { clock } = counter.parts;
  const leftMs = Math.min(forMs, moneyEndsAtMs - clock.nowMs());
  if (leftMs < probeMsMin) return no('The time that was paid for is over.');
  const late = new AbortController();
  const stopTimer = clock.after(leftMs - marginMs, () => late.abort());
  const deadlineAtMs = clock.nowMs() + leftMs;
  const loan: Loan = { ...more, size, usdPerHour, reservationId, deadlineAtMs };
  const { outcome } = await lend(counter, loan, use, AbortSignal.any([signal, late.signal]));
  stopTimer();
  if (late.signal.aborted) return no(`It was not done within ${Math.floor(leftMs / 60_000)} minutes.`);
  return outcome.ok ? outcome.value : outcome;
}

/** From a helper that is there to a snapshot that the cloud shows. */
async function build(
  counter: BakeCounter,
  row: BakeRow,
  { connection, lease }: Lent,
  signal: AbortSignal,
): Promise<Result<BakeRow, string>> {
  const { parts } = counter;
  const { machineId, region } = lease;
  if (machineId === null) return no('The helper has no number at the cloud.');
  const told = await said(connection, `touch ${places.bakeGo}`);
  if (!told.ok || told.value.code !== 0) return no('The helper could not be told to begin.');
  const off = await untilOff(counter, connection, machineId, signal);
  if (!off.ok) return off;
  const asking = moveBake(parts, row, 'ask', { region });
  if (asking === null) return no(takenOver);
  const answer = await parts.cloud.snapshot(machineId, row.name);
  // An answer that was lost says nothing: the list will show whether there is one.
  if (!answer.ok && answer.why.kind !== 'unknown')
    return no(`The cloud refused to make a snapshot. It said: ${answer.why.message}`);
  const found = await untilShown(counter, row.name, region, answer.ok ? answer.value.actionId : null, signal);
  if (!found.ok) return found;
  const { id: snapshotId, sizeGiB } = found.value;
  const probing = moveBake(parts, asking, 'find', { snapshotId, sizeGiB });
  return probing === null ? no(takenOver) : ok(probing);
}

/** It switches itself off as the last thing, and only when everything before went well. */
async function untilOff(
  { parts }: BakeCounter,
  connection: HelperConnection,
  machineId: number,
  signal: AbortSignal,
): Promise<Result<null, string>> {
  while (!signal.aborted) {
    const found = await parts.cloud.find(machineId);
    if (found.ok && found.value.status === 'off') return ok(null);
    const answer = connection.isOpen() ? await said(connection, `cat ${places.failedMarker} 2>/dev/null`) : null;
    if (answer?.ok === true && answer.value.code === 0)
      return no(`The image could not be made: ${answer.value.text.trim()}`);
    await pause(parts.clock, lookEveryMs, signal);
  }
  return no('The helper was given up before its image was made.');
}

async function untilShown(
  { parts }: BakeCounter,
  name: string,
  region: string,
  actionId: number | null,
  signal: AbortSignal,
): Promise<Result<CloudImage, string>> {
  let isErrored = false;
  while (!signal.aborted) {
    const shown = await parts.cloud.snapshots();
    const found = shown.ok ? shown.value.find((one) => one.name === name && one.regions.includes(region)) : undefined;
    if (found !== undefined) return ok(found);
    // A complete list that was asked for after the error has no such snapshot either.
    if (isErrored && shown.ok) return no('The cloud began to make the snapshot and failed at it.');
    const action = actionId === null ? null : await parts.cloud.action(actionId);
    isErrored = action?.ok === true && action.value === 'errored';
    if (!isErrored) await pause(parts.clock, lookEveryMs, signal);
  }
  return no('The cloud has not shown the snapshot before the helper had to go.');
}

async function isGone({ parts, nextPass }: BakeCounter, signal: AbortSignal): Promise<boolean> {
  const sinceMs = parts.clock.nowMs();
  while (parts.leases.live() !== null && !signal.aborted && parts.clock.nowMs() - sinceMs < goneMsMax) await nextPass();
  return parts.leases.live() === null;
}
