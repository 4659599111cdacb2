/** Builds the way to a helper: DigitalOcean, SSH and the program over there, or the sentence that says what is missing. */
import { existsSync, readFileSync } from 'node:fs';
import type { Doctor } from '#contract/api.ts';
import type { BudgetFile } from '#contract/budget.ts';
import type { HelperView } from '#contract/lease.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { inspectCloud } from './adapters/digitalocean-scopes.ts';
import { digitalOcean } from './adapters/digitalocean.ts';
import { remoteSandbox } from './adapters/remote-sandbox.ts';
import { sshLink } from './adapters/ssh-link.ts';
import type { Config } from './config.ts';
import { no, ok, type Result } from './lib/result.ts';
import type { Clock, Cloud, Log, PaidSandbox, Random, Sandbox } from './ports.ts';
import type { Database } from './record/db/open.ts';
import type { Ledger } from './record/ledger/store.ts';
import type { Till } from './resources/budget/perform.ts';
import type { PriceDesk } from './resources/budget/prices.ts';
import { places, users } from './resources/lease/cloud-init-places.ts';
import { cloudInit } from './resources/lease/cloud-init.ts';
import { leaseDesk } from './resources/lease/desk.ts';
import { machineTag } from './resources/lease/names.ts';
import { noHelper } from './resources/lease/none.ts';

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
  /** For `doctor`: what the token can and cannot do, without doing any of it. */
  readonly inspect: () => Promise<Doctor['findings']>;
  readonly close: () => Promise<void>;
}

const requestMsMax = 60_000;
const sshPort = 22;
const guardEveryMs = 6 * 60 * 60_000;

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
  const desk = leaseDesk({
    ...parts,
    cloud,
    link: sshLink({ log }),
    priceOf: (slug) => prices.size(slug)?.usdPerHour ?? null,
    takePrices: (offers) => prices.takeFromCloud(offers),
    cloudInit: ({ hostname, keys, deadlineAtMs: selfDestructAtMs }) =>
      cloudInit({ hostname, keys, image: 'plain', selfDestructAtMs, nowMs: clock.nowMs(), sshFromAddresses: [] }),
    remoteSandbox: (connection) =>
      remoteSandbox({
        connection,
        helperBundle: readFileSync(helperPath),
        folder: places.trees,
        helper: { kind: 'service', command: [places.helperCommand], program: places.helperProgram },
        log,
      }),
    policy: () => {
      const { regions, image } = settings().helper;
      return { regions, image, user: users.login.name, port: sshPort };
    },
  });
  const guard = (): void => void guardHelpers(parts, cloud);
  guard();
  clock.every(guardEveryMs, guard);
  return {
    paid: desk,
    view: desk.view,
    destroyNow: () => {
      const asked = desk.destroyNow();
      return asked.ok ? ok(null) : no(problem('not_found', asked.why));
    },
    inspect: () => inspectCloud(cloud),
    close: desk.close,
  };
}

/** The cloud's own firewall in front of every helper of ours: only SSH. The machine has one of its own behind it. */
async function guardHelpers({ install, log }: HelperParts, cloud: Cloud): Promise<void> {
  const tag = machineTag(install);
  const guarded = await cloud.ensureFirewall({ name: tag, tag, fromAddresses: ['0.0.0.0/0', '::/0'] });
  if (!guarded.ok)
    log.warn({ why: guarded.why.message, code: guarded.why.code }, 'the firewall for helpers was not made');
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
      asOfMs: clock.nowMs(),
    }),
    destroyNow: () => no(problem('not_found', 'There is no helper, so there is nothing to destroy.')),
    inspect: async () => [],
    close: async () => undefined,
  };
}
