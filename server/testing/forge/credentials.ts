/** Who calls: the kinds of tokens that GitHub gives out, what each may do, and how long it lives. */
import { createPublicKey, generateKeyPairSync, randomBytes, verify, type KeyObject } from 'node:crypto';

export type Level = 'read' | 'write' | 'admin';
export type Permissions = Readonly<Record<string, Level>>;
/** `owner/name`, or all that the account or the installation has. */
export type Selection = 'all' | readonly string[];

export interface ClassicToken {
  readonly kind: 'classic';
  readonly login: string;
  readonly scopes: readonly string[];
  readonly expiresAtMs: number | null;
}

export interface FineGrainedToken {
  readonly kind: 'fine_grained';
  readonly login: string;
  /** The one account whose repositories it reaches: others', where its user only helps, stay closed to it. */
  readonly resourceOwner: string;
  readonly repositories: Selection;
  /** `contents`, `pull_requests`, `issues`, `statuses`, `checks`, `workflows`, `actions`, …; metadata is always read. */
  readonly permissions: Permissions;
  readonly expiresAtMs: number | null;
}

export interface InstallationToken {
  readonly kind: 'installation';
  readonly app: FakeApp;
  readonly installation: Installation;
  readonly repositories: Selection;
  readonly permissions: Permissions;
  readonly expiresAtMs: number;
}

export type Credential =
  | ClassicToken
  | FineGrainedToken
  | InstallationToken
  | { readonly kind: 'app'; readonly app: FakeApp };

export interface Installation {
  readonly id: number;
  /** Login of the account it is installed on. */
  readonly account: string;
  readonly repositories: Selection;
  readonly permissions: Permissions;
  isSuspended: boolean;
}

export interface FakeApp {
  readonly id: number;
  readonly slug: string;
  readonly publicKey: KeyObject;
  readonly installations: readonly Installation[];
}

/** What a request's `Authorization` is worth. `bad` carries the sentence of the refusal. */
export type Identity =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'bad'; readonly status: 401 | 404; readonly message: string }
  | { readonly kind: 'known'; readonly credential: Credential; readonly token: string };

/** An installation token lives for one hour. */
export const installationTokenMs = 3_600_000;

export interface CredentialStore {
  readonly apps: FakeApp[];
  readonly add: (credential: Exclude<Credential, { kind: 'app' }>) => string;
  readonly revoke: (token: string) => void;
  /** `header` is the whole value of `Authorization`. */
  readonly identify: (header: string | undefined, nowMs: number) => Identity;
  /** Every token ever given out, so that a test can look for them where they must not be. */
  readonly issued: () => string[];
}

export function credentialStore(): CredentialStore {
  const apps: FakeApp[] = [];
  const tokens = new Map<string, Exclude<Credential, { kind: 'app' }>>();
  const issued: string[] = [];
  return {
    apps,
    add: (credential) => {
      const token = newToken(credential.kind);
      tokens.set(token, credential);
      issued.push(token);
      return token;
    },
    revoke: (token) => void tokens.delete(token),
    issued: () => [...issued],
    identify: (header, nowMs) => {
      if (header === undefined) return { kind: 'nobody' };
      for (const token of tokensIn(header)) {
        const credential = tokens.get(token);
        if (credential && (credential.expiresAtMs === null || credential.expiresAtMs > nowMs)) {
          if (credential.kind === 'installation' && credential.installation.isSuspended) continue;
          return { kind: 'known', credential, token };
        }
        if (/^eyJ[\w-]*\.[\w-]+\.[\w-]+$/.test(token)) return appOf(apps, token, nowMs);
      }
      return { kind: 'bad', status: 401, message: 'Bad credentials' };
    },
  };
}

/** As REST sends it, and as git does: the token is the password, or the user's name with no or any password. */
function tokensIn(header: string): string[] {
  const [, kind = '', value = ''] = /^(\S+) +(\S+)$/.exec(header) ?? [];
  if (kind.toLowerCase() !== 'basic') return ['bearer', 'token'].includes(kind.toLowerCase()) ? [value] : [];
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? [text] : [text.slice(colon + 1), text.slice(0, colon)];
}

function newToken(kind: Exclude<Credential['kind'], 'app'>): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const text = (length: number): string =>
    Array.from(randomBytes(length), (byte) => alphabet.charAt(byte % alphabet.length)).join('');
  if (kind === 'fine_grained') return `github_pat_${text(22)}_${text(59)}`;
  return `${kind === 'classic' ? 'ghp' : 'ghs'}_${text(36)}`;
}

/** RS256 only; the sentences of the refusals are GitHub's (octokit/auth-app.js#146). */
function appOf(apps: readonly FakeApp[], token: string, nowMs: number): Identity {
  const bad = (message: string, status: 401 | 404 = 401): Identity => ({ kind: 'bad', status, message });
  const [head = '', claims = '', signature = ''] = token.split('.');
  const read = (part: string): Record<string, unknown> | null => {
    const text = Buffer.from(part, 'base64url').toString('utf8');
    return /^\{.*\}$/s.test(text) ? (JSON.parse(text) as Record<string, unknown>) : null;
  };
  const [header, body] = [read(head), read(claims)];
  if (header?.['alg'] !== 'RS256' || body === null) return bad('A JSON web token could not be decoded');
  const app = apps.find(({ id }) => String(id) === String(body['iss']));
  if (!app) return bad('Integration not found', 404);
  const isSigned = verify(
    'RSA-SHA256',
    Buffer.from(`${head}.${claims}`),
    app.publicKey,
    Buffer.from(signature, 'base64url'),
  );
  if (!isSigned) return bad('A JSON web token could not be decoded');
  const nowSeconds = Math.floor(nowMs / 1000);
  const { exp, iat } = body;
  if (typeof exp !== 'number' || exp <= nowSeconds) {
    return bad(
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  }
  if (exp > nowSeconds + 600) return bad("'Expiration time' claim ('exp') is too far in the future");
  if (typeof iat !== 'number' || iat > nowSeconds) {
    return bad("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
  }
  return { kind: 'known', credential: { kind: 'app', app }, token };
}

/** The public half of a private key in PEM; without one a new pair. */
export function keyPair(privateKey?: string): { readonly privateKey: string; readonly publicKey: KeyObject } {
  if (privateKey !== undefined) return { privateKey, publicKey: createPublicKey(privateKey) };
  const made = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { privateKey: made.privateKey.export({ type: 'pkcs1', format: 'pem' }), publicKey: made.publicKey };
}

export function loginOf(credential: Credential): string {
  switch (credential.kind) {
    case 'classic':
    case 'fine_grained':
      return credential.login;
    case 'installation':
    case 'app':
      return `${credential.app.slug}[bot]`;
  }
}
