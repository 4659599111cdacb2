import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { hostFindings, readHostFacts, whatForbids, type HostFacts } from './host-facts.ts';

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

function proc(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-proc-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const open: HostFacts = {
  userNamespacesMax: 15_000,
  unprivilegedClone: 1,
  apparmorRestricts: 0,
  unit: null,
  isRoot: false,
};

it('reads what a kernel says, and knows what it does not say', async () => {
  const ubuntu = proc({
    'sys/user/max_user_namespaces': '0\n',
    'sys/kernel/apparmor_restrict_unprivileged_userns': '1\n',
    'self/cgroup': '0::/system.slice/patchgit.service/daemon\n',
  });
  expect(await readHostFacts(ubuntu)).toMatchObject({
    userNamespacesMax: 0,
    unprivilegedClone: null,
    apparmorRestricts: 1,
    unit: 'patchgit.service',
  });
  expect(await readHostFacts(proc({ 'self/cgroup': '4:memory:/a\n0::/user.slice\n' }))).toMatchObject({
    userNamespacesMax: null,
    unit: null,
  });
});

it.each([
  ['an open host', open, []],
  ['no user namespaces at all', { ...open, userNamespacesMax: 0 }, ['user.max_user_namespaces is 0']],
  ['only for root', { ...open, unprivilegedClone: 0 }, ['kernel.unprivileged_userns_clone is 0']],
  ['only for root, who asks', { ...open, unprivilegedClone: 0, isRoot: true }, []],
  ['Ubuntu', { ...open, apparmorRestricts: 1 }, ['kernel.apparmor_restrict_unprivileged_userns is 1']],
  ['Ubuntu, as root', { ...open, apparmorRestricts: 1, isRoot: true }, []],
])('says what forbids a sandbox and how to allow it: %s', (_, facts, reasons) => {
  const said = whatForbids(facts);
  expect(said).toHaveLength(reasons.length);
  reasons.forEach((reason, index) => expect(said[index]).toContain(reason));
  for (const sentence of said) expect(sentence).toMatch(/To (?:allow|give) .*: /);
});

it('a setting that could forbid a sandbox is bad only where the sandbox does not work', () => {
  const facts = { ...open, apparmorRestricts: 1 };
  expect(hostFindings(facts, { usable: true }, null).map(({ verdict }) => verdict)).toEqual(['warned']);
  expect(hostFindings(facts, { usable: false }, null).map(({ verdict }) => verdict)).toEqual(['bad', 'warned']);
});

it('says who runs what', () => {
  const users = (facts: HostFacts, runUser: string | null): string =>
    hostFindings(facts, { usable: true }, runUser).at(-1)?.sentence ?? '';
  expect(users(open, null)).toContain('laptop');
  expect(users({ ...open, unit: 'patchgit.service' }, null)).toContain('patchgit.service runs the daemon');
  expect(users({ ...open, isRoot: true }, 'patchgit-run')).toContain('checks run as patchgit-run');
  const droplet = hostFindings({ ...open, unit: 'patchgit.service' }, { usable: true }, 'patchgit-run').at(-1);
  expect(droplet).toMatchObject({
    verdict: 'good',
    sentence: expect.stringContaining('patchgit-run does, who has no secret'),
  });
});
