/** Whether a caller may do what it asks, and the exact no when not. */
import { loginOf, type Credential, type Level, type Permissions, type Selection } from './credentials.ts';
import * as replies from './replies.ts';
import type { Reply } from './replies.ts';
import { fullName, type FakeRepository, type World } from './world.ts';

/** A permission of fine-grained tokens and Apps: one of the alternatives is enough. */
export interface Need {
  readonly anyOf: readonly (readonly [permission: string, level: 'read' | 'write'])[];
  /** Who has only read access may do it all the same: comment, open a pull request. */
  readonly isOpenToReaders?: boolean;
}

/** For `x-accepted-github-permissions`: alternatives are parted by semicolons. */
export function needText({ anyOf }: Need): string {
  return anyOf.map(([permission, level]) => `${permission}=${level}`).join('; ');
}

/** Null: it may. A private repository that a caller cannot see does not exist for it. */
export function refusalFor(
  world: World,
  repository: FakeRepository,
  credential: Credential | null,
  need: Need,
): Reply | null {
  const isWrite = need.anyOf.some(([, level]) => level === 'write');
  if (credential === null) return !repository.isPrivate && !isWrite ? null : replies.notFound;
  switch (credential.kind) {
    case 'app':
      return replies.notAccessible('app');
    case 'classic': {
      const role = world.roleOf(repository, credential.login);
      const isScoped =
        credential.scopes.includes('repo') || (!repository.isPrivate && hasPublicScope(credential, isWrite));
      if (role === null || !isScoped) return replies.notFound;
      return isWrite && role === 'read' && need.isOpenToReaders !== true ? replies.notFound : null;
    }
    case 'fine_grained':
    case 'installation': {
      if (!isSelected(world, repository, credential)) {
        if (repository.isPrivate) return replies.notFound;
        return isWrite ? replies.notAccessible(credential.kind) : null;
      }
      const isGiven = need.anyOf.some(([permission, level]) =>
        hasPermission(credential.permissions, permission, level),
      );
      return isGiven || (!isWrite && !repository.isPrivate) ? null : replies.notAccessible(credential.kind);
    }
  }
}

/** Whether git may read or write with it; the text is what git prints after `remote:`. */
export function gitRefusal(
  world: World,
  repository: FakeRepository | null,
  credential: Credential | null,
  isWrite: boolean,
): { readonly status: 401 | 403 | 404; readonly text: string } | null {
  const gone = { status: 404, text: 'Repository not found.' } as const;
  if (repository === null) return credential === null ? { status: 401, text: gone.text } : gone;
  if (credential === null) {
    return repository.isPrivate || isWrite ? { status: 401, text: 'No anonymous write access.' } : null;
  }
  if (repository.isArchived && isWrite) {
    return { status: 403, text: 'This repository was archived so it is read-only.' };
  }
  const need: Need = { anyOf: [['contents', isWrite ? 'write' : 'read']] };
  const no = refusalFor(world, repository, credential, need);
  if (no === null) return null;
  if (credential.kind === 'classic') {
    const isSeen = world.roleOf(repository, credential.login) !== null && credential.scopes.includes('repo');
    return isSeen || !repository.isPrivate ? denied(repository, credential) : gone;
  }
  if (no.status === 404) return gone;
  // The same words for reading: a fine-grained token without `contents` hears of writing when it clones.
  return credential.kind === 'fine_grained'
    ? { status: 403, text: 'Write access to repository not granted.' }
    : denied(repository, credential);
}

function denied(repository: FakeRepository, credential: Credential): { readonly status: 403; readonly text: string } {
  return { status: 403, text: `Permission to ${fullName(repository)}.git denied to ${loginOf(credential)}.` };
}

/** Whether a push may touch `.github/workflows`: true, or the words of the refusal with `%` for the path. */
export function workflowWords(credential: Credential): true | string {
  switch (credential.kind) {
    case 'classic':
      return (
        credential.scopes.includes('workflow') ||
        'refusing to allow a Personal Access Token to create or update workflow `%` without `workflow` scope'
      );
    case 'fine_grained':
      return (
        hasPermission(credential.permissions, 'workflows', 'write') ||
        'refusing to allow a Personal Access Token to create or update workflow `%` without `workflow` scope'
      );
    case 'installation':
      return (
        hasPermission(credential.permissions, 'workflows', 'write') ||
        'refusing to allow a GitHub App to create or update workflow `%` without `workflows` permission'
      );
    case 'app':
      return 'refusing to allow a GitHub App to create or update workflow `%` without `workflows` permission';
  }
}

export function isSelected(
  world: World,
  repository: FakeRepository,
  credential: Extract<Credential, { kind: 'fine_grained' | 'installation' }>,
): boolean {
  const account = credential.kind === 'installation' ? credential.installation.account : credential.resourceOwner;
  const isTheirs = repository.owner.toLowerCase() === account.toLowerCase();
  const isSeen = credential.kind === 'installation' || world.roleOf(repository, credential.login) !== null;
  return isTheirs && isSeen && isNamed(repository, credential.repositories);
}

export function isNamed(repository: FakeRepository, selection: Selection): boolean {
  const names = [repository.name, ...repository.formerNames].map((name) => `${repository.owner}/${name}`.toLowerCase());
  return selection === 'all' || selection.some((one) => names.includes(one.toLowerCase()));
}

function hasPermission(permissions: Permissions, permission: string, level: 'read' | 'write'): boolean {
  const rank: Record<Level, number> = { read: 1, write: 2, admin: 3 };
  // Every fine-grained token reads metadata.
  const given = permissions[permission] ?? (permission === 'metadata' ? 'read' : undefined);
  return given !== undefined && rank[given] >= rank[level];
}

function hasPublicScope(credential: { readonly scopes: readonly string[] }, isWrite: boolean): boolean {
  return !isWrite || credential.scopes.includes('public_repo');
}
