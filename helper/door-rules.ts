/** What the door lets through: exact names of hosts, one port, and addresses of the public internet. Pure. */
import { BlockList, isIP } from 'node:net';
import { specialAddresses } from '#contract/special-addresses.ts';
import type { Answer } from './answer.ts';

export const doorPort = 443;
export const hostsMax = 200;

/** Labels of RFC 1123 in lower case, at least two; the last one begins with a letter, so that no address is a name. */
const hostName = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** A list of hosts as the command line and the file give it: separated by commas, blanks or line breaks. */
export function parseHosts(text: string): Answer<ReadonlySet<string>> {
  const hosts = text.split(/[\s,]+/).filter((word) => word !== '');
  const wrong = hosts.find((host) => !hostName.test(host));
  if (wrong !== undefined) return { ok: false, why: `${quoted(wrong)} is not the name of a host.` };
  if (hosts.length > hostsMax) return { ok: false, why: `More than ${hostsMax} hosts are on the list.` };
  return { ok: true, value: new Set(hosts) };
}

export interface Refusal {
  readonly status: 400 | 403 | 405 | 502 | 503;
  /** A sentence for the owner. */
  readonly why: string;
}

/** From the first line of a request (RFC 9110, 9.3.6) to the host it may be led to. */
export function readRequest(line: string, hosts: ReadonlySet<string>): string | Refusal {
  const [, method, target] = /^([A-Z]{1,20}) (\S{1,300}) HTTP\/1\.[01]$/.exec(line) ?? [];
  if (method === undefined || target === undefined) return { status: 400, why: 'That was no request of a proxy.' };
  if (method !== 'CONNECT') {
    return { status: 405, why: `Only encrypted connections pass the door, no ${method} ${quoted(target)}.` };
  }
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(target) ?? [];
  if (host === undefined) return { status: 400, why: `${quoted(target)} is not a host with a port.` };
  if (!hosts.has(host)) {
    return {
      status: 403,
      why: `The host ${quoted(host)} was asked for and is not on the list of hosts that a set-up may reach.`,
    };
  }
  if (port !== `${doorPort}`) {
    return { status: 403, why: `Port ${port} of ${quoted(host)} was asked for; only port ${doorPort} is open.` };
  }
  return host;
}

/**
 * Whether an address is one of the public internet: not this machine, its neighbours, its cloud's metadata, or anything that is
 * translated to them. From the special-purpose registries of IANA (RFC 6890 and what updates it).
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  return family === 4 ? !closed.check(address, 'ipv4') : open.check(address, 'ipv6') && !closed.check(address, 'ipv6');
}

/** Of IPv6, only what is handed out as global unicast is public; some of it is special all the same. */
const open = new BlockList();
open.addSubnet('2000::', 3, 'ipv6');

const closed = new BlockList();
for (const [network, bits] of specialAddresses) closed.addSubnet(network, bits, 'ipv4');
// Protocol assignments (Teredo among them), documentation, 6to4 (which holds an IPv4 address).
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  closed.addSubnet(network, bits, 'ipv6');
}

/** What a stranger wrote, short and without anything that moves a cursor. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 120));
}
