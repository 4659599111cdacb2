import { spawn } from 'node:child_process';
import { basename, resolve } from 'node:path';
import { AuditPage, Doctor, State } from '#contract/api.ts';
import { Device, EnrolLink } from '#contract/door.ts';
import { HelperView, type Lease } from '#contract/lease.ts';
import { ChainVerdict } from '#contract/ledger.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { ok, type Result } from '../lib/result.ts';
import { daemonCommand } from './daemon-command.ts';
import { entryText, findingsText, goneText, helperText, plain, stateText } from './print.ts';
import { done, refusedWith, usageError, type Command, type Outcome, type Run } from './run.ts';

/** Asks the daemon one thing and shows the answer. */
const asking =
  <T>(
    path: string,
    schema: { parse: (value: unknown) => T },
    text: (value: T) => string,
    good: (value: T) => boolean = () => true,
  ): Command =>
  async ({ client }) => {
    const answer = await client.get(path);
    if (!answer.ok) return refusedWith(answer.why);
    const value = schema.parse(answer.value);
    return { kind: 'done', json: value, text: text(value), failed: !good(value) };
  };

export const status = asking('/api/state', State, stateText);
export const doctor = asking(
  '/api/doctor',
  Doctor,
  (value) => findingsText(value.findings),
  (value) => value.ok,
);

export const auditList: Command = async ({ client, options }) => {
  const query = new URLSearchParams({ limit: options.limit ?? '50' });
  if (options.kind !== undefined) query.set('kind', options.kind);
  if (options.subject !== undefined) query.set('subject', options.subject);
  const answer = await client.get(`/api/audit?${query}`);
  if (!answer.ok) return refusedWith(answer.why);
  const page = AuditPage.parse(answer.value);
  return done(page, page.entries.map(entryText).join('\n'));
};
export const auditVerify = asking(
  '/api/audit/verify',
  ChainVerdict,
  (verdict) =>
    verdict.ok
      ? `${verdict.entries} entries, the chain holds.`
      : `The ledger is broken: ${verdict.firstBad?.why ?? 'unknown'}`,
  (verdict) => verdict.ok,
);
export const auditExport: Command = async ({ client }) => {
  const streamed = await client.stream('/api/audit/export', process.stdout);
  return streamed.ok ? { kind: 'silent' } : refusedWith(streamed.why);
};

const noHelper =
  'This daemon knows no helpers: it runs everything in the base sandbox, so none exists and none is billed.';

/** What exists, or null from a daemon that is too old to have made one. */
async function helperView(client: Run['client']): Promise<Result<HelperView | null, Problem>> {
  const answer = await client.get('/api/helper');
  if (answer.ok) return ok(HelperView.parse(answer.value));
  return answer.why.code === 'not_found' ? ok(null) : answer;
}

export const helperStatus: Command = async ({ client }) => {
  const view = await helperView(client);
  if (!view.ok) return refusedWith(view.why);
  if (view.value === null) return done({ state: 'none' }, noHelper);
  return done({ state: view.value.current?.state ?? 'none', ...view.value }, helperText(view.value));
};

/** A provider takes seconds to confirm; after a minute of looking nobody knows, and that is the answer. */
const destroyLooksMax = 120;
const destroyLookEveryMs = 500;

/** Asks for the end of the helper, and waits until the cloud has confirmed it. Exit code 1 when that is not known. */
export const helperDestroy: Command = async ({ client, pause }) => {
  const before = await helperView(client);
  if (!before.ok) return refusedWith(before.why);
  if (before.value === null) return done({ state: 'none' }, noHelper);
  const { current } = before.value;
  if (current === null) return done({ state: 'none', ...before.value }, helperText(before.value));
  const asked = await client.send('POST', '/api/helper/destroy');
  if (!asked.ok) return refusedWith(asked.why);
  let view = HelperView.parse(asked.value);
  for (let looks = 0; looks < destroyLooksMax && view.current?.id === current.id; looks += 1) {
    if (view.current.state === 'gone') break;
    await pause(destroyLookEveryMs);
    const answer = await client.get('/api/helper');
    if (!answer.ok) return refusedWith(answer.why);
    view = HelperView.parse(answer.value);
  }
  return destroyOutcome(current.id, view);
};

function destroyOutcome(id: Lease['id'], view: HelperView): Outcome {
  const lease = [...(view.current === null ? [] : [view.current]), ...view.past].find((one) => one.id === id);
  // Absent from what exists and from the newest that were: the cloud has confirmed it, and its row is no longer shown.
  if (lease === undefined) return done({ state: 'gone', ...view }, 'The helper is gone, confirmed by the cloud.');
  if (lease.state === 'gone') return done({ state: 'gone', ...view }, `${plain(lease.name)}: ${goneText(lease)}`);
  const text = `The cloud has not confirmed it within a minute. It may still exist and cost money.\n\n${helperText(view)}`;
  return { kind: 'done', json: { state: 'unknown', ...view }, text, failed: true };
}

const linkCommand =
  (path: string, before: string): Command =>
  async ({ client }) => {
    const answer = await client.send('POST', path);
    if (!answer.ok) return refusedWith(answer.why);
    const link = EnrolLink.parse(answer.value);
    const minutes = Math.max(1, Math.round((link.expiresAtMs - Date.now()) / 60_000));
    return done(link, `${before}\n\n    ${link.url}\n\nIt works once, for ${minutes} minutes.`);
  };
export const deviceAdd = linkCommand('/api/local/device-link', 'Open this one-time link on the new device:');
export const pinReset = linkCommand(
  '/api/local/pin-reset',
  'The PIN is forgotten and everybody is signed out. Choose a new one with this one-time link:',
);

export const deviceList: Command = async ({ client }) => {
  const answer = await client.get('/api/devices');
  if (!answer.ok) return refusedWith(answer.why);
  const devices = Device.array().parse((answer.value as { devices?: unknown }).devices);
  return done(
    devices,
    plain(
      devices
        .map((device) => `${device.id}  ${device.name}${device.revokedAtMs === null ? '' : '  (revoked)'}`)
        .join('\n') || 'No device is enrolled.',
    ),
  );
};
export const deviceRevoke: Command = async ({ client, positionals: [id] }) => {
  if (id === undefined) return usageError('device revoke needs the id of a device');
  const answer = await client.send('DELETE', `/api/devices/${encodeURIComponent(id)}`);
  return answer.ok ? done(answer.value, 'Revoked: this device can no longer sign in.') : refusedWith(answer.why);
};

export const backup: Command = async ({ client, positionals: [folder] }) => {
  if (folder === undefined) return usageError('backup needs a folder that does not exist yet');
  const answer = await client.send('POST', '/api/local/backup', { folder: resolve(folder) });
  return answer.ok ? done(answer.value, `Backed up to ${resolve(folder)}.`) : refusedWith(answer.why);
};
export const restore: Command = async ({ client, home, positionals: [folder] }) => {
  if (folder === undefined) return usageError('restore needs the folder of a backup');
  const answering = await client.get('/api/hello');
  if (answering.ok)
    return refusedWith(problem('repository_in_use', 'patchgit is running on this data folder. Stop it first.'));
  const { restoreBackup } = await import('../record/backup.ts');
  const restored = await restoreBackup(resolve(folder), home);
  return restored.ok
    ? done(restored.value, `Restored into ${home}. Start patchgit; mirrors are fetched again when they are needed.`)
    : refusedWith(restored.why);
};

export const update: Command = async ({ root }) =>
  done(
    { root, steps: ['git pull --ff-only', 'npm start'] },
    `In ${root}: stop patchgit, then "git pull --ff-only" and "npm start"; on a droplet "git pull --ff-only" and "scripts/provision.sh" instead. It never updates itself.`,
  );

/** Offline: the same engine on a working tree, all or nothing. */
export const apply: Command = async ({ positionals: [repository, patch], readInput }) => {
  if (repository === undefined || patch === undefined)
    return usageError('apply needs a working tree and a patch file (or - for standard input)');
  const { hardenedGit } = await import('../adapters/git.ts');
  const { applyOffline } = await import('../chain/patch/offline.ts');
  const git = hardenedGit({ path: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin' });
  const applied = await applyOffline(git, { repository: resolve(repository), patch: await readInput(patch) });
  if (!applied.ok) return refusedWith(applied.why);
  const mends = applied.value.mends.map((mend) => `  mended: ${mend.message}`).join('\n');
  return done(
    applied.value,
    `Applied to ${basename(resolve(repository))}: ${applied.value.files.length} files.${mends === '' ? '' : `\n${mends}`}`,
  );
};

/** The daemon in the foreground, in a process of its own kind: this one is only a client. */
export const serve: Command = ({ root }) =>
  new Promise((resolveOutcome) => {
    const { args, environment } = daemonCommand(root);
    const child = spawn(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
    child.on('exit', (code) => resolveOutcome({ kind: 'silent', failed: code !== 0 }));
  });
