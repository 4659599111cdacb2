/** A small world for the tests of the sandbox: trees on disk, a sandbox for each kind of user, and looks at the host. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Limits, StepOutcome } from '#contract/helper-wire.ts';
import { baseSandbox } from '../server/adapters/base-sandbox.ts';
import type { BaseSandbox, BaseSandboxOptions } from '../server/adapters/base-sandbox.ts';
import type { Sandbox, SandboxEvent } from '../server/ports.ts';
import { makeGroup } from './cgroup.ts';
import { findHost, isOpenToAll } from './host.ts';
import type { Host } from './host.ts';
import { planLaunch } from './isolation.ts';
import { makeLogPipes } from './log-pipe.ts';
import { StandingStep } from './run-step.ts';
import { prologueInput } from './prologue.ts';

export const mebibyte = 1024 * 1024;
export const helperPath = new URL('main.ts', import.meta.url).pathname;

/** Text: a file; a text in brackets: a link to it. Names may hold slashes. */
export type Tree = Readonly<Record<string, string | readonly [linkTo: string]>>;

export interface Runner {
  readonly name: string;
  readonly uid: number;
  /** Runs the helper as this user; the adapter takes it for Node. */
  readonly nodePath: string;
}

export class World {
  /** Everybody may pass, as in a folder that a daemon shares with its run user. */
  readonly folder = mkdtempSync(join(tmpdir(), 'patchgit-test-'));

  constructor() {
    chmodSync(this.folder, 0o755);
  }

  /** This process's own user, and as root also an unprivileged one, unless that one could not read the helper. */
  runners(): Runner[] {
    const uid = process.getuid?.() ?? -1;
    if (uid !== 0) return [{ name: 'an unprivileged user', uid, nodePath: process.execPath }];
    const asNobody = ['/usr/bin/setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath];
    const all = [{ name: 'root', uid: 65_534, nodePath: process.execPath }];
    if (!isOpenToAll(helperPath) || !isOpenToAll(process.execPath)) return all;
    return [
      ...all,
      { name: 'an unprivileged user', uid: 65_534, nodePath: this.script(`exec ${asNobody.join(' ')} "$@"`) },
    ];
  }

  /** An executable shell script; `"$@"` are its arguments. */
  script(text: string): string {
    const path = this.path('script');
    writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return path;
  }

  path(name: string): string {
    return join(this.folder, `${name}-${randomBytes(6).toString('hex')}`);
  }

  /** Writes a tree, as the daemon exports one: with the run user as its owner. */
  tree(tree: Tree, owner: number): string {
    const root = this.path('tree');
    mkdirSync(root);
    for (const [name, content] of Object.entries(tree)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      if (typeof content === 'string') writeFileSync(join(root, name), content);
      else symlinkSync(content[0], join(root, name));
    }
    // `-P -h`: the trees of these tests hold links to folders of this machine, and those must keep their owners.
    if (process.getuid?.() === 0) spawnSync('chown', ['-R', '-P', '-h', `${owner}:${owner}`, root]);
    return root;
  }

  /** Also where no overlay can be made: with /dev/null over mount(8), in a mount namespace of its own. */
  everyForm(): Runner[] {
    if (process.getuid?.() !== 0) return this.runners();
    const script = `exec unshare --mount sh -c 'mount --bind /dev/null /usr/bin/mount && exec "$@"' sh ${process.execPath} "$@"`;
    return [
      ...this.runners(),
      { name: 'root, where no overlay can be made', uid: 65_534, nodePath: this.script(script) },
    ];
  }

  sandbox(runner: Runner, more: Partial<BaseSandboxOptions> = {}): BaseSandbox {
    return baseSandbox({ nodePath: runner.nodePath, helperPath, npmFolder: null, log: silentLog, ...more });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const silentLog = { debug: ignore, info: ignore, warn: ignore, error: ignore };

export const limits: Limits = {
  wallMs: 60_000,
  cpuPercent: 200,
  memoryBytes: 256 * mebibyte,
  processes: 64,
  diskBytes: 32 * mebibyte,
  tmpBytes: 8 * mebibyte,
  logBytes: 256 * 1024,
  outputBytes: 8 * mebibyte,
};

export interface TryRequest {
  readonly lower: string;
  readonly delta?: string;
  readonly remove?: readonly string[];
  /** Key of what a set-up left. */
  readonly layer?: string;
  readonly limits?: Partial<Limits>;
  readonly onEvent?: (event: SandboxEvent) => void;
  readonly signal?: AbortSignal;
}

/** Runs commands, each a step, and gives back their outcomes with the log as text. Throws when the sandbox could not be had. */
export async function tryAll(sandbox: Sandbox, request: TryRequest, ...commands: string[]): Promise<Tried[]> {
  return trySteps(
    sandbox,
    request,
    commands.map((command) => ({ command })),
  );
}

/** The same for one command that leaves reports behind. */
export async function tryStep(sandbox: Sandbox, request: TryRequest, step: TriedStep): Promise<Tried> {
  const [tried] = await trySteps(sandbox, request, [step]);
  if (tried === undefined) throw new Error('A step without an outcome.');
  return tried;
}

interface TriedStep {
  readonly command: string;
  readonly reports?: readonly string[];
}

async function trySteps(sandbox: Sandbox, request: TryRequest, steps: readonly TriedStep[]): Promise<Tried[]> {
  const answer = await sandbox.run(
    {
      workspace: { lower: request.lower, delta: request.delta ?? null, remove: [...(request.remove ?? [])] },
      steps: steps.map((step, index) => ({ name: `step ${index}`, ...step })),
      limits: { ...limits, ...request.limits },
      ...(request.layer === undefined ? {} : { layer: request.layer }),
    },
    request.onEvent ?? ignore,
    request.signal ?? new AbortController().signal,
  );
  if (!answer.ok) throw new Error(answer.why);
  return answer.value.map(withText);
}

function withText(outcome: StepOutcome): Tried {
  return {
    ...outcome,
    log: Buffer.from(outcome.logBase64, 'base64').toString('utf8'),
    reports: Buffer.from(outcome.reportsBase64, 'base64').toString('utf8'),
  };
}

/** The set-up phase for one command. Throws when the sandbox could not be had. */
export async function trySetUp(
  sandbox: Sandbox,
  request: TryRequest & { readonly key: string; readonly hosts?: readonly string[] },
  command: string,
): Promise<Tried> {
  const { key, hosts = [], lower, delta = null, remove = [] } = request;
  const answer = await sandbox.setUp(
    {
      key,
      hosts,
      command,
      workspace: { lower, delta, remove: [...remove] },
      limits: { ...limits, ...setUpLimits, ...request.limits },
    },
    request.onEvent ?? ignore,
    request.signal ?? new AbortController().signal,
  );
  if (!answer.ok) throw new Error(answer.why);
  return withText(answer.value);
}

/** npm alone takes more than a check of these tests. */
const setUpLimits = { memoryBytes: 1024 * mebibyte, diskBytes: 64 * mebibyte };

/** The same for one command. */
export async function tryOne(sandbox: Sandbox, request: TryRequest, command: string): Promise<Tried> {
  return await tryStep(sandbox, request, { command });
}

export type Tried = StepOutcome & { readonly log: string; readonly reports: string };

/**
 * Runs one command without the adapter and the helper's own process, with a host or a filter that a test has changed.
 * Gives back the log as text, or the sentence that says why there is none.
 */
export async function tryDirectly(
  change: Partial<Host>,
  filter: Buffer,
  lower: string,
  command: string,
): Promise<string> {
  const found = findHost({ runAs: null, npmFolder: null });
  if (!found.ok) throw new Error(found.why);
  const host = { ...found.value, ...change };
  const pipes = makeLogPipes(host.tools.mkfifo, 1, host.asRoot ? host.runUser : null);
  const [pipe] = pipes.ok ? pipes.value : [];
  if (pipe === undefined) throw new Error('There is no pipe.');
  const nothing = { delta: null, layer: null, setUp: null, groupFiles: [], resourceLimits: [], adopt: false };
  const launch = planLaunch(host, { strategy: 'copy', lower, limits, ...nothing });
  const group = makeGroup([], 0, limits);
  const step = new StandingStep({ launch, filter, pipe, group, limits, keptLogBytes: 64 * 1024, disk: null });
  const { signal } = new AbortController();
  const stood = await step.stands(signal);
  const asked = { name: 'a', command, reports: [] };
  const input = prologueInput(asked, { remove: [], delta: null }, false);
  if (!input.ok) throw new Error(input.why);
  const work = { step: asked, input: input.value, wallMs: limits.wallMs };
  const outcome = stood.ok ? await step.run(work, ignore, signal) : stood;
  await step.end();
  return outcome.ok ? Buffer.from(outcome.value.logBase64, 'base64').toString('utf8') : outcome.why;
}

/** A word that no other process of this machine has in its command line. */
export function uniqueWord(): string {
  return `patchgit${randomBytes(8).toString('hex')}`;
}

/** Process ids of this machine whose command line holds `word`, this process and its own shells aside. */
export function processesWith(word: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => readProcess(name, 'cmdline').includes(word))
    .map(Number);
}

/** Process ids of the helpers that this process has started and that still run. */
export function ownHelpers(): number[] {
  return processesWith(helperPath).filter((pid) => readProcess(`${pid}`, 'status').includes(`PPid:\t${process.pid}\n`));
}

function readProcess(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return '';
    throw error;
  }
}

/** Every path below and including `root`, as `find` prints it with type, mode, owner, size and link: equal means unchanged. */
export function fingerprint(root: string): string {
  const found = spawnSync('find', [root, '-printf', '%p %y %m %U %s %T@ %l\n'], { encoding: 'utf8' });
  const sums = spawnSync('sh', ['-c', 'find "$1" -type f -exec sha256sum {} +', 'sh', root], { encoding: 'utf8' });
  return `${found.stdout}${sums.stdout}`;
}

function ignore(): void {
  // Nothing to do: the test does not look at this.
}
