/** What the fake cloud sells. Slugs and prices are those of DigitalOcean's price table as of 2022: month divided by 672 hours. */

export interface FakeSize {
  readonly slug: string;
  readonly memory: number;
  readonly vcpus: number;
  readonly disk: number;
  readonly usdPerMonth: number;
  readonly usdPerHour: number;
}

export interface FakeImage {
  readonly id: number;
  readonly name: string;
  readonly slug: string | null;
  readonly type: 'base' | 'snapshot';
  readonly regions: readonly string[];
  readonly minDiskGiB: number;
  readonly createdAtMs: number;
  /** The machine that a snapshot was made of. */
  readonly fromId: number | null;
}

export const fakeRegions: readonly string[] = ['nyc3', 'fra1', 'ams3'];

export const fakeSizes: readonly FakeSize[] = [
  size('s-1vcpu-1gb', 1024, 1, 25, 6, 0.00893),
  size('s-1vcpu-2gb', 2048, 1, 50, 12, 0.01786),
  size('s-2vcpu-2gb', 2048, 2, 60, 18, 0.02679),
  size('s-2vcpu-4gb', 4096, 2, 80, 24, 0.03571),
  size('s-4vcpu-8gb', 8192, 4, 160, 48, 0.07143),
  size('c-2', 4096, 2, 25, 42, 0.0625),
];

export const fakeImages: readonly FakeImage[] = [
  base(63_663_980, '24.04 (LTS) x64', 'ubuntu-24-04-x64'),
  base(63_663_981, '12 x64', 'debian-12-x64'),
  base(63_663_982, '13 x64', 'debian-13-x64'),
];

function size(
  slug: string,
  memory: number,
  vcpus: number,
  disk: number,
  usdPerMonth: number,
  usdPerHour: number,
): FakeSize {
  return { slug, memory, vcpus, disk, usdPerMonth, usdPerHour };
}

function base(id: number, name: string, slug: string): FakeImage {
  const createdAtMs = Date.UTC(2026, 0, 15);
  return { id, name, slug, type: 'base', regions: fakeRegions, minDiskGiB: 10, createdAtMs, fromId: null };
}
