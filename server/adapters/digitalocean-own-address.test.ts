import { networkInterfaces } from 'node:os';
import { expect, it } from 'vitest';
import { isPublicIpv4, ownAddress } from './digitalocean-own-address.ts';

it('tells an address that others see from one that only neighbours see', () => {
  for (const address of ['8.8.8.8', '134.209.1.2', '100.63.255.255', '100.128.0.1', '172.15.0.1', '192.169.0.1'])
    expect(isPublicIpv4(address), address).toBe(true);
  for (const address of ['10.1.2.3', '100.64.0.1', '127.0.0.1', '169.254.169.254', '172.31.0.1', '192.168.1.1'])
    expect(isPublicIpv4(address), address).toBe(false);
  for (const address of ['203.0.113.7', '224.0.0.1', '255.255.255.255', '0.0.0.0', '2001:db8::1', 'example.com', ''])
    expect(isPublicIpv4(address), address).toBe(false);
});

it('is an address of this very machine, or not known', async () => {
  const mine = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  const address = await ownAddress();
  expect(address === null || mine.includes(address)).toBe(true);
});
