import { createSocket } from 'node:dgram';
import { BlockList, isIPv4 } from 'node:net';
import { specialAddresses } from '#contract/special-addresses.ts';

/** Behind a special address it is somebody else's that others see. */
const notPublic = new BlockList();
for (const [network, bits] of specialAddresses) notPublic.addSubnet(network, bits);

/** Whether an IPv4 address is the one that others on the internet see. */
export function isPublicIpv4(address: string): boolean {
  return isIPv4(address) && !notPublic.check(address);
}

/** Somewhere on the internet that is nobody's (RFC 5737): only which way would lead there is asked, and nothing is sent. */
const elsewhere = { address: '192.0.2.1', port: 9 } as const;

/**
 * The IPv4 address that this machine's connections to the internet come from, or null when that cannot be known from here: behind a
 * translation of addresses, a router's is seen instead. Asks the kernel's table of routes and nobody outside.
 */
export function ownAddress(): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (address: string | null): void => {
      socket.close();
      resolve(address !== null && isPublicIpv4(address) ? address : null);
    };
    // No way leads there: then there is none to a helper either, and nothing is known.
    socket.once('error', () => done(null));
    socket.connect(elsewhere.port, elsewhere.address, () => done(socket.address().address));
  });
}
