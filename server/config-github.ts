/** What the environment says about GitHub. The credential itself never gets in here: only which kind there is. */
import { createPrivateKey } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { no, ok, type Result } from './lib/result.ts';

export interface GitHubConfig {
  /** Where REST answers, without a slash at its end. */
  readonly apiUrl: string;
  /** Scheme, host and port that repositories are fetched from and pushed to. */
  readonly gitOrigin: string;
  readonly credential: 'none' | 'token' | 'app';
  readonly appId: number | null;
  readonly appKeyFile: string | null;
  /** Whose comments count as the owner's; null: the token's own user. */
  readonly owner: string | null;
  readonly hasWebhookSecret: boolean;
  /** Where the user patchgit-push answers, who then holds the token instead of this daemon. Absent: nobody does. */
  readonly pushSocket?: string;
}

export const gitHubApiUrl = 'https://api.github.com';
export const webhookSecretCharactersMin = 16;
/** A key of 8192 bits is about 6 KiB. */
const keyBytesMax = 64 * 1024;

type Get = (name: string) => string | null;

/** Reads GITHUB_*; every mistake at once. */
export function readGitHubConfig(get: Get): Result<GitHubConfig, string[]> {
  const mistakes: string[] = [];
  const given = get('GITHUB_API_URL') ?? gitHubApiUrl;
  const gitUrl = get('GITHUB_GIT_URL');
  const address = gitHubAddress(given, gitUrl);
  if (address === null) {
    mistakes.push(
      `GITHUB_API_URL is "${withoutPassword(given)}": leave it out for GitHub itself, or give "https://HOST/api/v3" of a GitHub Enterprise Server.${
        gitUrl === null ? '' : ' GITHUB_GIT_URL is for tests on this machine only.'
      }`,
    );
  }
  const [appId, appKeyFile] = [get('GITHUB_APP_ID'), get('GITHUB_APP_KEY_FILE')];
  const hasApp = appId !== null || appKeyFile !== null;
  const token = get('GITHUB_TOKEN');
  const pushSocket = get('PATCHGIT_PUSH_SOCKET');
  if (pushSocket !== null) mistakes.push(...pushMistakes(pushSocket, token !== null, hasApp));
  if (hasApp && token !== null) {
    mistakes.push('GITHUB_TOKEN and GITHUB_APP_ID are both there: keep the one that patchgit is to act with.');
  } else if (hasApp) mistakes.push(...appMistakes(appId, appKeyFile));
  // What is sent in a header line must be one word, or it could carry more lines.
  if (token !== null && !/^[\x21-\x7e]{8,1000}$/.test(token))
    mistakes.push('GITHUB_TOKEN is not a token: it is one word of visible characters. Copy it again.');
  // One that a workflow of GitHub Actions is given: it starts no checks, belongs to nobody and is gone before the next morning.
  if (token?.startsWith('ghs_') === true)
    mistakes.push(
      'GITHUB_TOKEN is the token of an installation, which ends within the hour: give GITHUB_APP_ID and GITHUB_APP_KEY_FILE instead.',
    );
  const owner = get('GITHUB_OWNER');
  if (owner !== null && !/^[a-z0-9](?:[a-z0-9_-]{0,98}[a-z0-9_])?$/i.test(owner))
    mistakes.push(`GITHUB_OWNER is "${owner}": give a login of GitHub, without "@", or leave it out.`);
  const secret = get('GITHUB_WEBHOOK_SECRET');
  if (secret !== null && secret.length < webhookSecretCharactersMin) {
    mistakes.push(
      `GITHUB_WEBHOOK_SECRET has fewer than ${webhookSecretCharactersMin} characters: make a longer one, for example with "openssl rand -hex 32".`,
    );
  }
  if (mistakes.length > 0 || address === null) return no(mistakes);
  return ok({
    ...address,
    credential: hasApp ? 'app' : token === null && pushSocket === null ? 'none' : 'token',
    appId: appId === null ? null : Number(appId),
    appKeyFile,
    owner,
    hasWebhookSecret: secret !== null,
    ...(pushSocket === null ? {} : { pushSocket }),
  });
}

/**
 * GitHub itself, a GitHub Enterprise Server (`https://HOST/api/v3`), GitHub Enterprise Cloud (`https://api.NAME.ghe.com`), or for
 * tests plain http on this machine, where git may have an address of its own. Null for everything else: the credential would travel
 * in the clear, or it would not be known where git answers.
 */
export function gitHubAddress(
  given: string,
  gitUrl: string | null = null,
): { readonly apiUrl: string; readonly gitOrigin: string } | null {
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return null;
  const path = url.pathname.replace(/\/+$/, '');
  const apiUrl = `${url.origin}${path}`;
  if (isPlainHere(url)) {
    const git = gitUrl === null ? url : URL.canParse(gitUrl) ? new URL(gitUrl) : null;
    const isFine = (path === '' || path === '/api/v3') && git !== null && isPlainHere(git);
    return isFine ? { apiUrl, gitOrigin: git.origin } : null;
  }
  if (url.protocol !== 'https:' || gitUrl !== null) return null;
  if (path === '/api/v3') return { apiUrl, gitOrigin: url.origin };
  const cloud = /^api\.(github\.com|[a-z0-9-]+\.ghe\.com)$/.exec(url.host);
  return path === '' && cloud?.[1] !== undefined ? { apiUrl, gitOrigin: `https://${cloud[1]}` } : null;
}

function isPlainHere({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
}

/** The private key of an App, in PEM, or the sentence that says why it cannot be used. Read anew at each use, so it can be changed. */
export function readAppKey(file: string): Result<string, string> {
  let text: string;
  try {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const seen = fstatSync(descriptor);
      if (!seen.isFile() || seen.size > keyBytesMax)
        return no(`GITHUB_APP_KEY_FILE names ${file}, which is not the private key of an App.`);
      if ((seen.mode & 0o027) !== 0) {
        const mode = (seen.mode & 0o777).toString(8).padStart(4, '0');
        return no(`${file} can be read by others (mode ${mode}): run "chmod 600 ${file}".`);
      }
      text = readFileSync(descriptor, 'utf8');
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return no(`GITHUB_APP_KEY_FILE names ${file}, which cannot be read (${why}).`);
  }
  try {
    if (createPrivateKey(text).asymmetricKeyType === 'rsa') return ok(text);
  } catch {
    // The words of OpenSSL would not help, and they may quote the key.
    return no(`${file} holds no private key. Make one on the page of the App, and save the .pem file as it is.`);
  }
  return no(`${file} holds a key of another kind: GitHub makes RSA keys for Apps.`);
}

/** One who holds the credential, or the wall around it would be for nothing. */
function pushMistakes(socket: string, hasToken: boolean, hasApp: boolean): string[] {
  const mistakes: string[] = [];
  if (!isAbsolute(socket)) mistakes.push(`PATCHGIT_PUSH_SOCKET is "${socket}": give an absolute path.`);
  if (hasToken) {
    mistakes.push(
      'PATCHGIT_PUSH_SOCKET says that patchgit-push holds the token, and GITHUB_TOKEN is there too: take GITHUB_TOKEN out, and give a new token with scripts/provision.sh --token github=FILE.',
    );
  }
  if (hasApp) {
    mistakes.push(
      'PATCHGIT_PUSH_SOCKET and GITHUB_APP_ID are both there: patchgit-push holds personal tokens only. Keep the one that patchgit is to act with.',
    );
  }
  return mistakes;
}

function appMistakes(appId: string | null, appKeyFile: string | null): string[] {
  const mistakes: string[] = [];
  if (appId === null)
    mistakes.push('GITHUB_APP_KEY_FILE is there without GITHUB_APP_ID: give the number of the App too.');
  else if (!/^[1-9]\d{0,14}$/.test(appId))
    mistakes.push(`GITHUB_APP_ID is "${appId}": give the number that stands on the page of the App.`);
  if (appKeyFile === null) {
    mistakes.push(
      'GITHUB_APP_ID is there without GITHUB_APP_KEY_FILE: give the path of the .pem file with its private key.',
    );
  } else if (!isAbsolute(appKeyFile)) mistakes.push(`GITHUB_APP_KEY_FILE is "${appKeyFile}": give an absolute path.`);
  else {
    const key = readAppKey(appKeyFile);
    if (!key.ok) mistakes.push(key.why);
  }
  return mistakes;
}

function withoutPassword(address: string): string {
  return address.replace(/\/\/[^/@]*@/, '//');
}
