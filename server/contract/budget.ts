import { z } from 'zod';
import { HostName } from './check.ts';
import { Usd } from './money.ts';
import { Approval, Reservation } from './spend.ts';

/** Longest a check may be allowed to take; a job holds the lock meanwhile. */
const checkSecondsLimit = 6 * 60 * 60;

/** "2026-11-20": the day a price was looked up. */
const Day = z.iso.date('is not a day; write it as 2026-11-20');

/** A helper size as the cloud sells it. */
export const HelperSize = z.strictObject({
  slug: z.string().regex(/^[a-z0-9][a-z0-9-]{1,60}$/, 'is not the slug of a size, like "s-1vcpu-2gb"'),
  memoryMiB: z.int().min(512).max(1_048_576),
  cpus: z.int().min(1).max(256),
  usdPerHour: Usd.refine((usd) => usd > 0, 'must be more than 0: an unknown price is not free'),
});
export type HelperSize = z.infer<typeof HelperSize>;

/** Dollars per million tokens. `null`: the vendor does not sell it apart, so the input price holds. */
export const ModelPrice = z.strictObject({
  /** "provider/model" as the provider names it. */
  model: z.string().regex(/^[a-z0-9_.-]+\/[^\s/][^\s]*$/i, 'is not "provider/model"'),
  inputUsd: Usd,
  outputUsd: Usd,
  cacheReadUsd: Usd.nullable(),
  cacheWriteUsd: Usd.nullable(),
  pricedOn: Day,
});
export type ModelPrice = z.infer<typeof ModelPrice>;

/**
 * The public registries of the ecosystems whose set-up is detected. Hosts that serve anybody's files (GitHub's, a mirror's) are
 * not among them: whoever needs one adds it to budget.json.
 */
export const setUpDefaults = {
  hosts: [
    'registry.npmjs.org',
    'registry.yarnpkg.com',
    'repo.yarnpkg.com',
    'pypi.org',
    'files.pythonhosted.org',
    'rubygems.org',
    'index.rubygems.org',
    'repo.packagist.org',
    'proxy.golang.org',
    'sum.golang.org',
    'index.crates.io',
    'static.crates.io',
    'repo.maven.apache.org',
    'repo1.maven.org',
    'plugins.gradle.org',
    'plugins-artifacts.gradle.org',
  ],
  secondsMax: 900,
  layerMiBMax: 2048,
  keptMiBMax: 8192,
};

/** What a baked image holds when `helper.bake` is silent: what the checks of most repositories need, by the names of Debian 13. */
export const bakeDefaults = {
  packages: [
    ['build-essential', 'pkg-config', 'cmake', 'curl', 'jq', 'unzip', 'zip', 'rsync', 'sqlite3'],
    ['python3', 'python3-dev', 'python3-venv', 'python3-pip', 'pipx'],
    ['ruby', 'ruby-dev', 'bundler', 'php-cli', 'php-xml', 'php-mbstring', 'composer'],
    ['golang', 'cargo', 'default-jdk-headless', 'maven'],
  ].flat(),
};

/** A model that answers on a helper, and the program that runs it. Nothing is taken that has not this digest. */
export const BakedOllama = z.strictObject({
  /** An archive with `bin/ollama` in it: .tgz, .tar.gz, .tar.xz or .tar.zst. */
  url: z.string().regex(/^https:\/\/[\w.-]+(?::\d{1,5})?\/[\w./%+=-]{1,400}$/, 'is not an https address of a file'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'is not a sha256 in lower-case hexadecimal digits'),
  /** As `ollama pull` takes it. */
  model: z.string().regex(/^[a-z0-9][a-z0-9._/-]{0,127}(?::[a-z0-9][a-z0-9._-]{0,63})?$/i, 'is not a model of Ollama'),
});
export type BakedOllama = z.infer<typeof BakedOllama>;

/** budget.json, the owner's file at the top level. Unknown keys are refused (DESIGN section 7). */
export const BudgetFile = z
  .strictObject({
    caps: z.strictObject({ hourUsd: Usd, dayUsd: Usd }),
    /** IANA name, for example "Europe/Berlin": the day of the day cap is the owner's calendar day. */
    timeZone: z
      .string()
      .refine((zone) => isTimeZone(zone), 'is not a time zone known here; use a name like "Europe/Berlin"'),
    proof: z.strictObject({
      /** Wall time of one check on one tree. */
      checkSecondsMax: z.int().min(1).max(checkSecondsLimit),
    }),
    /** How dependencies are fetched before the checks of a repository run; what is absent is as in `setUpDefaults`. */
    setup: z
      .strictObject({
        /** Package registries that a set-up may reach, and nothing else. */
        hosts: z.array(HostName).max(200).optional(),
        secondsMax: z.int().min(1).max(checkSecondsLimit).optional(),
        /** What one set-up may leave. */
        layerMiBMax: z.int().min(16).max(1_048_576).optional(),
        /** What is kept of all set-ups for the next jobs; the longest unused goes first. */
        keptMiBMax: z.int().min(16).max(1_048_576).optional(),
      })
      .optional(),
    helper: z.strictObject({
      /** Smallest first. */
      sizes: z.array(HelperSize).min(1).max(20),
      pricedOn: Day,
      /** DigitalOcean bills by the second, at least a minute and at least a cent. */
      billing: z.strictObject({
        stepSeconds: z.int().min(1).max(86_400),
        minimumSeconds: z.int().min(0).max(86_400),
        minimumUsd: Usd,
      }),
      /** A larger one needs approval, whatever it costs. */
      largestWithoutApproval: z.string(),
      /** Where, in the order of preference: the next one is taken when one has no room. */
      regions: z
        .array(z.string().regex(/^[a-z]{3}\d{1,2}$/, 'is not a region of DigitalOcean, like "fra1"'))
        .min(1)
        .max(20),
      /** Slug of a public image, or the number of a snapshot of your own. */
      image: z.union([
        z.string().regex(/^[a-z0-9][a-z0-9.-]{1,80}$/, 'is not the slug of an image'),
        z.int().positive(),
      ]),
      /** A helper is destroyed by then, whatever it does. */
      lifetimeMinutesMax: z.int().min(5).max(1440),
      /** What `patchgit helper bake` puts into an image; what is absent is as in `bakeDefaults`. */
      bake: z
        .strictObject({
          packages: z
            .array(z.string().regex(/^[a-z0-9][a-z0-9+.-]{1,80}$/, 'is not the name of a package of Debian'))
            .max(300)
            .optional(),
          /** Absent: no model is baked in. */
          ollama: BakedOllama.optional(),
        })
        .optional(),
    }),
    models: z.strictObject({
      /** The owner's own prices; they go before the built-in table. */
      prices: z.array(ModelPrice).max(200),
    }),
    policy: z.strictObject({
      /** An external API call is asked for each time, or never offered. */
      externalApi: z.enum(['ask', 'never']),
      secondHelper: z.enum(['ask', 'never']),
      /** Approving more than this asks for the PIN again. */
      askPinAboveUsd: Usd,
      /** An approval that was not used by then is void. */
      approvalMinutes: z.int().min(1).max(1440),
    }),
  })
  .superRefine(({ caps, helper, setup }, context) => {
    const wrong = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if (caps.dayUsd < caps.hourUsd)
      wrong(['caps', 'dayUsd'], 'is less than "caps.hourUsd", which could then never be spent');
    const { hosts, layerMiBMax, keptMiBMax } = setUpRules({ setup });
    hosts.forEach((host, at) => {
      if (hosts.indexOf(host) !== at) wrong(['setup', 'hosts', at], `names "${host}" a second time`);
    });
    if (keptMiBMax < layerMiBMax)
      wrong(['setup', 'keptMiBMax'], 'is less than "setup.layerMiBMax", so a set-up of that size could not be kept');
    const slugs = helper.sizes.map(({ slug }) => slug);
    slugs.forEach((slug, at) => {
      if (slugs.indexOf(slug) !== at) wrong(['helper', 'sizes', at, 'slug'], `names "${slug}" a second time`);
    });
    helper.sizes.forEach(({ memoryMiB }, at) => {
      if (memoryMiB < (helper.sizes[at - 1]?.memoryMiB ?? 0))
        wrong(['helper', 'sizes', at, 'memoryMiB'], 'is smaller than the size before it: smallest first');
    });
    if (!slugs.includes(helper.largestWithoutApproval))
      wrong(['helper', 'largestWithoutApproval'], `is none of the sizes above: ${slugs.join(', ')}`);
  });
export type BudgetFile = z.infer<typeof BudgetFile>;

export interface SetUpRules {
  readonly hosts: readonly string[];
  readonly secondsMax: number;
  readonly layerMiBMax: number;
  readonly keptMiBMax: number;
}

/** What the file says about set-ups, with the defaults where it is silent. */
export function setUpRules({ setup }: { readonly setup?: BudgetFile['setup'] }): SetUpRules {
  return {
    hosts: setup?.hosts ?? setUpDefaults.hosts,
    secondsMax: setup?.secondsMax ?? setUpDefaults.secondsMax,
    layerMiBMax: setup?.layerMiBMax ?? setUpDefaults.layerMiBMax,
    keptMiBMax: setup?.keptMiBMax ?? setUpDefaults.keptMiBMax,
  };
}

export interface BakeRules {
  readonly packages: readonly string[];
  readonly ollama: BakedOllama | null;
}

/** What the file says about images, with the defaults where it is silent. */
export function bakeRules({ helper }: { readonly helper: Pick<BudgetFile['helper'], 'bake'> }): BakeRules {
  return { packages: helper.bake?.packages ?? bakeDefaults.packages, ollama: helper.bake?.ollama ?? null };
}

function isTimeZone(zone: string): boolean {
  // The first use of Intl reads 8 MiB of tables into the daemon; whoever keeps UTC need not pay for them.
  if (zone === 'UTC') return true;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

export const BudgetWindow = z.object({
  capUsd: z.number(),
  spentUsd: z.number(),
  pendingUsd: z.number(),
  /** What may still be reserved without approval; never negative. */
  leftUsd: z.number(),
});
export type BudgetWindow = z.infer<typeof BudgetWindow>;

export const Budget = z.object({
  hour: BudgetWindow,
  day: BudgetWindow,
  timeZone: z.string(),
  /** When the owner's day ends and the day's figures begin anew. */
  dayEndsAtMs: z.int(),
  /** When the next spent amount leaves the rolling hour; null when nothing was spent in it. */
  hourEasesAtMs: z.int().nullable(),
  /** Pending ones first, then the newest. */
  reservations: z.array(Reservation),
  /** The ones that can still be used. */
  approvals: z.array(Approval),
  /** What is wrong with budget.json as it is saved now; until it is mended, the last right one counts. */
  mistakes: z.array(z.string()).optional(),
  asOfMs: z.int(),
});
export type Budget = z.infer<typeof Budget>;

/** One bar of the plot: what was settled in it. */
export const SpendBucket = z.object({
  fromMs: z.int(),
  untilMs: z.int(),
  helperUsd: z.number(),
  externalApiUsd: z.number(),
});
export const SpendSeries = z.object({
  range: z.enum(['24h', '30d']),
  buckets: z.array(SpendBucket),
  capUsd: z.number(),
});
export type SpendSeries = z.infer<typeof SpendSeries>;
export const SeriesQuery = z.strictObject({ range: SpendSeries.shape.range.default('24h') });

export const PriceSource = z.enum(['built_in', 'budget_file', 'owner', 'cloud']);
export type PriceSource = z.infer<typeof PriceSource>;

/** What things cost here, with where the price is from and how old it is. */
export const PriceTable = z.object({
  sizes: z.array(HelperSize.extend({ source: PriceSource, pricedOn: z.string(), needsApproval: z.boolean() })),
  models: z.array(ModelPrice.extend({ source: PriceSource, old: z.boolean() })),
  billing: BudgetFile.shape.helper.shape.billing,
  policy: BudgetFile.shape.policy,
  /** A price older than this is marked. */
  oldAfterDays: z.int(),
});
export type PriceTable = z.infer<typeof PriceTable>;

/** The owner types a price that is not known: for a helper size, or for a model. */
export const TypePrice = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('size'), slug: HelperSize.shape.slug, usdPerHour: HelperSize.shape.usdPerHour }),
  z.strictObject({ kind: z.literal('model'), ...ModelPrice.omit({ pricedOn: true }).shape }),
]);
export type TypePrice = z.infer<typeof TypePrice>;
