import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { BudgetFile } from '#contract/budget.ts';
import type { Limits } from '#contract/helper-wire.ts';
import { readGitHubConfig, type GitHubConfig } from './config-github.ts';
import { no, ok, type Result } from './lib/result.ts';

/** Everything that is set from outside, read once at start and never changed. */
export interface Config {
  /** The clone: pages, migrations and the helper program are found below it. */
  readonly root: string;
  /** Data folder: database, mirrors, artifacts, the unix socket. */
  readonly home: string;
  readonly host: string;
  readonly port: number;
  /** The address behind a TLS proxy, for example "https://patch.example". */
  readonly publicUrl: string | null;
  /** IP address under which helpers see this machine, where it cannot be found out; null: it is found out, or not known. */
  readonly publicAddress: string | null;
  readonly logLevel: string;
  readonly budget: BudgetFile;
  /** Where it is from: the file is watched. */
  readonly budgetFile: string;
  /** Where the cloud that rents helpers answers. Its token is not here: whatever is shown or logged cannot hold it. */
  readonly digitalOceanUrl: string;
  readonly github: GitHubConfig;
  /** Where external services are configured; only their presence is known here. */
  readonly connected: { readonly digitalocean: boolean; readonly github: boolean; readonly ollama: boolean };
  readonly path: string;
}

export const defaultPort = 7171;
const digitalOceanUrl = 'https://api.digitalocean.com';
const logLevels = ['silent', 'error', 'warn', 'info', 'debug'];

type Environment = Readonly<Record<string, string | undefined>>;

/** The data folder, also for the CLI, which needs nothing else. */
export function homeOf(environment: Environment, root: string): string {
  const named = environment['PATCHGIT_HOME'];
  return named === undefined || named === '' ? join(root, '.patchgit') : resolve(named);
}

/** The whole configuration, or every mistake in it at once, each with its place and what to do. */
export function readConfig(environment: Environment, root: string): Result<Config, string[]> {
  const mistakes: string[] = [];
  const get = (name: string): string | null => environment[name] || null;
  const port = Number(get('PATCHGIT_PORT') ?? defaultPort);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    mistakes.push(
      `PATCHGIT_PORT is "${get('PATCHGIT_PORT')}": give a port number from 1 to 65535, or leave it out for ${defaultPort}.`,
    );
  }
  const host = get('PATCHGIT_HOST') ?? '127.0.0.1';
  const publicUrl = get('PATCHGIT_PUBLIC_URL');
  if (publicUrl !== null && !(URL.canParse(publicUrl) && new URL(publicUrl).protocol === 'https:')) {
    mistakes.push(`PATCHGIT_PUBLIC_URL is "${publicUrl}": give the https:// address people use, or leave it out.`);
  }
  if (!isLoopback(host) && publicUrl === null) {
    mistakes.push(
      `PATCHGIT_HOST is "${host}", which other machines can reach without TLS. Keep 127.0.0.1 and use "ssh -L", or put a TLS proxy in front and set PATCHGIT_PUBLIC_URL.`,
    );
  }
  const publicAddress = get('PATCHGIT_PUBLIC_ADDRESS');
  if (publicAddress !== null && isIP(publicAddress) === 0) {
    mistakes.push(
      `PATCHGIT_PUBLIC_ADDRESS is "${publicAddress}": give the IP address that this machine has for others, or leave it out.`,
    );
  }
  const logLevel = get('PATCHGIT_LOG') ?? 'info';
  if (!logLevels.includes(logLevel))
    mistakes.push(`PATCHGIT_LOG is "${logLevel}": use one of ${logLevels.join(', ')}.`);
  const budgetFile = resolve(get('PATCHGIT_BUDGET') ?? join(root, 'budget.json'));
  const budget = readBudget(budgetFile);
  if (!budget.ok) mistakes.push(...budget.why);
  const github = readGitHubConfig(get);
  if (!github.ok) mistakes.push(...github.why);
  if (mistakes.length > 0 || !budget.ok || !github.ok) return no(mistakes);
  return ok({
    root,
    home: homeOf(environment, root),
    host,
    port,
    publicUrl,
    publicAddress,
    logLevel,
    budget: budget.value,
    budgetFile,
    digitalOceanUrl: get('DIGITALOCEAN_API_URL') ?? digitalOceanUrl,
    github: github.value,
    connected: {
      digitalocean: get('DIGITALOCEAN_TOKEN') !== null,
      github: github.value.credential !== 'none',
      ollama: get('OLLAMA_URL') !== null,
    },
    path: get('PATH') ?? '/usr/local/bin:/usr/bin:/bin',
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** budget.json against its schema; every mistake with the place in the file. */
export function readBudget(file: string): Result<BudgetFile, string[]> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return no([
      `${file} cannot be read (${error instanceof Error ? error.message : String(error)}). Restore it from the repository.`,
    ]);
  }
  return parseBudget(file, text);
}

/** The same for a text that is there already; `file` is only named in the mistakes. */
export function parseBudget(file: string, text: string): Result<BudgetFile, string[]> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return no([`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}.`]);
  }
  const parsed = BudgetFile.safeParse(json);
  if (parsed.success) return ok(parsed.data);
  return no(parsed.error.issues.map((issue) => `${file}: ${issue.path.join('.') || 'the file'}: ${issue.message}.`));
}

const mebibyte = 1024 * 1024;

/** Limits of one check, from the machine's memory: the workspace and /tmp live in memory, and the daemon needs its own. */
export function sandboxLimits(
  budget: BudgetFile,
  machine: { readonly memoryBytes: number; readonly cpus: number },
): Limits {
  const share = (part: number, min: number, max: number): number =>
    Math.round(Math.min(Math.max(machine.memoryBytes * part, min * mebibyte), max * mebibyte));
  return {
    wallMs: budget.proof.checkSecondsMax * 1000,
    cpuPercent: machine.cpus * 100,
    memoryBytes: share(0.6, 192, 4096),
    processes: 512,
    diskBytes: share(0.5, 128, 2048),
    tmpBytes: share(0.1, 32, 256),
    logBytes: 512 * 1024,
    outputBytes: 64 * mebibyte,
  };
}
