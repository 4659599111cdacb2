import { useEffect, useRef, useState } from 'preact/hooks';
import type { Decide } from '#contract/api.ts';
import type { Job } from '#contract/job.ts';
import type { Freshness, Proposal } from '#contract/proposal.ts';
import { call, NoAnswer, Refusal } from './api.ts';
import { clock } from './format.ts';
import { goButton } from './go.ts';
import type { GoButton, GoFacts } from './go.ts';
import { isCurrent } from './parts/page.tsx';
import { useAct, useTick } from './parts/bits.tsx';
import { concernsKinds, put, useResource } from './resource.ts';
import { navigate } from './router.ts';
import { onLive, serverNow, useView } from './store.ts';

const armingMs = 800;
const refreshEveryMs = 60_000;
const askAgainMs = 2_000;

export interface GoState {
  readonly error: unknown;
  /** What is on the screen. It never becomes another proposal state by itself while the owner decides (R3). */
  readonly shown: Proposal | null;
  readonly latest: Proposal | null;
  readonly freshness: Freshness | null;
  readonly button: GoButton | null;
  readonly busy: boolean;
  readonly said: string | null;
  readonly takeNew: () => void;
  readonly refresh: () => void;
  /** Reads the proposal again, and asks nobody but our own server. */
  readonly reload: () => void;
  /** `pin`: typed for this very GO, where a gate asks for it. */
  readonly press: (pin?: string) => void;
  readonly decide: (kind: 'reject' | 'revise', note: string) => void;
  readonly undo: () => void;
}

/** Everything the GO screen does, apart from drawing it. */
export function useGo(id: string): GoState {
  const path = `/api/proposals/${id}`;
  const [own, setOwn] = useState(false);
  const [phase, setPhase] = useState<GoFacts['phase']>('idle');
  const { busy, said, act, say } = useAct();
  const { latest, shown, takeNew, error, reload } = useHeld(path, own);
  const changedElsewhere = shown?.state === 'open' && latest !== null && latest.state !== 'open';
  const base = useFreshness(path, shown?.state === 'open' && !changedElsewhere);
  const freshness = newest(base.freshness, latest?.freshness ?? null);
  const button = useButton(shown, { freshness, refreshing: base.refreshing, phase, changedElsewhere });

  const send = async (verb: string, body?: Decide): Promise<void> => {
    setOwn(true);
    try {
      put(path, await call<Proposal>('POST', `${path}/${verb}`, body));
    } catch (failure) {
      // Refused: what changes from here on is somebody else's doing again.
      if (failure instanceof Refusal) setOwn(false);
      throw failure;
    }
  };
  const go = async (digest: Decide['digest'], pin: string | undefined): Promise<void> => {
    setPhase('sending');
    try {
      await send('go', { digest, ...(pin === undefined ? {} : { pin }) });
      setPhase('idle');
    } catch (failure) {
      if (failure instanceof NoAnswer) {
        setPhase('checking');
        setPhase(await findOut(path));
        return;
      }
      setPhase('idle');
      reload();
      base.ask();
      throw refusedGo(failure);
    }
  };
  const proveAgain = async (): Promise<void> => {
    const job = await call<Job>('POST', `${path}/prove-again`);
    navigate(`/jobs/${job.id}`);
  };
  const press = (pin?: string): void => {
    if (!shown || !button?.enabled) return;
    act(() => (button.action === 'prove_again' ? proveAgain() : go(shown.document.digest, pin)));
  };
  const decide = (kind: 'reject' | 'revise', note: string): void => {
    if (!shown) return;
    act(() => send(kind, { digest: shown.document.digest, ...(note ? { note } : {}) }));
  };
  const showNew = (): void => {
    takeNew();
    say(null);
    base.ask();
  };
  const undo = (): void => act(() => send('undo'));
  return {
    error,
    shown,
    latest,
    freshness,
    button,
    busy,
    said,
    takeNew: showNew,
    refresh: base.ask,
    reload,
    press,
    decide,
    undo,
  };
}

/** What is shown, apart from what is true by now: they part ways only while the owner decides. */
function useHeld(path: string, own: boolean) {
  const {
    value: latest,
    error,
    reload,
  } = useResource<Proposal>(path, concernsKinds('proposal', 'decision', 'publication', 'outcome'));
  const held = useRef<Proposal | null>(null);
  const [, render] = useState(0);
  if (latest && (held.current === null || held.current.state !== 'open' || latest.state === 'open' || own)) {
    held.current = latest;
  }
  const takeNew = (): void => {
    held.current = latest;
    render((n) => n + 1);
  };
  return { latest, shown: held.current, takeNew, error, reload };
}

function useButton(
  shown: Proposal | null,
  facts: Pick<GoFacts, 'freshness' | 'refreshing' | 'phase' | 'changedElsewhere'>,
): GoButton | null {
  const view = useView();
  useTick(15_000);
  const all: Omit<GoFacts, 'proposal' | 'armed'> = {
    ...facts,
    freshnessAgeMs: facts.freshness ? serverNow() - facts.freshness.checkedAtMs : Number.POSITIVE_INFINITY,
    current: isCurrent(view),
    since: clock(view.linkSinceMs),
    newBuild: view.newBuild,
  };
  const pressable = shown ? goButton({ ...all, proposal: shown, armed: true }) : null;
  const armed = useArmed(shown && pressable ? `${shown.document.digest}:${pressable.action}` : '');
  return shown ? goButton({ ...all, proposal: shown, armed }) : null;
}

/** A refused GO says first what did not happen. */
function refusedGo(failure: unknown): unknown {
  if (!(failure instanceof Refusal)) return failure;
  const { problem, status } = failure;
  const lead = problem.code === 'stale_digest' ? 'This changed while you were looking. ' : '';
  return new Refusal({ ...problem, message: `${lead}Nothing was published. ${problem.message}` }, status);
}

/**
 * The reply to GO was lost: asks the server until it says whether GO arrived. "Open" is believed only the second time,
 * because the request may still have been on its way at the first.
 */
async function findOut(path: string): Promise<'idle' | 'not_received'> {
  let open = 0;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, askAgainMs));
    try {
      const proposal = await call<Proposal>('GET', path, undefined, { wallMs: 8_000 });
      put(path, proposal);
      if (proposal.state !== 'open') return 'idle';
      open += 1;
      if (open >= 2) return 'not_received';
    } catch (failure) {
      // No answer yet is not an answer: keep asking, and keep the button shut.
      if (!(failure instanceof NoAnswer)) throw failure;
    }
  }
}

function newest(one: Freshness | null, other: Freshness | null): Freshness | null {
  if (!one || !other) return one ?? other;
  return one.checkedAtMs >= other.checkedAtMs ? one : other;
}

/** GO is inert for a moment after the screen opens and whenever what it stands for changes (notes 3.3, Arming). */
function useArmed(key: string): boolean {
  const [armedFor, setArmedFor] = useState('');
  useEffect(() => {
    if (key === '') return undefined;
    const timer = setTimeout(() => setArmedFor(key), armingMs);
    return () => clearTimeout(timer);
  }, [key]);
  return key !== '' && armedFor === key;
}

interface Base {
  readonly freshness: Freshness | null;
  readonly refreshing: boolean;
  readonly ask: () => void;
}

/** Has the server fetch the base: on opening, every minute while it is seen, and when the link is back. */
function useFreshness(path: string, wanted: boolean): Base {
  const [freshness, setFreshness] = useState<Freshness | null>(null);
  const [refreshing, setRefreshing] = useState(true);
  const asking = useRef(false);
  const ask = (): void => {
    if (asking.current) return;
    asking.current = true;
    setRefreshing(true);
    void askBase(path, setFreshness).finally(() => {
      asking.current = false;
      setRefreshing(false);
    });
  };
  useEffect(() => {
    if (!wanted) return undefined;
    ask();
    const whenSeen = (): void => {
      if (document.visibilityState === 'visible') ask();
    };
    const timer = setInterval(whenSeen, refreshEveryMs);
    document.addEventListener('visibilitychange', whenSeen);
    const stopListening = onLive(ask);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', whenSeen);
      stopListening();
    };
  }, [path, wanted]);
  return { freshness, refreshing, ask };
}

async function askBase(path: string, set: (freshness: Freshness | null) => void): Promise<void> {
  try {
    const proposal = await call<Proposal>('POST', `${path}/refresh`, undefined, { wallMs: 60_000 });
    set(proposal.freshness);
    put(path, proposal);
  } catch (failure) {
    if (failure instanceof Refusal) set(unknownBase(failure));
    else if (!(failure instanceof NoAnswer)) throw failure;
  }
}

function unknownBase(failure: Refusal): Freshness {
  return {
    verdict: 'unknown',
    baseNow: null,
    commitsSince: null,
    overlapping: [],
    message: failure.problem.message,
    checkedAtMs: serverNow(),
  };
}
