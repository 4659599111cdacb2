export interface Passes {
  /** Runs a pass now, or one more after the one that runs. */
  readonly nudge: () => void;
  /** Resolves when nothing runs. */
  readonly idle: () => Promise<void>;
  /** No pass begins any more; resolves when the running one has ended, which `signal` asks it to do soon. */
  readonly stop: () => Promise<void>;
}

interface Options {
  /** Calls `run` on a timer; what it gives back ends the timer. */
  readonly every: (run: () => void) => () => void;
  /** Looks at everything, whatever the reason was (STYLE rule 8). What it throws is a bug of ours. */
  readonly pass: (signal: AbortSignal) => Promise<void>;
  readonly crash: (error: unknown) => void;
}

/** A reconciler's rhythm: on a timer and on a nudge, one pass at a time, and no nudge is lost. */
export function passes({ every, pass, crash }: Options): Passes {
  const abort = new AbortController();
  let running: Promise<void> | null = null;
  let isWantedAgain = false;
  const runAll = async (): Promise<void> => {
    do {
      isWantedAgain = false;
      await pass(abort.signal);
    } while (isWantedAgain && !abort.signal.aborted);
  };
  const nudge = (): void => {
    isWantedAgain = true;
    if (abort.signal.aborted) return;
    running ??= runAll()
      .catch(crash)
      .finally(() => (running = null));
  };
  const settle = async (): Promise<void> => {
    const last = running;
    if (last === null) return;
    await last;
    await settle();
  };
  const stopTimer = every(nudge);
  return {
    nudge,
    idle: settle,
    stop: async () => {
      stopTimer();
      abort.abort();
      await running;
    },
  };
}
