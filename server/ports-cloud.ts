/** Types only, as in ports.ts: the cloud that rents machines, and the way to a machine that was rented. */
import type { Result } from './lib/result.ts';

/** A machine as the cloud lists it. */
export interface CloudMachine {
  readonly id: number;
  readonly name: string;
  readonly status: 'new' | 'active' | 'off' | 'archive';
  readonly size: string;
  readonly region: string;
  readonly createdAtMs: number;
  /** Public IPv4 address, once it has one. */
  readonly address: string | null;
  readonly tags: readonly string[];
}

export interface CloudSizeOffer {
  readonly slug: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly diskGiB: number;
  /** As the cloud says it; not a number above 0 when it says none. */
  readonly usdPerHour: number;
  readonly regions: readonly string[];
  readonly available: boolean;
}

export interface CloudImage {
  readonly id: number;
  readonly slug: string | null;
  readonly name: string;
  readonly regions: readonly string[];
  readonly minDiskGiB: number;
  /** What is billed; null when the cloud does not say it. */
  readonly sizeGiB: number | null;
  readonly createdAtMs: number;
}

/**
 * Why a call to the cloud came to nothing. `unknown`: it was sent and not answered (time out, connection lost, 5xx, an answer that
 * is none): it may have been done. All others were answered with a no: nothing was done.
 */
export interface CloudFailure {
  readonly kind: 'refused' | 'unauthorized' | 'not_found' | 'rate_limited' | 'unknown';
  /** The cloud's own id of the error ("unprocessable_entity"), or null. */
  readonly code: string | null;
  /** A sentence for the owner, without any credential. */
  readonly message: string;
  readonly retryAfterMs: number | null;
}

export interface NewCloudMachine {
  readonly name: string;
  readonly region: string;
  readonly size: string;
  /** Slug, or the id of a snapshot. */
  readonly image: string | number;
  readonly tag: string;
  readonly userData: string;
}

/** The cloud that rents machines. Each function makes the calls it needs and no second try of a call that may have had an effect. */
export interface Cloud {
  readonly account: () => Promise<Result<{ readonly status: string; readonly machinesMax: number }, CloudFailure>>;
  readonly sizes: () => Promise<Result<CloudSizeOffer[], CloudFailure>>;
  /** Snapshots of this account. */
  readonly snapshots: () => Promise<Result<CloudImage[], CloudFailure>>;
  /** One POST, never repeated. */
  readonly create: (order: NewCloudMachine) => Promise<Result<CloudMachine, CloudFailure>>;
  /** Every machine of the account, all pages, or a failure: never a part of the list. */
  readonly list: () => Promise<Result<CloudMachine[], CloudFailure>>;
  readonly find: (id: number) => Promise<Result<CloudMachine, CloudFailure>>;
  readonly destroy: (id: number) => Promise<Result<null, CloudFailure>>;
  readonly powerOff: (id: number) => Promise<Result<null, CloudFailure>>;
  /** Asks for a snapshot, once. It is made when `action` says so and `snapshots` shows it. */
  readonly snapshot: (id: number, name: string) => Promise<Result<{ readonly actionId: number }, CloudFailure>>;
  /** What became of what was asked for. */
  readonly action: (id: number) => Promise<Result<'in-progress' | 'completed' | 'errored', CloudFailure>>;
  readonly deleteSnapshot: (id: number) => Promise<Result<null, CloudFailure>>;
  /** Makes or mends the firewall of a tag: only SSH, only from these addresses. */
  readonly ensureFirewall: (order: {
    readonly name: string;
    readonly tag: string;
    readonly fromAddresses: readonly string[];
  }) => Promise<Result<null, CloudFailure>>;
}

/** An open, verified SSH connection to a helper machine. Everything that runs there runs under the user it was opened for. */
export interface HelperConnection {
  /** Starts a program there. `output` and `errors` are read by the caller; closing `input` is the only way to say "stop". */
  readonly start: (
    command: readonly string[],
    streams: {
      readonly onOutput: (chunk: Buffer) => void;
      readonly onErrors?: (chunk: Buffer) => void;
    },
  ) => Promise<
    Result<
      {
        readonly input: NodeJS.WritableStream;
        readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
        readonly stop: () => void;
      },
      string
    >
  >;
  /** A local port on 127.0.0.1 that leads to a port on the helper's own loopback; nothing else is ever forwarded. */
  readonly forward: (
    port: number,
  ) => Promise<Result<{ readonly localPort: number; readonly close: () => void }, string>>;
  readonly isOpen: () => boolean;
  readonly close: () => Promise<void>;
}

export interface HelperKeys {
  /** OpenSSH private key of the control plane, in memory only. */
  readonly clientPrivateKey: string;
  /** One line for authorized_keys. */
  readonly clientPublicKey: string;
  /** For cloud-init's `ssh_keys`: the host key that the machine will have. */
  readonly hostPrivateKey: string;
  readonly hostPublicKey: string;
}

/** SSH to a helper. The host key is known before the first contact and is the only one accepted. */
export interface HelperLink {
  readonly makeKeys: () => Promise<HelperKeys>;
  /** Tries until the machine answers or `signal` aborts; a wrong host key is never tried again. */
  readonly connect: (
    target: { readonly address: string; readonly port: number; readonly user: string; readonly keys: HelperKeys },
    signal: AbortSignal,
  ) => Promise<Result<HelperConnection, string>>;
}
