/** Builds the way to a helper: DigitalOcean, SSH and the program over there, or the sentence that says what is missing. */
import { existsSync, readFileSync } from 'node:fs';
import type { Doctor } from '#contract/api.ts';
import { bakeRules, setUpRules, type BudgetFile } from '#contract/budget.ts';
import type { HelperView } from '#contract/lease.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { ownAddress } from './adapters/digitalocean-own-address.ts';
import { inspectCloud } from './adapters/digitalocean-scopes.ts';
import { digitalOcean } from './adapters/digitalocean.ts';
import { remoteSandbox } from './adapters/remote-sandbox.ts';
import { sshLink } from './adapters/ssh-link.ts';
import type { Config } from './config.ts';
import { sha256 } from './lib/digest.ts';
import type { KnownSecret } from './lib/redact.ts';
import { no, ok, type Result } from './lib/result.ts';
import type { Clock, Log, PaidSandbox, Random, Sandbox } from './ports.ts';
import type { Artifacts } from './record/artifact/store.ts';
import type { Database } from './record/db/open.ts';
import type { Ledger } from './record/ledger/store.ts';
import type { Till } from './resources/budget/perform.ts';
import type { PriceDesk } from './resources/budget/prices.ts';
import { places, users } from './resources/lease/cloud-init-places.ts';
import { cloudInit } from './resources/lease/cloud-init.ts';
import { leaseDesk } from './resources/lease/desk.ts';
import { noHelper } from './resources/lease/none.ts';
import { helperWalls } from './resources/lease/walls.ts';

export interface HelperParts {
  readonly config: Config;
  /** Null: the cloud is not connected. */
  readonly token: string | null;
  /** The sandbox here. */
  readonly base: Sandbox;
  /** dist/helper.cjs, or its source when nothing is built. */
  readonly helperPath: string;
  readonly db: Database;
  readonly ledger: Ledger;
  readonly artifacts: Artifacts;
  /** Credentials of ours, to be masked wherever they come up. */
  readonly known: readonly KnownSecret[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly install: string;
  readonly till: Till;
  readonly settings: () => BudgetFile;
  readonly prices: PriceDesk;
}

/** The one helper: for the chain, for the doors, and for the end. */
export interface Helper {
  readonly paid: PaidSandbox;
  readonly view: () => HelperView;
  readonly destroyNow: () => Result<null, Problem>;
  /** Resolves when the making of an image is accepted, or refused. */
  readonly bake: () => Promise<Result<null, Problem>>;
  /** For `doctor`: what the token can and cannot do, without doing any of it. */
  readonly inspect: () => Promise<Doctor['findings']>;
  readonly close: () => Promise<void>;
}

const requestMsMax = 60_000;
const sshPort = 22;

export function realHelper(parts: HelperParts): Helper {
  const { config, token, helperPath, settings, prices, clock, log } = parts;
  if (token === null)
    return helperOf(
      noHelper('No helper can be had: add DIGITALOCEAN_TOKEN. Works without, on this machine alone.'),
      clock,
    );
  if (!helperPath.endsWith('.cjs') || !existsSync(helperPath))
    return helperOf(noHelper('No helper can be had before "npm run build": the program for it is not there.'), clock);
  const cloud = digitalOcean({ token, apiUrl: config.digitalOceanUrl, wallMs: requestMsMax, log });
  const walls = helperWalls({ ...parts, cloud, ownAddress: ownAddressFor(parts) });
  // Of the order: a machine keeps the registries that it was made with, whatever budget.json says meanwhile.
  let registryHosts: readonly string[] = [];
  const doorOrders = (): { registryHosts: readonly string[]; programSha256: string } => {
    registryHosts = setUpRules(settings()).hosts;
    return { registryHosts, programSha256: sha256(readFileSync(helperPath)) };
  };
  const desk = leaseDesk({
    ...parts,
    cloud,
    link: sshLink({ log }),
    priceOf: (slug) => prices.size(slug)?.usdPerHour ?? null,
    takePrices: (offers) =>
      prices.takeFromCloud(
        offers.map(({ slug, usdPerHour, memoryMiB, cpus }) => ({ slug, usdPerHour, memoryMiB, cpus })),
      ),
    cloudInit: ({ hostname, keys, form, deadlineAtMs: selfDestructAtMs }) =>
      cloudInit({
        hostname,
        keys,
        image: form === 'baked' ? 'baked' : 'plain',
        ...(form === 'bake' ? { bake: bakeRules(settings()) } : { door: doorOrders() }),
        selfDestructAtMs,
        nowMs: clock.nowMs(),
        sshFromAddresses: walls.fromAddresses(),
      }),
    remoteSandbox: (connection) =>
      remoteSandbox({
        connection,
        helperBundle: readFileSync(helperPath),
        folder: places.trees,
        helper: { kind: 'service', command: [places.helperCommand], program: places.helperProgram },
        door: { socket: places.doorSocket, hosts: registryHosts },
        log,
      }),
    policy: () => {
      const { regions, image } = settings().helper;
      return { regions, image, user: users.login.name, port: sshPort };
    },
  });
  return {
    paid: desk,
    view: desk.view,
    destroyNow: () => {
      const asked = desk.destroyNow();
      return asked.ok ? ok(null) : no(problem('not_found', asked.why));
    },
    bake: async () => {
      const asked = await desk.bake();
      return asked.ok ? ok(null) : no(problem('helper_failed', asked.why));
    },
    inspect: async () => [...(await inspectCloud(cloud)), walls.finding()],
    close: () => {
      walls.stop();
      return desk.close();
    },
  };
}

/** A cloud on this very machine reaches its helpers by ways of its own. */
function ownAddressFor({ config }: HelperParts): () => Promise<string | null> {
  const { hostname } = new URL(config.digitalOceanUrl);
  if (['127.0.0.1', '[::1]', 'localhost'].includes(hostname)) return () => Promise.resolve(null);
  const { publicAddress } = config;
  return publicAddress === null ? ownAddress : () => Promise.resolve(publicAddress);
}

/** What the doors show where nothing can be rented. */
export function helperOf(paid: PaidSandbox, clock: Clock): Helper {
  const available = paid.available();
  return {
    paid,
    view: () => ({
      unavailable: available.ok ? null : available.why,
      current: null,
      past: [],
      strays: [],
      bake: null,
      images: [],
      asOfMs: clock.nowMs(),
    }),
    destroyNow: () => no(problem('not_found', 'There is no helper, so there is nothing to destroy.')),
    bake: async () => no(problem('not_configured', available.ok ? 'Only a cloud makes images.' : available.why)),
    inspect: async () => [],
    close: async () => undefined,
  };
}
