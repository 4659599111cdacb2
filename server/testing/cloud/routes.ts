/** What each operation of the API does to the world and answers, when nothing goes wrong. */
import { randomUUID } from 'node:crypto';
import type { Does, Operation } from './faults.ts';
import {
  accountShape,
  actionShape,
  dropletShape,
  imageShape,
  regionShape,
  sizeShape,
  snapshotShape,
  type Json,
} from './shapes.ts';
import type { FakeDroplet, Order, World } from './world.ts';

export interface Reply {
  readonly status: number;
  /** Undefined: no body. */
  readonly body?: Json;
}

export interface Asked {
  readonly world: World;
  readonly team: Team;
  /** With the address that the client used, for links. */
  readonly url: URL;
  /** What the path names. */
  readonly id: string;
  readonly body: Json;
  readonly does: Does;
}

/** Things of the account that are not machines. */
export interface Team {
  readonly tags: Set<string>;
  readonly firewalls: Json[];
  readonly keys: Json[];
}

export interface Route {
  readonly operation: Operation;
  readonly method: string;
  readonly path: RegExp;
  /** Custom scopes of a token that it needs. */
  readonly scopes: readonly string[];
  readonly run: (asked: Asked) => Reply;
}

export const notFound: Reply = errorReply(404, 'not_found', 'The resource you were accessing could not be found.');
export const unauthorized: Reply = errorReply(401, 'unauthorized', 'Unable to authenticate you.');
export const forbidden: Reply = errorReply(403, 'forbidden', 'You are not authorized to perform this operation.');
export const tooManyRequests: Reply = errorReply(429, 'too_many_requests', 'API rate limit exceeded.');
const pendingEvent = unprocessable('Droplet already has a pending event.');

export function errorReply(status: number, id: string, message: string): Reply {
  return { status, body: { id, message, request_id: randomUUID() } };
}

function unprocessable(message: string): Reply {
  return errorReply(422, 'unprocessable_entity', message);
}

export const routes: readonly Route[] = [
  route('account', 'GET', 'account', ['account:read'], ({ world }) => ({
    status: 200,
    body: { account: accountShape(world) },
  })),
  route('keys', 'GET', 'account/keys', ['ssh_key:read'], (asked) => page(asked, 'ssh_keys', asked.team.keys)),
  route('key_create', 'POST', 'account/keys', ['ssh_key:create'], createKey),
  route('key_delete', 'DELETE', 'account/keys/:id', ['ssh_key:delete'], ({ team, id }) =>
    removed(team.keys, (key) => String(key['id']) === id),
  ),
  route('list', 'GET', 'droplets', ['droplet:read'], listDroplets),
  route('create', 'POST', 'droplets', ['droplet:create'], createDroplet),
  route('destroy_by_tag', 'DELETE', 'droplets', ['droplet:delete'], destroyByTag),
  route('find', 'GET', 'droplets/:id', ['droplet:read'], (asked) => {
    const droplet = found(asked);
    return droplet === null ? notFound : { status: 200, body: { droplet: dropletShape(asked.world, droplet) } };
  }),
  route('destroy', 'DELETE', 'droplets/:id', ['droplet:delete'], (asked) => {
    const droplet = found(asked);
    if (droplet === null) return notFound;
    return asked.world.destroy(droplet, asked.does) === 'accepted' ? { status: 204 } : pendingEvent;
  }),
  route('act', 'POST', 'droplets/:id/actions', ['droplet:update'], (asked) => {
    const droplet = found(asked);
    if (droplet === null) return notFound;
    const type = String(asked.body['type']);
    if (!['power_off', 'power_on', 'snapshot'].includes(type)) return unprocessable('You specified an invalid type.');
    const name = typeof asked.body['name'] === 'string' ? asked.body['name'] : `${droplet.name}-snapshot`;
    const action = asked.world.act(droplet, type, name, asked.does);
    return action === 'pending_event'
      ? pendingEvent
      : { status: 201, body: { action: actionShape(asked.world, action) } };
  }),
  route('action', 'GET', 'actions/:id', ['actions:read'], ({ world, id }) => {
    const action = world.actions.find((one) => String(one.id) === id);
    return action ? { status: 200, body: { action: actionShape(world, action) } } : notFound;
  }),
  route('sizes', 'GET', 'sizes', ['sizes:read', 'regions:read'], (asked) =>
    page(
      asked,
      'sizes',
      asked.world.sizes.map((size) => sizeShape(asked.world, size)),
    ),
  ),
  route('regions', 'GET', 'regions', ['regions:read'], (asked) =>
    page(
      asked,
      'regions',
      asked.world.regions.map((slug) => regionShape(asked.world, slug)),
    ),
  ),
  route('images', 'GET', 'images', ['image:read'], (asked) => {
    const isPrivate = asked.url.searchParams.get('private') === 'true';
    const images = asked.world.images.filter(({ type }) => !isPrivate || type === 'snapshot');
    return page(asked, 'images', images.map(imageShape));
  }),
  route('image', 'GET', 'images/:id', ['image:read'], ({ world, id }) => {
    const image = world.images.find((one) => String(one.id) === id || one.slug === id);
    return image ? { status: 200, body: { image: imageShape(image) } } : notFound;
  }),
  route('snapshots', 'GET', 'snapshots', ['snapshot:read'], (asked) => {
    const wanted = asked.url.searchParams.get('resource_type') ?? 'droplet';
    const images = asked.world.images.filter(({ type }) => type === 'snapshot' && wanted === 'droplet');
    return page(asked, 'snapshots', images.map(snapshotShape));
  }),
  route('snapshot_delete', 'DELETE', 'snapshots/:id', ['image:delete', 'snapshot:delete'], ({ world, id }) =>
    removed(world.images, (image) => image.type === 'snapshot' && String(image.id) === id),
  ),
  route('firewalls', 'GET', 'firewalls', ['firewall:read'], (asked) => page(asked, 'firewalls', asked.team.firewalls)),
  route('firewall_create', 'POST', 'firewalls', ['firewall:create'], createFirewall),
  route('firewall_update', 'PUT', 'firewalls/:id', ['firewall:update'], updateFirewall),
  route('firewall_delete', 'DELETE', 'firewalls/:id', ['firewall:delete'], ({ team, id }) =>
    removed(team.firewalls, (firewall) => firewall['id'] === id),
  ),
  route('tags', 'GET', 'tags', ['tag:read'], (asked) => page(asked, 'tags', [...asked.team.tags].map(tagShape))),
  route('tag_create', 'POST', 'tags', ['tag:create'], ({ team, body }) => {
    const name = String(body['name']);
    // The first use decides about capitals.
    const there = [...team.tags].find((tag) => tag.toLowerCase() === name.toLowerCase()) ?? name;
    team.tags.add(there);
    return { status: 201, body: { tag: tagShape(there) } };
  }),
];

function route(
  operation: Operation,
  method: string,
  path: string,
  scopes: readonly string[],
  run: (asked: Asked) => Reply,
): Route {
  return { operation, method, path: new RegExp(`^/v2/${path.replace(':id', '([^/]+)')}$`), scopes, run };
}

/** Rows of one page, with links to the others. The API gives 20 when it is not asked for a number, and at most 200. */
export function page({ url }: Asked, key: string, rows: readonly Json[]): Reply {
  const perPage = Number(url.searchParams.get('per_page') ?? '20');
  const number = Number(url.searchParams.get('page') ?? '1');
  if (!(perPage >= 1 && perPage <= 200 && number >= 1)) return errorReply(400, 'bad_request', 'invalid page');
  const last = Math.max(1, Math.ceil(rows.length / perPage));
  const link = (to: number): string => {
    const target = new URL(url);
    target.searchParams.set('page', String(to));
    return target.href;
  };
  const forward = number < last ? { next: link(number + 1), last: link(last) } : {};
  const backward = number > 1 ? { first: link(1), prev: link(number - 1) } : {};
  const links = last === 1 ? {} : { pages: { ...backward, ...forward } };
  const body = { [key]: rows.slice((number - 1) * perPage, number * perPage), links, meta: { total: rows.length } };
  return { status: 200, body };
}

function found({ world, id }: Asked): FakeDroplet | null {
  const droplet = world.alive().find((one) => String(one.id) === id);
  if (!droplet) return null;
  return world.clock.nowMs() - droplet.createdAtMs >= world.conditions.findLagMs ? droplet : null;
}

function listDroplets(asked: Asked): Reply {
  const { world, url } = asked;
  const { listLagMs, goneLagMs } = world.conditions;
  const nowMs = world.clock.nowMs();
  const [name, tag] = [url.searchParams.get('name'), url.searchParams.get('tag_name')];
  const shown = world.droplets
    .filter(({ goneAtMs }) => goneAtMs === null || nowMs - goneAtMs < goneLagMs)
    .filter(({ createdAtMs, hiddenLists }) => nowMs - createdAtMs >= listLagMs && hiddenLists === 0)
    .map((droplet) => dropletShape(world, droplet))
    .filter((shape) => name === null || shape['name'] === name)
    .filter((shape) => tag === null || (shape['tags'] as string[]).includes(tag));
  if (['1', null].includes(url.searchParams.get('page'))) {
    for (const droplet of world.alive()) droplet.hiddenLists = Math.max(0, droplet.hiddenLists - 1);
  }
  return page(asked, 'droplets', shown);
}

function createDroplet(asked: Asked): Reply {
  const { world, team, body, url } = asked;
  const order = orderOf(world, body);
  if ('status' in order) return order;
  for (const tag of order.tags) team.tags.add(tag);
  const droplet = world.create(order, asked.does);
  const id = world.nextId();
  const links = { actions: [{ id, rel: 'create', href: `${url.origin}/v2/actions/${id}` }] };
  return { status: 202, body: { droplet: dropletShape(world, droplet), links } };
}

/** Words of the refusals as seen in public reports (notes/helper-fleet.md 1.4). */
function orderOf(world: World, body: Json): Order | Reply {
  const { name, size: sizeSlug, region, image: wanted, tags, user_data: userData } = body;
  const size = world.sizes.find(({ slug }) => slug === sizeSlug);
  const image = world.images.find(({ id, slug }) => id === wanted || (slug !== null && slug === wanted));
  if (typeof name !== 'string' || !/^[a-zA-Z0-9]?[a-z0-9A-Z.-]*[a-z0-9A-Z]$/.test(name)) {
    return unprocessable('Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)');
  }
  if (!size) return unprocessable('You specified an invalid size for Droplet creation.');
  if (typeof region !== 'string' || !world.regions.includes(region)) return unprocessable('Region is not available');
  if (!image) return unprocessable('You specified an invalid image for Droplet creation.');
  if (!image.regions.includes(region)) return unprocessable('The image is not available in the selected region.');
  if (image.minDiskGiB > size.disk) return unprocessable('The size has a disk that is too small for the image.');
  if (typeof userData === 'string' && Buffer.byteLength(userData) > 65_536) {
    return unprocessable('User data is too long. (max 64 KiB)');
  }
  if (world.conditions.soldOut.some((one) => one.size === size.slug && one.region === region)) {
    return unprocessable('Size is not available in this region.');
  }
  if (world.alive().length >= world.conditions.machinesMax) {
    return unprocessable('creating this/these droplet(s) will exceed your droplet limit');
  }
  const named = Array.isArray(tags) ? tags.map(String) : [];
  return { name, size, region, image, tags: named, userData: typeof userData === 'string' ? userData : '' };
}

/** No call of ours may end here: without its filter it takes the whole account, and so does this. */
function destroyByTag({ world, url, does }: Asked): Reply {
  const tag = url.searchParams.get('tag_name');
  for (const droplet of world.alive()) if (tag === null || droplet.tags.includes(tag)) world.destroy(droplet, does);
  return { status: 204 };
}

function createKey({ team, body, world }: Asked): Reply {
  const key = {
    id: world.nextId(),
    fingerprint: '3b:16:bf:e4:8b:00:8b:b8:59:8c:a9:d3:f0:19:45:fa',
    public_key: body['public_key'],
    name: body['name'],
  };
  team.keys.push(key);
  return { status: 201, body: { ssh_key: key } };
}

function createFirewall(asked: Asked): Reply {
  if (asked.team.firewalls.some(({ name }) => name === asked.body['name'])) {
    return errorReply(409, 'conflict', 'duplicate name');
  }
  const firewall = firewallOf(
    asked,
    randomUUID(),
    `${new Date(asked.world.clock.nowMs()).toISOString().slice(0, 19)}Z`,
  );
  if (firewall === null) return unprocessable('tag does not exist');
  asked.team.firewalls.push(firewall);
  return { status: 202, body: { firewall } };
}

function updateFirewall(asked: Asked): Reply {
  const there = asked.team.firewalls.findIndex(({ id }) => id === asked.id);
  const old = asked.team.firewalls[there];
  if (!old) return notFound;
  const firewall = firewallOf(asked, asked.id, String(old['created_at']));
  if (firewall === null) return unprocessable('tag does not exist');
  asked.team.firewalls[there] = firewall;
  return { status: 200, body: { firewall } };
}

/** Every rule comes back with all kinds of targets, empty ones too. */
function firewallOf({ team, body }: Asked, id: string, created_at: string): Json | null {
  const tags = Array.isArray(body['tags']) ? body['tags'].map(String) : [];
  if (!tags.every((tag) => team.tags.has(tag))) return null;
  const full = (target: unknown): Json => ({
    addresses: [],
    droplet_ids: [],
    load_balancer_uids: [],
    kubernetes_ids: [],
    tags: [],
    ...(target as Json),
  });
  const rules = (kind: string, key: string): Json[] =>
    (Array.isArray(body[kind]) ? (body[kind] as Json[]) : []).map((rule) => ({ ...rule, [key]: full(rule[key]) }));
  return {
    id,
    status: 'waiting',
    created_at,
    pending_changes: [],
    name: body['name'],
    droplet_ids: [],
    tags,
    inbound_rules: rules('inbound_rules', 'sources'),
    outbound_rules: rules('outbound_rules', 'destinations'),
  };
}

function tagShape(name: string): Json {
  return { name, resources: { count: 0, droplets: { count: 0 } } };
}

function removed<T>(rows: T[], isIt: (row: T) => boolean): Reply {
  const index = rows.findIndex(isIt);
  if (index < 0) return notFound;
  rows.splice(index, 1);
  return { status: 204 };
}
