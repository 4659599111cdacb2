/**
 * The composition root: the only file that builds things and touches the environment. It reads top to bottom in the order
 * things depend on each other; stopping goes the other way.
 */
import { chmod, mkdir } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { setUpRules } from '#contract/budget.ts';
import { baseSandbox } from './adapters/base-sandbox.ts';
import { findRunUser } from './adapters/base-sandbox-user.ts';
import { hardenedGit } from './adapters/git.ts';
import { localForge } from './adapters/local-forge.ts';
import { secretScan } from './adapters/secret-scan.ts';
import { pinoLog } from './adapters/pino-log.ts';
import { giveBackMemory } from './adapters/spare-memory.ts';
import { systemClock } from './adapters/system-clock.ts';
import { systemRandom } from './adapters/system-random.ts';
import { accepting } from './chain/job/accept.ts';
import { serialLock } from './chain/job/lock.ts';
import { runner } from './chain/job/runner.ts';
import { jobStore } from './chain/job/store.ts';
import { refresh } from './chain/proposal/actions.ts';
import { proposalStore } from './chain/proposal/store.ts';
import { publicationStore } from './chain/publish/store.ts';
import { parseBudget, readConfig, sandboxLimits, type Config } from './config.ts';
import { door } from './doors/auth/door.ts';
import { pinHasher } from './doors/auth/pin-hash.ts';
import { replier } from './doors/chat/reply.ts';
import { chatStore } from './doors/chat/store.ts';
import { httpApp } from './doors/http/app.ts';
import { attach } from './doors/http/attach.ts';
import { authRoutes } from './doors/http/auth-routes.ts';
import { chainRoutes } from './doors/http/chain-routes.ts';
import { chatRoutes } from './doors/http/chat-routes.ts';
import { examine, listIntegrations } from './doors/http/doctor.ts';
import { forgeRoutes } from './doors/http/forge-routes.ts';
import { helperRoutes } from './doors/http/helper-routes.ts';
import { fixRoutes } from './doors/intake/fix-routes.ts';
import { moneyRoutes } from './doors/http/money-routes.ts';
import { ownerSockets } from './doors/http/owner-sockets.ts';
import { recordRoutes } from './doors/http/record-routes.ts';
import { repositoryRoutes } from './doors/http/repository-routes.ts';
import { siteOf } from './doors/http/site.ts';
import { stateRoutes } from './doors/http/state-routes.ts';
import { listenAt, listenOn, refuseSecondDaemon, StartError } from './doors/http/listen.ts';
import { liveHub, type LiveHub } from './doors/live/hub.ts';
import { artifactStore } from './record/artifact/store.ts';
import { makeBackup } from './record/backup.ts';
import { DatabaseTooNewError, openDatabase } from './record/db/open.ts';
import { installId } from './record/install.ts';
import { ledgerStore } from './record/ledger/store.ts';
import { till } from './resources/budget/perform.ts';
import { priceDesk } from './resources/budget/prices.ts';
import { budgetReads } from './resources/budget/reads.ts';
import { budgetSettings } from './resources/budget/settings.ts';
import { checkouts } from './resources/repo/checkout.ts';
import { follower, type Follower } from './resources/repo/follow.ts';
import { mirrors } from './resources/repo/mirror.ts';
import { makeSample } from './resources/repo/sample.ts';
import { buildId, helperFile, npmFolder, ownCredentials, root, secretsFile } from './main-around.ts';
import { realGitHub } from './main-github.ts';
import { realHelper, type Helper, type HelperParts } from './main-helper.ts';
import { hearing, type Hearing } from './main-intake.ts';
import type { Clock } from './ports.ts';
import { repositoryStore } from './resources/repo/store.ts';
import { trashIsEmpty } from './resources/repo/trash.ts';

/** What lies beyond the wires, where a test hands in its own. */
export interface FarEnds {
  readonly clock: Clock;
  readonly helper: (parts: HelperParts) => Helper;
  /** Whether checkouts follow the branches in the background; a test that counts git commands says no. */
  readonly followsBranches: boolean;
}

const realFarEnds: FarEnds = { clock: systemClock(), helper: realHelper, followsBranches: true };

// Importing does nothing; the bundle is always what was started.
if (import.meta.main) start(realFarEnds);

/** Reads the configuration and serves, or says every mistake in it and ends with code 2. */
export function start(farEnds: FarEnds): void {
  const read = readConfig(process.env, root);
  if (read.ok) {
    serve(read.value, farEnds).catch(crash);
  } else {
    console.error(['patchgit cannot start:', ...read.why.map((mistake) => `  - ${mistake}`)].join('\n'));
    process.exitCode = 2;
  }
}

async function serve(config: Config, farEnds: FarEnds): Promise<void> {
  const at = (name: string): string => join(config.home, name);
  const socketPath = at('patchgit.sock');
  await refuseSecondDaemon(socketPath);
  await makeFolders(config.home, ['artifacts', 'mirrors', 'forge', 'checkouts', 'quarantine']);

  const record = buildRecord(config, at, farEnds.clock);
  const hub: { current: LiveHub | null } = { current: null };
  const chain = await buildChain(config, record, at, farEnds, (output) => hub.current?.output(output));
  const server = createServer();
  const { port } = await listenOn(server, config.host, config.port);
  const doors = buildDoors(config, record, chain, port);
  hub.current = doors.hub;
  const local = createServer();
  doors.sockets.trust(local);
  // Pages may be back before everything is picked up where a crash left it: what they ask waits until then.
  const ready = Promise.withResolvers<void>();
  const app: RequestListener = (request, response) => void ready.promise.then(() => doors.app(request, response));
  for (const each of [server, local]) attach(each, { ...doors, app });

  const { db, ledger, clock, log } = record;
  const started = { build: record.build, port, node: process.version };
  db.transaction(() => ledger.append({ kind: 'daemon.started', actor: 'system', body: started }));
  await addSample(record, chain, at('forge/sample.git'));
  await chain.running.resume();
  if (farEnds.followsBranches) chain.following.nudge();
  chain.heard.begin();
  chain.replies.nudge();
  ready.resolve();
  // Last: who can reach the socket can rely on everything above.
  await listenAt(local, socketPath);
  const stopGivingBack = giveBackMemory(clock);
  const stop = async (): Promise<void> => {
    stopGivingBack();
    doors.hub.terminate();
    for (const each of [server, local]) {
      each.close();
      each.closeAllConnections();
    }
    await chain.running.stop();
    const background = [chain.trees.stop(), chain.following.stop(), chain.heard.stop()];
    await Promise.all([chain.sandbox.close(), chain.rented.close(), ...background]);
    await trashIsEmpty();
    chain.watched.close();
    await chain.replies.idle();
    doors.entrance.close();
    db.transaction(() => ledger.append({ kind: 'daemon.stopped', actor: 'system' }));
    db.close();
  };
  let stopping: Promise<void> | null = null;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stopping ??= stop().then(() => process.exit(0), crash);
    });
  }
  log.info({ address: doors.site.linkOrigin, home: config.home, build: record.build }, 'patchgit is serving');
}

/** What a crash has left pending is settled by then at the latest, once its deadline has passed. */
const reconcileEveryMs = 60_000;

type At = (name: string) => string;

/** What everything else stands on: time, chance, the log, and the record of what happened. */
function buildRecord(config: Config, at: At, clock: Clock) {
  // One list for everything that is written: what is minted later comes into it.
  const known = ownCredentials();
  const log = pinoLog({ level: config.logLevel, fileDescriptor: 2, known });
  const random = systemRandom();
  const db = openDatabase(at('patchgit.db'), join(root, 'server/record/db/migrations'));
  const ledger = ledgerStore(db, clock);
  const artifacts = artifactStore(db, at('artifacts'), clock, random);
  return { log, known, clock, random, db, ledger, artifacts, install: installId(db, clock, random), build: buildId() };
}

/** Where checks run, and what that costs: the sandbox here, a helper for money, and the till that it is paid from. */
function buildResources(config: Config, record: ReturnType<typeof buildRecord>, farEnds: FarEnds) {
  const { log, known, clock, random, db, ledger } = record;
  const { budget: initial, budgetFile: file } = config;
  const watched = budgetSettings({ file, initial, parse: parseBudget, ledger, db, clock, log });
  const settings = watched.current;
  const money = till({ db, ledger, clock, random, settings, mistakes: watched.mistakes });
  const prices = priceDesk({ settings, db, ledger, clock });
  const limits = sandboxLimits(initial, { memoryBytes: totalmem(), cpus: availableParallelism() });
  const helper = { nodePath: process.execPath, helperPath: helperFile(), npmFolder: npmFolder(), log };
  const layers = { folder: join(config.home, 'layers'), keptBytesMax: setUpRules(initial).keptMiBMax * 1024 * 1024 };
  const sandbox = rememberInspection(baseSandbox({ ...helper, expectedLimits: limits, layers }), clock);
  const rented = farEnds.helper({
    ...record,
    config,
    base: sandbox,
    token: process.env['DIGITALOCEAN_TOKEN'] || null,
    helperPath: helper.helperPath,
    till: money,
    settings,
    prices,
  });
  const { paid } = rented;
  const reconcile = (): void => money.reconcile(({ id }) => paid.holds(id));
  reconcile();
  clock.every(reconcileEveryMs, reconcile);
  const secrets = secretScan({ nodePath: process.execPath, programPath: secretsFile(), path: config.path });
  const priceOf = (slug: string): number | null => prices.size(slug)?.usdPerHour ?? null;
  const { publicUrl } = config;
  const spending = { publicUrl, sandbox, limits, till: money, settings, priceOf, paid, secrets, known };
  return { spending, watched, prices, rented, reads: budgetReads({ db, clock, settings }) };
}

/** From a request to a pull request, and what that needs. */
async function buildChain(
  config: Config,
  record: ReturnType<typeof buildRecord>,
  at: At,
  farEnds: FarEnds,
  onOutput: LiveHub['output'],
) {
  const { log, clock, random, db, ledger } = record;
  const resources = buildResources(config, record, farEnds);
  const { sandbox } = resources.spending;
  const github = realGitHub({ ...record, config, token: process.env['GITHUB_TOKEN'] || null });
  const git = hardenedGit({ path: config.path, ...github.git });
  const runUser = await findRunUser();
  const repositories = repositoryStore(db, ledger, clock, random);
  const background: { current: Follower | null } = { current: null };
  const hears: { current: Hearing | null } = { current: null };
  const work = {
    ...record,
    git,
    repositories,
    mirrors: mirrors({
      git,
      folder: at('mirrors'),
      repositories,
      clock,
      onMoved: () => background.current?.nudge(),
      isAtGitHub: github.owns,
    }),
    jobs: jobStore({ db, ledger, clock, random }),
    proposals: proposalStore(db, ledger, clock),
    publications: publicationStore(db, clock),
    forge: github.forgeWith(localForge(db, clock)),
    quarantineFolder: at('quarantine'),
  };
  const trees = checkouts({ git, folder: at('checkouts'), clock, random, runUser, log });
  await work.mirrors.sweep();
  await trees.sweep();
  const running = runner({
    ...work,
    ...resources.spending,
    checkouts: trees,
    lock: serialLock(clock),
    refresh: (proposal) => refresh(work, proposal),
    onOpened: () => hears.current?.onOpened(),
    onOutput: (jobId, check, side, text) => onOutput({ jobId, check, side, text }),
    crash,
  });
  const isBusy = (): boolean => running.lock().holder !== null || running.lock().waiting > 0;
  const following = follower({ ...work, checkouts: trees, isBusy });
  if (farEnds.followsBranches) background.current = following;
  const chat = chatStore(db, ledger, clock);
  const accepted = accepting({ ...work, runner: running });
  const replies = replier({ ...work, chat });
  const heard = hearing({
    ...work,
    chat,
    accepting: accepted,
    isBusy,
    crash,
    replyLater: replies.nudge,
    refresh: (proposal) => refresh(work, proposal),
    ownerLogin: github.owner,
    publicUrl: config.publicUrl,
    webhookSecret: process.env['GITHUB_WEBHOOK_SECRET'] || null,
    gitOrigin: config.github.gitOrigin,
  });
  hears.current = heard;
  // A test that counts git commands counts those of jobs alone.
  if (!farEnds.followsBranches) await heard.stop();
  return { ...resources, github, work, sandbox, runUser, trees, following, heard, running, accepted, chat, replies };
}

/** How the owner comes in and hears back. */
function buildDoors(
  config: Config,
  record: ReturnType<typeof buildRecord>,
  chain: Awaited<ReturnType<typeof buildChain>>,
  port: number,
) {
  const { log, clock, random, db, ledger, artifacts, install, build } = record;
  const { work, running, accepted, chat } = chain;
  const sockets = ownerSockets();
  const site = siteOf({
    port,
    bindHost: config.host,
    ...(config.publicUrl === null ? {} : { publicUrl: config.publicUrl }),
  });
  const { secureCookies, linkOrigin } = site;
  const entrance = door({ db, ledger, clock, random, hasher: pinHasher(), secureCookies, linkOrigin, build });
  const hub = liveHub({ site, door: entrance, sockets, ledger, clock, random, installId: install, build });
  const integrations = listIntegrations(config.connected);
  const { git } = work;
  const runUser = chain.runUser?.name ?? null;
  const patient = {
    git,
    sandbox: chain.sandbox,
    ledger,
    home: config.home,
    nodeVersion: process.version,
    runUser,
    integrations,
    inspectHelper: chain.rented.inspect,
    inspectGitHub: chain.github.inspect,
  };
  const state = {
    ...work,
    chat,
    runner: running,
    installId: install,
    build,
    budget: chain.spending.till.now,
    helper: chain.rented.view,
    integrations,
    doctor: () => examine(patient),
    backup: (folder: string) => makeBackup({ db, ledger, home: config.home }, folder),
  };
  const routes = [
    authRoutes(entrance),
    recordRoutes({ ledger, artifacts }),
    repositoryRoutes(work),
    forgeRoutes({ ...work, candidates: chain.github.candidates }),
    chatRoutes({ ...work, chat, accepting: accepted, replyLater: chain.replies.nudge }),
    chainRoutes({ ...work, ...chain.spending, accepting: accepted, runner: running, door: entrance }),
    stateRoutes(state),
    helperRoutes({ desk: chain.rented }),
    chain.heard.routes,
    fixRoutes({ ...work, chat, accepting: accepted, replyLater: chain.replies.nudge }),
    moneyRoutes({ till: chain.spending.till, prices: chain.prices, reads: chain.reads }),
  ];
  const app = httpApp({ site, door: entrance, sockets, routes, webFolder: join(root, 'dist/web'), clock, random, log });
  return { app, hub, sockets, site, entrance };
}

/** The sample repository is there from the start, unless the owner has removed it. */
async function addSample(
  record: ReturnType<typeof buildRecord>,
  chain: Awaited<ReturnType<typeof buildChain>>,
  gitDir: string,
): Promise<void> {
  const { git, repositories, mirrors: mirrored } = chain.work;
  await makeSample(git, join(root, 'scripts/sample'), gitDir);
  const removed = record.ledger.list({ limit: 1, kind: 'repository.removed' }).entries.length > 0;
  if (repositories.find('sample') === null && !removed) await mirrored.add({ name: 'sample', url: gitDir });
}

/** Our own bug (or a start that cannot be): say so and end. What runs again starts from the rows. */
function crash(error: unknown): never {
  if (error instanceof StartError || error instanceof DatabaseTooNewError) {
    console.error(`patchgit cannot start: ${error.message}`);
    process.exit(1);
  }
  console.error(error);
  process.exit(70);
}

async function makeFolders(home: string, names: readonly string[]): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  // Whoever can open the socket in it is the owner, so nobody else may look into it.
  await chmod(home, 0o700);
  for (const name of names) await mkdir(join(home, name), { recursive: true, mode: 0o700 });
}

/** The self-test of a sandbox starts one; its answer holds for a while, unless it was bad. */
function rememberInspection(
  sandbox: ReturnType<typeof baseSandbox>,
  clock: ReturnType<typeof systemClock>,
): ReturnType<typeof baseSandbox> {
  const validMs = 10 * 60_000;
  let remembered: { readonly atMs: number; readonly report: Awaited<ReturnType<typeof sandbox.inspect>> } | null = null;
  return {
    ...sandbox,
    inspect: async () => {
      if (remembered?.report.usable && clock.nowMs() - remembered.atMs < validMs) return remembered.report;
      remembered = { atMs: clock.nowMs(), report: await sandbox.inspect() };
      return remembered.report;
    },
  };
}
