/** A fake forge with its real clients, for tests: octokit for REST, git for the rest. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Octokit } from '@octokit/rest';
import { fakeClock, type FakeClock } from '../fake-clock.ts';
import { gitEnvironment } from '../repository.ts';
import { openContract } from './contract.ts';
import { startFakeGitHub, type FakeGitHub, type FakeGitHubOptions } from './forge.ts';

export interface GitEnd {
  readonly code: number;
  readonly output: string;
}

export interface ForgeDesk {
  readonly forge: FakeGitHub;
  readonly clock: FakeClock;
  /** Without a token it asks as nobody. */
  readonly octokit: (token?: string) => Octokit;
  /** Real git in a folder of this desk. Asynchronous, because the server it talks to lives in this process. */
  readonly git: (folder: string, token: string | null, ...args: string[]) => Promise<GitEnd>;
  /** Makes a clone and returns its folder; throws when git cannot. */
  readonly clone: (url: string, token: string | null) => Promise<string>;
  readonly folder: string;
  readonly close: () => Promise<void>;
}

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export async function openForgeDesk(options: FakeGitHubOptions = {}): Promise<ForgeDesk> {
  const clock = fakeClock();
  const forge = await startFakeGitHub({ clock, contract: openContract(), ...options });
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-forge-desk-'));
  const git: ForgeDesk['git'] = (cwd, token, ...args) =>
    new Promise((resolve) => {
      const basic = Buffer.from(`x-access-token:${token ?? ''}`).toString('base64');
      const env = {
        ...gitEnvironment,
        GIT_TERMINAL_PROMPT: '0',
        GIT_ASKPASS: '/bin/false',
        GIT_CONFIG_COUNT: token === null ? '0' : '1',
        GIT_CONFIG_KEY_0: 'http.extraHeader',
        GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
      };
      execFile('git', args, { cwd, env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` });
      });
    });
  return {
    forge,
    clock,
    folder,
    git,
    octokit: (token) =>
      new Octokit({ baseUrl: forge.url, log: quiet, ...(token === undefined ? {} : { auth: token }) }),
    clone: async (url, token) => {
      const target = mkdtempSync(join(folder, 'clone-'));
      const { code, output } = await git(folder, token, 'clone', '-q', url, target);
      if (code !== 0) throw new Error(output);
      return target;
    },
    close: async () => {
      rmSync(folder, { recursive: true, force: true });
      await forge.close();
    },
  };
}

/** The refusal that a call of octokit ended with. */
export async function refusedBy(call: Promise<unknown>): Promise<{
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Record<string, string>;
}> {
  try {
    await call;
  } catch (error) {
    const { status = 0, response } = error as {
      status?: number;
      response?: { data?: Record<string, unknown>; headers?: Record<string, string> };
    };
    return { status, body: response?.data ?? {}, headers: response?.headers ?? {} };
  }
  throw new Error('it was not refused');
}
