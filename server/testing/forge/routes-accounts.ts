import { isNamed, isSelected } from './access.ts';
import { installationTokenMs, type Credential, type Installation, type Permissions } from './credentials.ts';
import * as replies from './replies.ts';
import type { Reply } from './replies.ts';
import { counted, listed, ofAccount, ofRepository, reads, type Asked } from './routes-kit.ts';
import { fullRepositoryShape, instant, ownUserShape, repositoryShape, userShape, type Json } from './shapes.ts';
import { appShape } from './shapes-work.ts';
import { fullName, type World } from './world.ts';

export const accountRoutes = [
  ofAccount('users/get-authenticated', 'GET', '/user', ({ world, credential }) => {
    if (credential === null) return replies.needsSignIn;
    if (credential.kind === 'installation' || credential.kind === 'app') return replies.notAccessible(credential.kind);
    return { status: 200, body: ownUserShape(world, world.user(credential.login)) };
  }),
  ofAccount('rate-limit/get', 'GET', '/rate_limit', rateLimit),
  ofAccount('apps/get-authenticated', 'GET', '/app', ({ world, credential }) => {
    if (credential?.kind !== 'app') return replies.needsJwt;
    const permissions = credential.app.installations[0]?.permissions ?? {};
    return { status: 200, body: appShape(world, credential.app, permissions) };
  }),
  ofAccount('apps/list-installations', 'GET', '/app/installations', ({ world, credential, url }) => {
    if (credential?.kind !== 'app') return replies.needsJwt;
    const { app } = credential;
    return listed(url, app.installations, (one) => installationShape(world, credential, one));
  }),
  ofAccount(
    'apps/create-installation-access-token',
    'POST',
    '/app/installations/:id/access_tokens',
    createInstallationToken,
  ),
  ofAccount('apps/list-repos-accessible-to-installation', 'GET', '/installation/repositories', (asked) => {
    const { world, credential, url } = asked;
    if (credential?.kind !== 'installation') return replies.needsInstallation;
    const theirs = world.repositories.filter((one) => isSelected(world, one, credential));
    return counted(url, 'repositories', theirs, (one) => repositoryShape(world, one, credential));
  }),
  ofRepository('repos/get', 'GET', '', reads('metadata'), ({ world, repository, credential }) => ({
    status: 200,
    body: fullRepositoryShape(world, repository, credential),
  })),
];

/** Asking for it is free. */
function rateLimit({ quota }: Asked): Reply {
  const { limit, used, resetAtMs } = quota;
  const core = { limit, used, remaining: limit - used, reset: Math.ceil(resetAtMs / 1000) };
  const search = { limit: 30, used: 0, remaining: 30, reset: core.reset };
  return { status: 200, body: { resources: { core, search }, rate: core } };
}

function installationShape(
  world: World,
  { app }: Extract<Credential, { kind: 'app' }>,
  installation: Installation,
): Json {
  const account = world.user(installation.account);
  const since = instant(world.repositories[0]?.createdAtMs ?? world.nowMs());
  const url = `${world.apiUrl}/app/installations/${installation.id}`;
  return {
    id: installation.id,
    account: userShape(world, account),
    repository_selection: installation.repositories === 'all' ? 'all' : 'selected',
    access_tokens_url: `${url}/access_tokens`,
    repositories_url: `${world.apiUrl}/installation/repositories`,
    html_url: `${world.webUrl}/settings/installations/${installation.id}`,
    app_id: app.id,
    app_slug: app.slug,
    target_id: account.id,
    target_type: account.type,
    permissions: installation.permissions,
    events: [],
    created_at: since,
    updated_at: since,
    single_file_name: null,
    suspended_by: null,
    suspended_at: installation.isSuspended ? since : null,
  };
}

/** May be narrowed to fewer repositories and permissions, never widened. */
function createInstallationToken({ world, credential, id, body }: Asked): Reply {
  if (credential?.kind !== 'app') return replies.needsJwt;
  const installation = credential.app.installations.find((one) => String(one.id) === id);
  if (!installation) return replies.notFound;
  if (installation.isSuspended) return replies.refusal(403, 'This installation has been suspended');
  const given = world.repositories.filter(
    (one) => one.owner === installation.account && isNamed(one, installation.repositories),
  );
  const names = Array.isArray(body['repositories']) ? body['repositories'].map(String) : null;
  const ids = Array.isArray(body['repository_ids']) ? body['repository_ids'].map(Number) : null;
  const isAsked = ({ name, id: number }: { name: string; id: number }): boolean =>
    names?.includes(name) === true || ids?.includes(number) === true;
  const chosen = names === null && ids === null ? given : given.filter(isAsked);
  if (chosen.length < (names?.length ?? 0) + (ids?.length ?? 0)) {
    return replies.refusal(
      422,
      'There is at least one repository that does not exist or is not accessible to the parent installation.',
    );
  }
  const wanted = (body['permissions'] as Permissions | undefined) ?? installation.permissions;
  const isWider = Object.entries(wanted).some(([name, level]) => {
    const most = installation.permissions[name];
    return most === undefined || (level !== 'read' && most === 'read');
  });
  if (isWider) return replies.refusal(422, 'The permissions requested are not granted to this installation.');
  const isAll = names === null && ids === null && installation.repositories === 'all';
  const expiresAtMs = world.nowMs() + installationTokenMs;
  const token = world.credentials.add({
    kind: 'installation',
    app: credential.app,
    installation,
    repositories: isAll ? 'all' : chosen.map((one) => fullName(one)),
    permissions: wanted,
    expiresAtMs,
  });
  return {
    status: 201,
    body: {
      token,
      expires_at: instant(expiresAtMs),
      permissions: { ...wanted, metadata: 'read' },
      repository_selection: isAll ? 'all' : 'selected',
      ...(isAll ? {} : { repositories: chosen.map((one) => repositoryShape(world, one)) }),
    },
  };
}
