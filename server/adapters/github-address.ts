/** Which repository of GitHub an address means. */

export interface GitHubName {
  readonly owner: string;
  readonly name: string;
}

/** What GitHub allows in a login and in the name of a repository; "." and ".." are no names. */
const ownerPattern = /^[a-z0-9](?:[a-z0-9_-]{0,98}[a-z0-9_])?$/i;
const namePattern = /^(?!\.{1,2}$)[a-z0-9._-]{1,100}$/i;

/**
 * The repository behind `https://HOST/owner/name(.git)`, or behind the same over ssh; null when it is not at `gitOrigin` or is not
 * written so. Whoever gets a name here may put it into a path.
 */
export function gitHubName(url: string, gitOrigin: string): GitHubName | null {
  const { host, hostname } = new URL(gitOrigin);
  const scp = /^git@([^:/]+):([^:]+)$/.exec(url);
  if (scp) return scp[1]?.toLowerCase() === hostname ? nameIn(scp[2] ?? '') : null;
  const read = URL.canParse(url) ? new URL(url) : null;
  if (read === null || read.search !== '' || read.hash !== '' || read.password !== '') return null;
  if (read.protocol === 'ssh:') return read.hostname.toLowerCase() === hostname ? nameIn(read.pathname.slice(1)) : null;
  return read.origin === gitOrigin && read.host === host && read.username === ''
    ? nameIn(read.pathname.slice(1))
    : null;
}

/** Null for anything that a git process would not send to exactly this repository over HTTP. */
export function gitHubTransferName(url: string, gitOrigin: string): GitHubName | null {
  return /^https?:\/\//.test(url) ? gitHubName(url, gitOrigin) : null;
}

function nameIn(path: string): GitHubName | null {
  const [owner = '', name = '', ...more] = path.replace(/\/$/, '').split('/');
  const bare = name.replace(/\.git$/i, '');
  return more.length === 0 && ownerPattern.test(owner) && namePattern.test(bare) ? { owner, name: bare } : null;
}
