import { isIP } from 'node:net';
import { assert } from '../lib/assert.ts';
import { no, ok, type Result } from '../lib/result.ts';
import type { Cloud, CloudFailure } from '../ports-cloud.ts';
import { FirewallPage, OneFirewall, OneTag, type CloudFirewall } from './digitalocean-answers.ts';
import { unknownFailure, type Call } from './digitalocean-call.ts';
import { completeList } from './digitalocean-list.ts';

type FirewallOrder = Parameters<Cloud['ensureFirewall']>[0];

const everywhere = ['0.0.0.0/0', '::/0'];
/** Without rules outwards everything outwards is shut, and nothing could be installed. What a job may reach is shut off inside. */
const outboundRules = ['tcp', 'udp', 'icmp'].map((protocol) => ({
  protocol,
  ports: '0',
  destinations: { addresses: everywhere },
}));

/**
 * Makes or mends the firewall of a tag. The rules of all firewalls on a machine add up, so another firewall on the same tag is
 * refused: it could open what this one shuts. The tag is made first, because a firewall can only name one that exists.
 */
export async function ensureFirewall(
  call: Call,
  endpoint: string,
  order: FirewallOrder,
): Promise<Result<null, CloudFailure>> {
  assert(/^[a-zA-Z0-9][a-zA-Z0-9.-]+$/.test(order.name), 'a firewall has a name that the cloud takes');
  assert(/^[a-zA-Z0-9_:-]{1,255}$/.test(order.tag), 'a tag has a name that the cloud takes');
  assert(order.fromAddresses.length > 0, 'a firewall lets somebody in');
  assert(order.fromAddresses.every(isAddress), 'a firewall lets in addresses or networks');
  const listed = await completeList(call, endpoint, {
    name: 'firewalls',
    schema: FirewallPage,
    rows: (answer) => answer.firewalls,
    key: (firewall) => firewall.id,
    send: (client, page) => client.firewall.listFirewalls(page),
  });
  if (!listed.ok) return listed;
  const other = listed.value.find(({ name, tags }) => name !== order.name && tags.includes(order.tag));
  if (other) {
    const message = `Another firewall at DigitalOcean is on the tag ${order.tag} too, and could open what ours shuts. Remove it there.`;
    return no({ kind: 'refused', code: 'other_firewall', message, retryAfterMs: null });
  }
  const ours = listed.value.filter(({ name }) => name === order.name);
  if (ours.length > 0 && ours.every((firewall) => isAsOrdered(firewall, order))) return ok(null);
  const tag = await call('create tag', 201, (client) => client.tag.createTag({ name: order.tag }));
  if (!tag.ok) return tag;
  const made = OneTag.safeParse(tag.value);
  if (!made.success) return no(unknownFailure('garbled', 'DigitalOcean did not say that the tag is there.'));
  // The case of a tag is that of its first use, so it can come back in another.
  const rules = rulesOf(order, made.data.tag.name);
  if (ours.length === 0) {
    return isMade(await call('create firewall', 202, (client) => client.firewall.createFirewall(rules)), order);
  }
  for (const { id } of ours) {
    const mended = isMade(
      await call('update firewall', 200, (client) => client.firewall.updateFirewall({ ...rules, id })),
      order,
    );
    if (!mended.ok) return mended;
  }
  return ok(null);
}

function rulesOf(order: FirewallOrder, tag: string) {
  return {
    name: order.name,
    inbound_rules: [{ protocol: 'tcp', ports: '22', sources: { addresses: [...order.fromAddresses] } }],
    outbound_rules: outboundRules,
    tags: [tag],
  };
}

function isMade(answer: Result<unknown, CloudFailure>, order: FirewallOrder): Result<null, CloudFailure> {
  if (!answer.ok) return answer;
  const parsed = OneFirewall.safeParse(answer.value);
  return parsed.success && isAsOrdered(parsed.data.firewall, order)
    ? ok(null)
    : no(unknownFailure('garbled', 'DigitalOcean did not say that the firewall is as it was ordered.'));
}

function isAsOrdered(firewall: CloudFirewall, order: FirewallOrder): boolean {
  const [inbound, ...more] = firewall.inbound_rules ?? [];
  const isTagged = firewall.tags.some((tag) => tag.toLowerCase() === order.tag.toLowerCase());
  if (!isTagged || firewall.name !== order.name || inbound === undefined || more.length > 0) return false;
  const isSsh = inbound.protocol === 'tcp' && inbound.ports === '22';
  const isOpenOutwards = outboundRules.every((wanted) =>
    (firewall.outbound_rules ?? []).some(
      ({ protocol, ports, destinations }) =>
        protocol === wanted.protocol && ['0', 'all'].includes(ports) && isOnly(destinations, everywhere),
    ),
  );
  return isSsh && isOpenOutwards && isOnly(inbound.sources, order.fromAddresses);
}

/** Addresses and nothing else: a tag or a load balancer beside them would let others in. */
function isOnly(target: Record<string, unknown>, addresses: readonly string[]): boolean {
  const isEmpty = (value: unknown): boolean => value === null || (Array.isArray(value) && value.length === 0);
  const others = Object.entries(target).filter(([kind, value]) => kind !== 'addresses' && !isEmpty(value));
  const given = target['addresses'];
  if (others.length > 0 || !Array.isArray(given)) return false;
  const [found, wanted] = [new Set<unknown>(given), new Set<unknown>(addresses)];
  return found.size === wanted.size && [...found].every((address) => wanted.has(address));
}

function isAddress(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
