import type { z } from 'zod';
import { assert } from '../lib/assert.ts';
import { no, ok, type Result } from '../lib/result.ts';
import type { Cloud, CloudFailure, CloudMachine, NewCloudMachine } from '../ports-cloud.ts';
import { DropletPage, OneAccount, OneAction, OneDroplet, SizePage, SnapshotPage } from './digitalocean-answers.ts';
import { caller, endpointOf, unknownFailure, type Call, type DigitalOceanOptions } from './digitalocean-call.ts';
import { ensureFirewall } from './digitalocean-firewall.ts';
import { completeList } from './digitalocean-list.ts';

/**
 * DigitalOcean through dots-wrapper. Every function makes each of its requests once, resolves with DigitalOcean's own yes, its own
 * no, or `unknown`, and throws only when it was called with what no caller of ours may send.
 *
 * No function of dots-wrapper that works by tag is used: an undefined name of a tag would widen the call to the whole account.
 */
export function digitalOcean(options: DigitalOceanOptions): Cloud {
  const endpoint = endpointOf(options.apiUrl);
  const call = caller(options);
  return {
    account: async () => {
      const read = parsed(await call('account', 200, (client) => client.account.getAccount()), OneAccount);
      if (!read.ok) return read;
      return ok({ status: read.value.account.status, machinesMax: read.value.account.droplet_limit });
    },
    sizes: () =>
      completeList(call, endpoint, {
        name: 'sizes',
        schema: SizePage,
        rows: (answer) => answer.sizes,
        key: (size) => size.slug,
        send: (client, page) => client.size.listSizes(page),
      }),
    snapshots: () =>
      completeList(call, endpoint, {
        name: 'snapshots',
        schema: SnapshotPage,
        rows: (answer) => answer.snapshots,
        key: (snapshot) => snapshot.id,
        send: (client, page) => client.snapshot.listSnapshots({ ...page, resource_type: 'droplet' }),
      }),
    create: (order) => create(call, order),
    list: () =>
      completeList(call, endpoint, {
        name: 'machines',
        schema: DropletPage,
        rows: (answer) => answer.droplets,
        key: (machine) => machine.id,
        send: (client, page) => client.droplet.listDroplets(page),
      }),
    find: async (id) => {
      assertId(id);
      const read = parsed(
        await call('find', 200, (client) => client.droplet.getDroplet({ droplet_id: id })),
        OneDroplet,
      );
      if (!read.ok) return read;
      return read.value.droplet.id === id ? ok(read.value.droplet) : no(otherThing());
    },
    destroy: async (id) => {
      assertId(id);
      const done = await call('destroy', 204, (client) => client.droplet.deleteDroplet({ droplet_id: id }));
      return done.ok ? ok(null) : done;
    },
    powerOff: async (id) => {
      assertId(id);
      const answer = await call('power off', 201, (client) => client.droplet.powerOffDroplet({ droplet_id: id }));
      const taken = begun(answer, id, 'power_off');
      return taken.ok ? ok(null) : taken;
    },
    ...images(call),
    ensureFirewall: (order) => ensureFirewall(call, endpoint, order),
  };
}

/** Snapshots of machines: made, followed, deleted. */
function images(call: Call): Pick<Cloud, 'snapshot' | 'action' | 'deleteSnapshot'> {
  return {
    snapshot: async (id, name) => {
      assertId(id);
      assert(/^\S.{0,254}$/.test(name), 'a snapshot has a name');
      const answer = await call('snapshot', 201, (client) => client.droplet.snapshotDroplet({ droplet_id: id, name }));
      return begun(answer, id, 'snapshot');
    },
    action: async (id) => {
      assertId(id);
      const read = parsed(await call('action', 200, (client) => client.action.getAction({ action_id: id })), OneAction);
      if (!read.ok) return read;
      return read.value.action.id === id ? ok(read.value.action.status) : no(otherThing());
    },
    deleteSnapshot: async (id) => {
      assertId(id);
      const done = await call('delete snapshot', 204, (client) => client.snapshot.deleteSnapshot({ snapshot_id: id }));
      return done.ok ? ok(null) : done;
    },
  };
}

/** `user_data` is plain text of at most 64 KiB; anything but ASCII in it has lost machines (notes/helper-fleet.md 1.2). */
const userDataCharactersMax = 64 * 1024;

/** One POST, never repeated. A machine of another name is not what was ordered: the list will say what there is. */
async function create(call: Call, order: NewCloudMachine): Promise<Result<CloudMachine, CloudFailure>> {
  assert(/^[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,253}[a-zA-Z0-9])?$/.test(order.name), 'a machine has a host name');
  assert(/^[a-z0-9-]{1,64}$/.test(order.region), 'a machine has a region');
  assert(/^[a-z0-9_-]{1,64}$/.test(order.size), 'a machine has a size');
  assert(/^[a-zA-Z0-9_:-]{1,255}$/.test(order.tag), 'a machine has a tag');
  assert(order.userData.length <= userDataCharactersMax, 'what a machine is given at its start has a limit');
  assert(/^[\t\n\r\x20-\x7e]*$/.test(order.userData), 'what a machine is given at its start is ASCII');
  if (typeof order.image === 'number') assertId(order.image);
  else assert(/^[a-zA-Z0-9._-]{1,128}$/.test(order.image), 'a machine has an image');
  const answer = await call('create', 202, (client) =>
    client.droplet.createDroplet({
      name: order.name,
      region: order.region,
      size: order.size,
      image: order.image,
      tags: [order.tag],
      user_data: order.userData,
      backups: false,
      ipv6: false,
      monitoring: false,
      // It is installed when this is left out, and it is one more way in.
      with_droplet_agent: false,
    }),
  );
  const read = parsed(answer, OneDroplet);
  if (!read.ok) return read;
  return read.value.droplet.name === order.name ? ok(read.value.droplet) : no(otherThing());
}

/** An action that was taken on; when it ends is for the caller to find out. */
function begun(
  answer: Result<unknown, CloudFailure>,
  id: number,
  type: string,
): Result<{ readonly actionId: number }, CloudFailure> {
  const read = parsed(answer, OneAction);
  if (!read.ok) return read;
  const { action } = read.value;
  if (action.resource_id !== id || action.type !== type) return no(otherThing());
  return action.status === 'errored'
    ? no(unknownFailure('action_errored', `DigitalOcean took the order (${type}) and then failed at it.`))
    : ok({ actionId: action.id });
}

function parsed<T>(answer: Result<unknown, CloudFailure>, schema: z.ZodType<T>): Result<T, CloudFailure> {
  if (!answer.ok) return answer;
  const read = schema.safeParse(answer.value);
  return read.success ? ok(read.data) : no(unknownFailure('garbled', 'DigitalOcean answered with what is no answer.'));
}

function otherThing(): CloudFailure {
  return unknownFailure('other_thing', 'DigitalOcean answered about something else than it was asked.');
}

/** An id becomes a part of an address: `''` would name the whole collection, and `1/../..` anything. */
function assertId(id: number): void {
  assert(Number.isSafeInteger(id) && id > 0, 'the cloud numbers its machines and snapshots from 1');
}
