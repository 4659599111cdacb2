/** An image that is really made: machines that boot with the orders of a bake, over SSH, against the API of the cloud. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digitalOcean } from '../../adapters/digitalocean.ts';
import { sshLink } from '../../adapters/ssh-link.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import { silentLog } from '../../../helper/test-kit.ts';
import type { Clock } from '../../ports.ts';
import { artifactStore } from '../../record/artifact/store.ts';
import { openDatabase } from '../../record/db/open.ts';
import { installId } from '../../record/install.ts';
import { ledgerStore } from '../../record/ledger/store.ts';
import { startFakeCloud } from '../../testing/cloud/cloud.ts';
import { openContract } from '../../testing/cloud/contract.ts';
import { machineHooks } from '../../testing/cloud/machines.ts';
import { canBoot } from '../../testing/machine/layer.ts';
import type { Machine } from '../../testing/machine/machine.ts';
import { moneyFolder, type MoneyFolder } from '../../testing/money-record.ts';
import { migrationsFolder } from '../../testing/record.ts';
import { until } from '../../testing/wait.ts';
import { till } from '../budget/perform.ts';
import { cloudInit } from './cloud-init.ts';
import { places, users } from './cloud-init-places.ts';
import { leaseDesk } from './desk.ts';
import { wideBudget } from './testing/house.ts';

/** The waits between two looks at the cloud are for a real one, so time runs faster here for everybody but the machines. */
const faster = 4;
function fasterClock(): Clock {
  const real = systemClock();
  return {
    nowMs: () => real.nowMs() * faster,
    every: (ms, run) => real.every(ms / faster, run),
    after: (ms, run) => real.after(ms / faster, run),
  };
}

let folder: MoneyFolder;
beforeAll(() => {
  folder = moneyFolder();
});
afterAll(() => folder.remove());

const name = 'an image made of a real machine';
describe.runIf(canBoot(name))(name, { timeout: 400_000 }, () => {
  it('forgets the machine it was made of, and a helper is ready from it', async () => {
    const clock = fasterClock();
    const hooks = machineHooks();
    const conditions = { bootMs: 100, destroyMs: 100, snapshotMs: 2_000 };
    const cloud = await startFakeCloud({ ...hooks, clock, conditions, contract: openContract(), hasRateLimit: false });
    const file = folder.newFile();
    const db = openDatabase(file, migrationsFolder);
    const random = systemRandom();
    const ledger = ledgerStore(db, clock);
    const settings = () => wideBudget;
    const desk = leaseDesk({
      db,
      ledger,
      artifacts: artifactStore(db, `${file}.artifacts`, clock, random),
      known: [],
      clock,
      random,
      log: silentLog,
      cloud: digitalOcean({ token: cloud.token, apiUrl: cloud.url, wallMs: 10_000 }),
      link: sshLink({ log: silentLog }),
      till: till({ db, ledger, clock, random, settings }),
      settings,
      priceOf: (slug) => wideBudget.helper.sizes.find((size) => size.slug === slug)?.usdPerHour ?? null,
      takePrices: () => undefined,
      policy: () => ({ regions: ['fra1'], image: 'debian-13-x64', user: users.login.name, port: 22 }),
      install: installId(db, clock, random),
      cloudInit: ({ hostname, keys, form }) =>
        cloudInit({
          hostname,
          keys,
          image: form === 'baked' ? 'baked' : 'plain',
          ...(form === 'bake' ? { bake: { packages: [], ollama: null } } : {}),
          // The machines have the real time.
          nowMs: Date.now(),
          selfDestructAtMs: Date.now() + 3_600_000,
          sshFromAddresses: [],
        }),
      remoteSandbox: () => {
        throw new Error('nothing is proved here');
      },
    });
    try {
      expect(await desk.bake()).toEqual({ ok: true, value: null });
      const builder = await until('the builder', () => newest(hooks.machines), 120_000, 200);
      const hostKey = await until('its host key', () => read(builder, '/etc/ssh/ssh_host_ed25519_key'), 120_000, 200);
      const trial = await until(
        'the trial',
        () => {
          const { bake } = desk.view();
          if (bake?.state === 'failed') throw new Error(String(bake.trouble));
          const last = newest(hooks.machines);
          return bake?.state === 'probing' && last !== builder && last;
        },
        240_000,
        200,
      );
      const found = await trial.run(['sh', '-c', `cat ${places.bakedMarker}; grep -rlF "$(sed -n 3p)" /snapshot`], {
        stdin: hostKey,
      });
      expect(found.stdout).toBe('baked\n');
      const left = `cd /snapshot && ls etc/ssh | grep ssh_host_ ; ls -A var/lib/cloud; wc -c < etc/machine-id;
        test ! -e .${places.authorizedKeys} && test ! -e .${places.bake} && test -e etc/ssh/sshd_not_to_be_run && echo clean`;
      expect((await trial.must(['sh', '-c', left])).split('\n')).toEqual(['0', 'clean', '']);
      await until('it is good', () => desk.view().bake?.state === 'good', 240_000, 200);
      await until('all are gone', () => desk.view().current === null, 120_000, 200);
      expect(desk.view()).toMatchObject({ images: [{ isCurrent: true, region: 'fra1' }], bake: { trouble: null } });
      expect(cloud.alive()).toEqual([]);
      expect(cloud.droplets().map(({ image }) => image.slug)).toEqual(['debian-13-x64', null]);
      expect(db.sqlite.prepare(`select count(*) from reservation where state <> 'posted'`).pluck().get()).toBe(0);
    } finally {
      await desk.close();
      await cloud.close();
      db.close();
    }
  });
});

/** The newest that runs, or false. */
function newest(machines: ReadonlyMap<number, Machine>): Machine | false {
  return [...machines.values()].at(-1) ?? false;
}

async function read(machine: Machine, path: string): Promise<string | false> {
  const { code, stdout } = await machine.run(['cat', path]);
  return code === 0 && stdout.includes('OPENSSH PRIVATE KEY') && stdout;
}
