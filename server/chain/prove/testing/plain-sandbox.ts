/**
 * A sandbox without a wall, for tests of what stands in front of one: it keeps the port's promises with plain folders and really
 * runs the commands. A layer is what a set-up has left in its tree and in its home.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StepOutcome, Workspace } from '#contract/helper-wire.ts';
import { sha256 } from '../../../lib/digest.ts';
import { no, ok } from '../../../lib/result.ts';
import { gitEnvironment } from '../../../testing/repository.ts';
import type { Sandbox, SandboxEvent, SandboxReport, SetUpRequest } from '../../../ports.ts';

export interface PlainSandbox extends Sandbox {
  /** What was asked of it, in order: "set-up KEY" and "run NAMES over KEY". */
  readonly asked: string[];
  readonly setUps: SetUpRequest[];
  report: SandboxReport & { readonly runtime?: string };
  /** When set, a set-up is answered with this: the sandbox itself cannot be had. */
  trouble: string | null;
}

/** Everything it makes is below `folder`, which the caller removes. */
export function plainSandbox(folder: string): PlainSandbox {
  const layerOf = (key: string): string => join(folder, 'layers', key);
  const asked: string[] = [];
  const setUps: SetUpRequest[] = [];
  const sandbox: PlainSandbox = {
    placement: 'base',
    asked,
    setUps,
    trouble: null,
    report: { usable: true, isolation: [], missing: [], helperSha256: sha256('helper') },
    inspect: async () => sandbox.report,
    prepare: () => undefined,
    standDown: async () => undefined,
    run: async ({ workspace, steps, layer }, onEvent, signal) => {
      asked.push(`run ${steps.map(({ name }) => name.trim()).join(', ')} over ${layer ?? 'nothing'}`);
      if (layer !== undefined && !existsSync(layerOf(layer))) return no(`The layer ${layer} is not here.`);
      const outcomes: StepOutcome[] = [];
      for (const step of steps) {
        const place = await lay(folder, workspace, layer === undefined ? null : layerOf(layer));
        outcomes.push(await runStep(step, place, onEvent, signal));
        await rm(place.root, { recursive: true, force: true });
      }
      return ok(outcomes);
    },
    hasLayer: async (key) => existsSync(layerOf(key)),
    setUp: async (request, onEvent, signal) => {
      asked.push(`set-up ${request.key}`);
      setUps.push(request);
      if (sandbox.trouble !== null) return no(sandbox.trouble);
      const place = await lay(folder, request.workspace, null);
      const before = await filesOf(place.tree);
      const outcome = await runStep({ name: 'set-up', command: request.command }, place, onEvent, signal);
      if (outcome.exitCode === 0) await keep(place, before, layerOf(request.key));
      await rm(place.root, { recursive: true, force: true });
      return ok(outcome);
    },
  };
  return sandbox;
}

interface Place {
  readonly root: string;
  readonly tree: string;
  readonly home: string;
}

/** `lower` without what is removed, the layer over it, what differs over that. */
async function lay(folder: string, { lower, delta, remove }: Workspace, layer: string | null): Promise<Place> {
  const root = await mkdtemp(join(folder, 'run-'));
  const place = { root, tree: join(root, 'tree'), home: join(root, 'home') };
  const copied = { recursive: true, verbatimSymlinks: true, force: true };
  await cp(lower, place.tree, copied);
  await mkdir(place.home);
  for (const path of remove) await rm(join(place.tree, path), { recursive: true, force: true });
  if (layer !== null) {
    await cp(join(layer, 'tree'), place.tree, copied);
    await cp(join(layer, 'home'), place.home, copied);
  }
  if (delta !== null) await cp(delta, place.tree, copied);
  return place;
}

async function filesOf(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return new Map(
    await Promise.all(
      files.map(async (file) => [file.slice(folder.length + 1), sha256(await readFile(file))] as const),
    ),
  );
}

async function keep(place: Place, before: ReadonlyMap<string, string>, target: string): Promise<void> {
  await mkdir(join(target, 'tree'), { recursive: true });
  for (const [path, digest] of await filesOf(place.tree))
    if (before.get(path) !== digest) await cp(join(place.tree, path), join(target, 'tree', path));
  await cp(place.home, join(target, 'home'), { recursive: true });
}

async function runStep(
  {
    name,
    command,
    reports = [],
  }: { readonly name: string; readonly command: string; readonly reports?: readonly string[] },
  { tree, home }: Place,
  onEvent: (event: SandboxEvent) => void,
  signal: AbortSignal,
): Promise<StepOutcome> {
  onEvent({ type: 'started', step: name });
  const chunks: Buffer[] = [];
  const exitCode = await new Promise<number | null>((resolve) => {
    const child = spawn('/bin/sh', ['-c', command], {
      cwd: tree,
      env: { PATH: gitEnvironment['PATH'], HOME: home },
      detached: true,
    });
    // The whole group: what the command has started holds its output open.
    const end = (): void => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    };
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      onEvent({ type: 'output', step: name, base64: chunk.toString('base64') });
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('close', (code) => {
      signal.removeEventListener('abort', end);
      resolve(code);
    });
  });
  const logBase64 = Buffer.concat(chunks).toString('base64');
  // Reports are found by their plain path here.
  const found = reports.map((path) => join(tree, path)).filter((path) => existsSync(path));
  const reportsBase64 = Buffer.concat(await Promise.all(found.map((path) => readFile(path)))).toString('base64');
  const rest = { signal: null, limit: null, durationMs: 1, omittedBytes: 0, reportsCut: false };
  return { name, exitCode, logBase64, reportsBase64, ...rest };
}
