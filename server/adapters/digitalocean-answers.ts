/**
 * What we believe of an answer of DigitalOcean's API, after its public description (api.digitalocean.com, v2). dots-wrapper hands
 * out whatever came; only what passes here is an answer.
 */
import { z } from 'zod';
import type { CloudImage, CloudMachine, CloudSizeOffer } from '../ports-cloud.ts';

export const CloudErrorBody = z.object({ id: z.string().min(1), message: z.string() });
export type CloudErrorBody = z.infer<typeof CloudErrorBody>;

const PositiveId = z.int().positive();
const Instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
/** DigitalOcean says `null` or nothing for "none". */
const Tags = z
  .array(z.string())
  .nullish()
  .transform((tags) => tags ?? []);

const Droplet = z
  .object({
    id: PositiveId,
    name: z.string().min(1),
    status: z.enum(['new', 'active', 'off', 'archive']),
    size_slug: z.string().min(1),
    region: z.object({ slug: z.string().min(1) }),
    created_at: Instant,
    networks: z.object({
      v4: z.array(z.object({ ip_address: z.ipv4(), type: z.enum(['public', 'private']) })),
    }),
    tags: Tags,
  })
  .transform((droplet): CloudMachine => ({
    id: droplet.id,
    name: droplet.name,
    status: droplet.status,
    size: droplet.size_slug,
    region: droplet.region.slug,
    createdAtMs: droplet.created_at,
    address: droplet.networks.v4.find(({ type }) => type === 'public')?.ip_address ?? null,
    tags: droplet.tags,
  }));

/** A price that is absent, zero, no number or endless is no price: such a size is never available. */
const PricePerHour = z
  .unknown()
  .optional()
  .transform((price) => (typeof price === 'number' && Number.isFinite(price) && price > 0 ? price : 0));

const Size = z
  .object({
    slug: z.string().min(1),
    memory: z.int().positive(),
    vcpus: z.int().positive(),
    disk: z.int().positive(),
    price_hourly: PricePerHour,
    regions: z.array(z.string()),
    available: z.boolean(),
  })
  .transform((size): CloudSizeOffer => ({
    slug: size.slug,
    memoryMiB: size.memory,
    cpus: size.vcpus,
    diskGiB: size.disk,
    usdPerHour: size.price_hourly,
    regions: size.regions,
    available: size.available && size.price_hourly > 0,
  }));

const Snapshot = z
  .object({
    // A number in text for machines; a UUID for volumes, which are not asked for.
    id: z
      .string()
      .regex(/^[1-9]\d{0,15}$/)
      .transform(Number)
      .pipe(PositiveId),
    name: z.string(),
    created_at: Instant,
    regions: z.array(z.string()),
    min_disk_size: z.int().min(0),
    size_gigabytes: z.number().min(0).nullish(),
    resource_type: z.literal('droplet'),
  })
  .transform((snapshot): CloudImage => ({
    id: snapshot.id,
    slug: null,
    name: snapshot.name,
    regions: snapshot.regions,
    minDiskGiB: snapshot.min_disk_size,
    sizeGiB: snapshot.size_gigabytes ?? null,
    createdAtMs: snapshot.created_at,
  }));

const Rule = z.object({ protocol: z.string(), ports: z.string() });
const Target = z.record(z.string(), z.unknown());
export const CloudFirewall = z.object({
  id: z.uuid(),
  name: z.string(),
  tags: Tags,
  droplet_ids: z.array(z.int()).nullish(),
  inbound_rules: z.array(Rule.extend({ sources: Target })).nullish(),
  outbound_rules: z.array(Rule.extend({ destinations: Target })).nullish(),
});
export type CloudFirewall = z.infer<typeof CloudFirewall>;

export const OneDroplet = z.object({ droplet: Droplet });
export const OneFirewall = z.object({ firewall: CloudFirewall });
export const OneTag = z.object({ tag: z.object({ name: z.string() }) });
export const OneAction = z.object({
  action: z.object({
    id: PositiveId,
    status: z.enum(['in-progress', 'completed', 'errored']),
    type: z.string(),
    resource_id: PositiveId,
  }),
});
export const OneAccount = z.object({
  account: z.object({ status: z.string().min(1), droplet_limit: z.int().min(0) }),
});

/** `links.pages.next` is there when there is another page; `meta.total` counts all pages. */
const Page = z.object({
  links: z.object({ pages: z.object({ next: z.string().optional() }).optional() }).optional(),
  meta: z.object({ total: z.int().min(0) }),
});
export const DropletPage = Page.extend({ droplets: z.array(Droplet) });
export const SizePage = Page.extend({ sizes: z.array(Size) });
export const SnapshotPage = Page.extend({ snapshots: z.array(Snapshot) });
export const FirewallPage = Page.extend({ firewalls: z.array(CloudFirewall) });
export type Page = z.infer<typeof Page>;
