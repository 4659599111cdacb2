import { expect, it } from 'vitest';
import { no, ok } from '../../lib/result.ts';
import { fakeClock } from '../../testing/fake-clock.ts';
import { settle } from './testing/house.ts';
import { helperWalls, type WallParts } from './walls.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const everywhere = ['0.0.0.0/0', '::/0'];

function open(addresses: (string | null)[]) {
  const clock = fakeClock();
  const ordered: (readonly string[])[] = [];
  const state = { isRefused: false };
  const ensureFirewall: WallParts['cloud']['ensureFirewall'] = async ({ fromAddresses }) => {
    ordered.push(fromAddresses);
    const refused = { kind: 'refused' as const, code: null, message: 'No.', retryAfterMs: null };
    return state.isRefused ? no(refused) : ok(null);
  };
  // The last one stays.
  const ownAddress = async (): Promise<string | null> =>
    (addresses.length > 1 ? addresses.shift() : addresses[0]) ?? null;
  const walls = helperWalls({ cloud: { ensureFirewall }, clock, log: silent, install: 'a'.repeat(12), ownAddress });
  const pass = async (minutes: number): Promise<void> => {
    for (let minute = 0; minute < minutes; minute += 1) {
      clock.advance(60_000);
      await settle();
    }
  };
  return { walls, ordered, pass, state };
}

it('lets only this machine knock, at the cloud and in the orders of each helper, when its address is known', async () => {
  const { walls, ordered } = open(['134.209.1.2']);
  await settle();
  expect(ordered).toEqual([['134.209.1.2']]);
  expect(walls.fromAddresses()).toEqual(['134.209.1.2']);
  expect(walls.finding()).toMatchObject({ verdict: 'good', sentence: expect.stringContaining('134.209.1.2') });
  walls.stop();
});

it('stays open to keys alone, and says so, when the address is not known', async () => {
  const { walls, ordered } = open([null]);
  await settle();
  expect(ordered).toEqual([everywhere]);
  expect(walls.fromAddresses()).toEqual([]);
  expect(walls.finding()).toMatchObject({
    verdict: 'warned',
    sentence: expect.stringMatching(/PATCHGIT_PUBLIC_ADDRESS/),
  });
});

it('follows an address that changes within a minute, and looks after the firewall every six hours', async () => {
  const { walls, ordered, pass } = open(['134.209.1.2', '134.209.1.2', '134.209.9.9', null]);
  await settle();
  await pass(1);
  expect(ordered).toHaveLength(1);
  await pass(1);
  expect(ordered.at(-1)).toEqual(['134.209.9.9']);
  expect(walls.fromAddresses()).toEqual(['134.209.9.9']);
  await pass(1);
  expect(ordered.at(-1)).toEqual(everywhere);
  await pass(5 * 60);
  expect(ordered).toHaveLength(3);
  await pass(61);
  expect(ordered).toHaveLength(4);
  walls.stop();
  await pass(7 * 60);
  expect(ordered).toHaveLength(4);
});

it('tries again each minute while the cloud refuses, and then leaves it', async () => {
  const { ordered, pass, state } = open(['134.209.1.2']);
  state.isRefused = true;
  await pass(3);
  expect(ordered).toHaveLength(4);
  state.isRefused = false;
  await pass(5);
  expect(ordered).toHaveLength(5);
});
