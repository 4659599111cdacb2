import { spawn } from 'node:child_process';
import type { Problem } from '#contract/problem.ts';
import type { KnownSecret } from '../lib/redact.ts';
import { no, ok, type Result } from '../lib/result.ts';
import { PortError, type Transferred } from '../ports.ts';
import { gitEnvironment, gitOptions } from './git-environment.ts';
import { collect, endGroup } from './git-process.ts';
import { troubleOf, type Failed } from './git-transfer-troubles.ts';
import type { PushWay } from './push-door.ts';

/** Who gives out the credential of a remote. */
export interface TransferAccess {
  /**
   * The value of the Authorization header for transfers with exactly this address, asked at the moment of each; null for a remote
   * that needs none of ours.
   */
  readonly authorize?: (url: string) => Promise<Result<string | null, Problem>>;
  /** Transfers with this forge go through patchgit-push, which holds their credential; `authorize` is not asked for them. */
  readonly pushWay?: PushWay;
  /** The one origin of this machine that may be reached without TLS: the forge of a test. */
  readonly plainHttpAt?: string;
}

export interface Transfer {
  readonly path: string;
  readonly gitDir: string;
  readonly url: string;
  readonly args: readonly string[];
  /** Beside those that every git process has. */
  readonly environment: Readonly<Record<string, string>>;
  readonly silenceMs: number;
  readonly wallMs: number;
  readonly signal?: AbortSignal;
}

const outputBytesMax = 16 * 1024 * 1024;
const wordsCharactersMax = 16 * 1024;

/** The configuration of one git process for one remote: the header goes to this address and to no other. */
export function transferConfig(url: string, authorization: string | null, plainHttpAt?: string): [string, string][] {
  const isPlain = plainHttpAt !== undefined && url.startsWith('http://') && new URL(url).origin === plainHttpAt;
  return [
    ...(isPlain ? [['protocol.http.allow', 'always'] satisfies [string, string]] : []),
    ...(authorization === null
      ? []
      : [[`http.${url}.extraHeader`, `Authorization: ${authorization}`] satisfies [string, string]]),
  ];
}

/** Every form of a header's value that could come back in what git says. */
export function secretsIn(authorization: string): KnownSecret[] {
  const name = 'forge credential';
  const value = authorization.replace(/^\S+ /, '');
  const [, password = ''] = Buffer.from(value, 'base64').toString('utf8').split(':');
  return [value, password].filter((each) => each !== '').map((each) => ({ name, value: each }));
}

/** A credential that could not be had, as a trouble of the transfer: nothing was sent. */
export function accessTrouble(why: Problem): Failed {
  const isLater = why.code === 'forge_unreachable' || why.code === 'forge_rate_limited';
  return no({ trouble: isLater ? 'unreachable' : 'refused', detail: why.message });
}

/**
 * One git process with a credential. It gets it in its environment, which only its own user can read, and hands it to git's own
 * programs alone: hooks, helpers and everything else that a repository could name are switched off. It is not started through
 * simple-git, which writes the environment of each process into its debug log.
 */
export function transferWithCredential(
  { path, gitDir, url, args, environment, silenceMs, wallMs, signal }: Transfer,
  authorization: string,
  plainHttpAt?: string,
): Promise<Transferred> {
  const config = transferConfig(url, authorization, plainHttpAt);
  const known = secretsIn(authorization);
  return new Promise((resolve, reject) => {
    const child = spawn('git', [...gitOptions, ...args], {
      cwd: gitDir,
      env: gitEnvironment(path, environment, config),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let ended: string | null = null;
    const end = (why: string): void => {
      ended ??= why;
      endGroup(child.pid);
    };
    const onAbort = (): void => end('it was called off');
    const wall = setTimeout(() => end(`timed out after ${wallMs / 60_000} minutes`), wallMs);
    let silence: NodeJS.Timeout | undefined;
    const heard = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => end(`timed out: nothing came for ${silenceMs / 1000} seconds`), silenceMs);
    };
    heard();
    const output = collect(child.stdout, outputBytesMax, () =>
      end('the remote has more branches and tags than can be read'),
    );
    let words = '';
    child.stdout.on('data', heard);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      heard();
      // Progress writes each line over the one before; what went wrong stands at the end.
      words = `${words}${text}`.replaceAll(/[^\r\n]*\r(?!\n)/g, '').slice(-wordsCharactersMax);
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    const clear = (): void => {
      clearTimeout(wall);
      clearTimeout(silence);
      signal?.removeEventListener('abort', onAbort);
    };
    child.on('error', (cause) => {
      clear();
      reject(new PortError('git', `run git ${args[0] ?? ''}`, { cause }));
    });
    child.on('close', (code) => {
      clear();
      const said = output().toString('utf8');
      if (ended !== null) resolve(troubleOf(ended, known));
      else resolve(code === 0 ? ok(said) : troubleOf(`${words}\n${said}`, known));
    });
  });
}
