import { canBoot } from '../machine/layer.ts';
import { startFakeCloud, type FakeCloud } from './cloud.ts';
import { machineHooks } from './machines.ts';

export interface DevCloud {
  readonly cloud: FakeCloud;
  /** For the daemon: with these it rents from the fake and knows no difference. */
  readonly environment: { readonly DIGITALOCEAN_TOKEN: string; readonly DIGITALOCEAN_API_URL: string };
  /** Whether its droplets are real machines, or only look like some. */
  readonly isReal: boolean;
}

/** For `npm run dev`: the whole story of a helper without an account. Close the cloud at the end, and its machines are gone. */
export async function startDevCloud(): Promise<DevCloud> {
  const isReal = canBoot('helpers that are real machines');
  const cloud = await startFakeCloud({
    ...(isReal ? machineHooks() : {}),
    conditions: { bootMs: 3000, destroyMs: 2000, snapshotMs: 5000 },
  });
  return { cloud, environment: { DIGITALOCEAN_TOKEN: cloud.token, DIGITALOCEAN_API_URL: cloud.url }, isReal };
}
