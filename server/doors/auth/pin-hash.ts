import PQueue from 'p-queue';
import { ok, no, type Result } from '../../lib/result.ts';

/** Slow hashes of PINs, one at a time: each takes 46 MiB while it runs, on a machine that may have 512. */
export interface PinHasher {
  /** False when so many checks wait that another one must be turned away before it is counted. */
  readonly hasRoom: () => boolean;
  readonly hash: (pin: string) => Promise<Result<string, 'busy'>>;
  readonly verify: (hash: string, pin: string) => Promise<Result<boolean, 'busy'>>;
}

/** How many may wait behind the one that runs. */
const pinChecksWaitingMax = 4;
/** m=47104 KiB, t=1, p=1: one of the argon2id settings of the OWASP Password Storage Cheat Sheet. */
const ownerPinMemoryKib = 47_104;

/** The options are for tests that type a thousand PINs. argon2 is loaded at the first PIN, not at start. */
export function pinHasher(options: { readonly memoryKib?: number; readonly waitingMax?: number } = {}): PinHasher {
  const { memoryKib: memoryCost = ownerPinMemoryKib, waitingMax = pinChecksWaitingMax } = options;
  const queue = new PQueue({ concurrency: 1 });
  const hasRoom = (): boolean => queue.pending === 0 || queue.size < waitingMax;
  const inTurn = async <T>(work: () => Promise<T>): Promise<Result<T, 'busy'>> =>
    hasRoom() ? ok(await queue.add(work)) : no('busy');
  return {
    hasRoom,
    hash: (pin) =>
      inTurn(async () => {
        const { argon2id, hash } = await import('argon2');
        return hash(exactBytes(pin), {
          type: argon2id,
          memoryCost,
          timeCost: 1,
          parallelism: 1,
        });
      }),
    verify: (stored, pin) =>
      inTurn(async () => {
        const { verify } = await import('argon2');
        return verify(stored, exactBytes(pin));
      }),
  };
}

/** The PIN exactly as typed: no trimming, no Unicode normalisation, NUL is a character like any other. */
function exactBytes(pin: string): Buffer {
  return Buffer.from(pin, 'utf8');
}
