/** The world in the words of the API: what each thing looks like in an answer. */
import type { FakeImage, FakeSize } from './catalogue.ts';
import type { FakeAction, FakeDroplet, World } from './world.ts';

export type Json = Record<string, unknown>;

const instant = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
const features = ['backups', 'ipv6', 'metadata', 'install_agent'];

export function sizeShape(world: World, size: FakeSize): Json {
  const soldOut = world.conditions.soldOut.filter((one) => one.size === size.slug).map(({ region }) => region);
  return {
    slug: size.slug,
    memory: size.memory,
    vcpus: size.vcpus,
    disk: size.disk,
    transfer: 1,
    price_monthly: size.usdPerMonth * world.conditions.priceFactor,
    price_hourly: size.usdPerHour * world.conditions.priceFactor,
    regions: world.regions.filter((region) => !soldOut.includes(region)),
    available: true,
    description: 'Basic',
    disk_info: [{ type: 'local', size: { amount: size.disk, unit: 'gib' } }],
  };
}

export function regionShape(world: World, slug: string): Json {
  return { name: slug.toUpperCase(), slug, features, available: true, sizes: world.sizes.map((size) => size.slug) };
}

export function imageShape(image: FakeImage): Json {
  return {
    id: image.id,
    name: image.name,
    distribution: (image.slug ?? '').startsWith('ubuntu') ? 'Ubuntu' : 'Debian',
    slug: image.slug,
    public: image.type === 'base',
    regions: image.regions,
    created_at: instant(image.createdAtMs),
    type: image.type,
    min_disk_size: image.minDiskGiB,
    size_gigabytes: 2.36,
    description: '',
    tags: [],
    status: 'available',
    error_message: '',
  };
}

/** Snapshots name themselves by text here and by number where a machine is made of one. */
export function snapshotShape(image: FakeImage): Json {
  return {
    id: String(image.id),
    name: image.name,
    created_at: instant(image.createdAtMs),
    regions: image.regions,
    resource_id: String(image.fromId ?? 0),
    resource_type: 'droplet',
    min_disk_size: image.minDiskGiB,
    size_gigabytes: 2.36,
    tags: [],
  };
}

export function dropletShape(world: World, droplet: FakeDroplet): Json {
  const { tagsLagMs } = world.conditions;
  const isTagged = tagsLagMs !== null && world.clock.nowMs() - droplet.createdAtMs >= tagsLagMs;
  const network = (type: string, address: string | null, netmask: string): Json[] =>
    address === null ? [] : [{ ip_address: address, netmask, gateway: address.replace(/\d+$/, '1'), type }];
  return {
    id: droplet.id,
    name: droplet.name,
    memory: droplet.size.memory,
    vcpus: droplet.size.vcpus,
    disk: droplet.size.disk,
    disk_info: [{ type: 'local', size: { amount: droplet.size.disk, unit: 'gib' } }],
    locked: droplet.isLocked,
    status: droplet.status,
    kernel: null,
    created_at: instant(droplet.createdAtMs),
    features: ['private_networking'],
    backup_ids: [],
    next_backup_window: null,
    snapshot_ids: world.images.filter(({ fromId }) => fromId === droplet.id).map(({ id }) => id),
    image: imageShape(droplet.image),
    volume_ids: [],
    size: sizeShape(world, droplet.size),
    size_slug: droplet.size.slug,
    networks: {
      v4: [
        ...network('private', droplet.privateAddress, '255.255.240.0'),
        ...network('public', droplet.address, '255.255.255.0'),
      ],
      v6: [],
    },
    region: regionShape(world, droplet.region),
    tags: isTagged ? droplet.tags : [],
    vpc_uuid: '760e09ef-dc84-11e8-981e-3cfdfeaae000',
  };
}

export function actionShape(world: World, action: FakeAction): Json {
  return {
    id: action.id,
    status: action.status,
    type: action.type,
    started_at: instant(action.startedAtMs),
    completed_at: action.completedAtMs === null ? null : instant(action.completedAtMs),
    resource_id: action.dropletId,
    resource_type: 'droplet',
    region: regionShape(world, action.region),
    region_slug: action.region,
  };
}

export function accountShape(world: World): Json {
  return {
    droplet_limit: world.conditions.machinesMax,
    floating_ip_limit: 5,
    email: 'owner@example.com',
    name: 'Owner',
    uuid: 'b6fr89dbf6d9156cace5f3c78dc9851d957381ef',
    email_verified: true,
    status: world.conditions.accountStatus,
    status_message: '',
    team: { uuid: '5df3e3004a17e242b7c20ca6c9fc25b701a47ece', name: 'patchgit' },
  };
}
