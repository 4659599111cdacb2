import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { no, ok, type Result } from '../lib/result.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface PushSettings {
  readonly token: string;
  readonly apiUrl: string | null;
  readonly gitUrl: string | null;
}

/** File name below the folder of credentials that systemd makes for its unit (systemd.exec(5), "LoadCredential="). */
const credentialName = 'github-token';

/** What the unit patchgit-push.service hands over, or the sentence that says what is missing. Never quotes the token. */
export function readPushSettings(environment: Environment = process.env): Result<PushSettings, string> {
  const folder = environment['CREDENTIALS_DIRECTORY'] ?? '';
  if (folder === '') return no('There is no credential here: this program is started by patchgit-push.socket.');
  const token = readFileSync(join(folder, credentialName), 'utf8').trim();
  // What is sent in a header line must be one word, or it could carry more lines.
  if (!/^[\x21-\x7e]{8,1000}$/.test(token) || token.startsWith('ghs_'))
    return no('The credential is no personal token: give it again with scripts/provision.sh --token github=FILE.');
  return ok({
    token,
    apiUrl: environment['GITHUB_API_URL'] || null,
    gitUrl: environment['GITHUB_GIT_URL'] || null,
  });
}

/** The descriptor of the socket that systemd has made (sd_listen_fds(3)), or null where there is none. */
export function inheritedSocket(environment: Environment = process.env): number | null {
  return environment['LISTEN_FDS'] === '1' ? 3 : null;
}
