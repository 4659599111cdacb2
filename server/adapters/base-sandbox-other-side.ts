/** The user behind the run socket removes what is his: a helper does it, which is a process of that user. */
import { helperProtocol } from '#contract/helper-wire.ts';
import type { Removal } from '#contract/helper-wire.ts';
import { PortError } from '../ports.ts';
import { HelperProcess } from './base-sandbox-helper.ts';
import type { HelperOptions } from './base-sandbox-helper.ts';
import { stepBytesMax } from './base-sandbox-frames.ts';
import type { OtherSide } from './base-sandbox-layers.ts';
import { FrameOrder } from './base-sandbox-order.ts';
import { findRunSocket } from './base-sandbox-socket.ts';
import { findRunUser } from './base-sandbox-user.ts';

const removeMsMax = 6 * 60_000;

/** Null where this process starts its helpers itself, and can remove whatever they leave. */
export function otherSide(options: HelperOptions): OtherSide | null {
  const { socketPath = findRunSocket() } = options;
  if (socketPath === null) return null;
  return {
    findGroup: async () => (await findRunUser())?.gid ?? null,
    remove: (folders) => remove(options, folders),
  };
}

async function remove(options: HelperOptions, folders: readonly string[]): Promise<void> {
  const removal: Removal = { type: 'removal', protocol: helperProtocol, folders: [...folders] };
  const helper = await HelperProcess.start(options, { inspect: false });
  const why = await helper.converse({
    line: Buffer.from(`${JSON.stringify(removal)}\n`),
    order: new FrameOrder([]),
    onEvent: () => undefined,
    signal: new AbortController().signal,
    deadlineMs: removeMsMax,
    bytesMax: stepBytesMax,
  });
  if (why !== null) throw new PortError('sandbox', 'remove what a set-up left', { cause: new Error(why) });
}
