import type { Limits } from '#contract/helper-wire.ts';
import { HelperProcess } from './base-sandbox-helper.ts';
import type { HelperOptions } from './base-sandbox-helper.ts';

/**
 * At most one helper that stands ready for the next assignment. Whoever takes it uses it up. It ends when nobody comes for it
 * in time, when it is closed, and by itself when this process is gone, because its standard input ends then.
 */
export class StandingHelper {
  readonly #options: HelperOptions;
  #starting: Promise<HelperProcess | null> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: HelperOptions) {
    this.#options = options;
  }

  /** Starts one unless one stands. `waitsMsMax`: after which it is ended if nobody took it; null: `expire` will be called. */
  prepare(limits: Limits | null, waitsMsMax: number | null): void {
    if (this.#isClosed) return;
    this.#starting ??= this.#start(limits);
    if (waitsMsMax === null) this.#wait(null);
    else this.expire(waitsMsMax);
  }

  /** Null when none stands. */
  async take(): Promise<HelperProcess | null> {
    const taken = this.#starting;
    this.#forget();
    return await taken;
  }

  /** Ends it unless somebody takes it within this time. */
  expire(waitsMsMax: number): void {
    if (this.#starting === null) return;
    const timer = setTimeout(() => void this.end(), waitsMsMax);
    timer.unref();
    this.#wait(timer);
  }

  /** Resolves when it has ended. */
  async end(): Promise<void> {
    await (await this.take())?.end();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.end();
  }

  #start(limits: Limits | null): Promise<HelperProcess | null> {
    const mine = (): boolean => this.#starting === starting;
    const starting: Promise<HelperProcess | null> = HelperProcess.start(this.#options, { inspect: false }).then(
      (helper) => {
        // One that died while it stood is not missed: the next run starts its own.
        helper.stand(limits, () => mine() && this.#forget());
        return helper;
      },
      (error: unknown) => {
        // The run that wants it meets the same, and says so to the owner.
        this.#options.log.warn({ err: error }, 'no sandbox helper could be made ready');
        return null;
      },
    );
    return starting;
  }

  #forget(): void {
    this.#starting = null;
    this.#wait(null);
  }

  #wait(timer: NodeJS.Timeout | null): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = timer;
  }
}
