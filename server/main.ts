/**
 * The composition root: the only file that builds things and touches the environment. It reads top to bottom in the order
 * things depend on each other; stopping goes the other way.
 */
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { baseSandbox } from './adapters/base-sandbox.ts';
import { findRunUser } from './adapters/base-sandbox-user.ts';
import { hardenedGit } from './adapters/git.ts';
import { localForge } from './adapters/local-forge.ts';
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
import { readConfig, sandboxLimits, type Config } from './config.ts';
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
import { baseCost, budgetNow } from './resources/budget/window.ts';
import { checkouts } from './resources/repo/checkout.ts';
import { mirrors } from './resources/repo/mirror.ts';
import { makeSample } from './resources/repo/sample.ts';
import { repositoryStore } from './resources/repo/store.ts';

/** `server/main.ts` and `dist/server.cjs` are both one folder below the root. */
const root = dirname(import.meta.dirname);
const read = readConfig(process.env, root);
if (read.ok) {
  serve(read.value).catch(crash);
} else {
  console.error(['patchgit cannot start:', ...read.why.map((mistake) => `  - ${mistake}`)].join('\n'));
  process.exitCode = 2;
}

async function serve(config: Config): Promise<void> {
  const at = (name: string): string => join(config.home, name);
  const socketPath = at('patchgit.sock');
  await refuseSecondDaemon(socketPath);
  await makeFolders(config.home, ['artifacts', 'mirrors', 'forge', 'checkouts', 'quarantine']);

  const record = buildRecord(config, at);
  const hub: { current: LiveHub | null } = { current: null };
  const chain = await buildChain(config, record, at, (output) => hub.current?.output(output));
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

type At = (name: string) => string;

/** What everything else stands on: time, chance, the log, and the record of what happened. */
function buildRecord(config: Config, at: At) {
  const log = pinoLog({ level: config.logLevel, fileDescriptor: 2 });
  const clock = systemClock();
  const random = systemRandom();
  const db = openDatabase(at('patchgit.db'), join(root, 'server/record/db/migrations'));
  const ledger = ledgerStore(db, clock);
  const artifacts = artifactStore(db, at('artifacts'), clock, random);
  return { log, clock, random, db, ledger, artifacts, install: installId(db, clock, random), build: buildId() };
}

/** From a request to a pull request, and what that needs. */
async function buildChain(config: Config, record: ReturnType<typeof buildRecord>, at: At, onOutput: LiveHub['output']) {
  const { log, clock, random, db, ledger } = record;
  const git = hardenedGit({ path: config.path });
  const runUser = await findRunUser();
  const helper = { nodePath: process.execPath, helperPath: helperFile(), npmFolder: npmFolder(), log };
  const sandbox = rememberInspection(baseSandbox(helper), clock);
  const repositories = repositoryStore(db, ledger, clock, random);
  const work = {
    ...record,
    git,
    repositories,
    mirrors: mirrors({ git, folder: at('mirrors'), repositories, clock }),
    jobs: jobStore({ db, ledger, clock, random }),
    proposals: proposalStore(db, ledger, clock),
    publications: publicationStore(db, clock),
    forge: localForge(db, clock),
    quarantineFolder: at('quarantine'),
  };
  const budget = () => budgetNow(config.budget, clock.nowMs());
  const trees = checkouts({ git, folder: at('checkouts'), clock, random, runUser });
  await work.mirrors.sweep();
  await trees.sweep();
  const running = runner({
    ...work,
    sandbox,
    checkouts: trees,
    lock: serialLock(clock),
    limits: sandboxLimits(config.budget, { memoryBytes: totalmem(), cpus: availableParallelism() }),
    cost: () => baseCost(budget()),
    refresh: (proposal) => refresh(work, proposal),
    onOutput: (jobId, check, side, text) => onOutput({ jobId, check, side, text }),
    crash,
  });
  const chat = chatStore(db, ledger, clock);
  const accepted = accepting({ ...work, runner: running });
  return { work, sandbox, runUser, budget, running, accepted, chat, replies: replier({ ...work, chat }) };
}

/** How the owner comes in and hears back. */
function buildDoors(
  config: Config,
  record: ReturnType<typeof buildRecord>,
  chain: Awaited<ReturnType<typeof buildChain>>,
  port: number,
) {
  const { log, clock, random, db, ledger, artifacts, install, build } = record;
  const { work, running, accepted, chat, budget } = chain;
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
  };
  const state = {
    ...work,
    chat,
    runner: running,
    installId: install,
    build,
    budget,
    integrations,
    doctor: () => examine(patient),
    backup: (folder: string) => makeBackup({ db, ledger, home: config.home }, folder),
  };
  const routes = [
    authRoutes(entrance),
    recordRoutes({ ledger, artifacts }),
    repositoryRoutes(work),
    chatRoutes({ ...work, chat, accepting: accepted, replyLater: chain.replies.nudge }),
    chainRoutes({ ...work, accepting: accepted, runner: running }),
    stateRoutes(state),
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

/** Names the built files, so that an open page can tell that it is older than the server. */
function buildId(): string {
  const file = join(root, 'dist/build-id');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : 'source';
}

function helperFile(): string {
  const built = join(root, 'dist/helper.cjs');
  return existsSync(built) ? built : join(root, 'helper/main.ts');
}

/** The npm that started us, for machines that have none under /usr. */
function npmFolder(): string | null {
  const cli = process.env['npm_execpath'];
  return cli === undefined || !cli.endsWith('npm-cli.js') ? null : dirname(dirname(cli));
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
