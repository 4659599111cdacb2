import type { State } from '#contract/api.ts';
import type { Hello } from '#contract/door.ts';
import type { LedgerEntry } from '#contract/ledger.ts';
import type { Problem } from '#contract/problem.ts';
import { call, NoAnswer, Refusal, watchCalls } from './api.ts';
import { useChanges } from './changes.ts';
import { Link } from './link.ts';
import type { LinkStatus } from './link.ts';
import { addOutput } from './output.ts';
import { concern, concernAll, forgetAll } from './resource.ts';

/** All that the shell shows. Replaced as a whole, never changed in place. */
export interface View {
  readonly hello: Hello | null;
  /** No answer to the very first question. */
  readonly unreachable: boolean;
  readonly state: State | null;
  readonly link: LinkStatus;
  readonly linkSinceMs: number;
  /** Server time up to which the page knows everything. */
  readonly asOfMs: number | null;
  readonly newBuild: boolean;
  /** Server clock minus this device's. */
  readonly offsetMs: number;
}

let view: View = {
  hello: null,
  unreachable: false,
  state: null,
  link: 'connecting',
  linkSinceMs: Date.now(),
  asOfMs: null,
  newBuild: false,
  offsetMs: 0,
};
const listeners = new Set<() => void>();
const entryListeners = new Set<(entries: readonly LedgerEntry[]) => void>();
const liveListeners = new Set<() => void>();
let firstBuild: string | null = null;
let started = false;
let opened: { promise: Promise<void>; resolve: () => void } | null = null;

export function current(): View {
  return view;
}

function set(change: Partial<View>): void {
  view = { ...view, ...change };
  for (const listener of listeners) listener();
}

export function useView(): View {
  useChanges(listeners, () => view);
  return view;
}

/** Now, by the server's clock: ages are compared with what the server wrote. */
export function serverNow(): number {
  return Date.now() + view.offsetMs;
}

/** Ledger entries as they come, for a page that shows the ledger itself. */
export function onEntries(listener: (entries: readonly LedgerEntry[]) => void): () => void {
  entryListeners.add(listener);
  return () => void entryListeners.delete(listener);
}

/** Called each time the page is (again) in touch with the server. */
export function onLive(listener: () => void): () => void {
  liveListeners.add(listener);
  return () => void liveListeners.delete(listener);
}

const link = new Link(
  {
    open: (path, events) => {
      const socket = new WebSocket(path.replace(/^/, location.origin.replace(/^http/, 'ws')));
      socket.onmessage = (event) => events.onText(String(event.data));
      socket.onclose = events.onClose;
      return { close: () => socket.close() };
    },
    nowMs: () => Date.now(),
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
    online: () => navigator.onLine,
    visible: () => document.visibilityState === 'visible',
  },
  {
    onStatus: (status, sinceMs) => {
      set({ link: status, linkSinceMs: sinceMs });
      if (status === 'live' || status === 'polling') for (const listener of liveListeners) listener();
    },
    onHello: (hello) => noticeBuild(hello.build, hello.serverTimeMs),
    onHeard: (serverTimeMs) => {
      if (serverTimeMs !== null) set({ asOfMs: serverTimeMs, offsetMs: serverTimeMs - Date.now() });
    },
    onEntries: (entries) => {
      for (const listener of entryListeners) listener(entries);
      concern(entries);
      readStateSoon();
    },
    onOutput: (frame) => addOutput(frame),
    onResync: () => {
      started = false;
      void start();
    },
    onRefused: () => void askDoor(),
    poll: async () => {
      const state = await readState();
      if (state) concernAll();
      return state !== null;
    },
  },
);

function noticeBuild(build: string, serverTimeMs: number): void {
  firstBuild ??= build;
  set({ newBuild: build !== firstBuild, offsetMs: serverTimeMs - Date.now() });
}

let stateTimer: ReturnType<typeof setTimeout> | null = null;
let stateReading = false;
let stateAgain = false;

/** Reads the snapshot once for a burst of entries. */
export function readStateSoon(): void {
  if (stateReading) stateAgain = true;
  else stateTimer ??= setTimeout(() => void readState(), 120);
}

async function readState(): Promise<State | null> {
  if (stateTimer !== null) clearTimeout(stateTimer);
  stateTimer = null;
  stateReading = true;
  try {
    const state = await call<State>('GET', '/api/state');
    set({ state, asOfMs: state.serverTimeMs, unreachable: false });
    noticeBuild(state.build, state.serverTimeMs);
    return state;
  } catch (error) {
    if (error instanceof NoAnswer || error instanceof Refusal) return null;
    throw error;
  } finally {
    stateReading = false;
    if (stateAgain) {
      stateAgain = false;
      readStateSoon();
    }
  }
}

/** Asks which door to show. Called at the start, and whenever the socket or a call was refused. */
export async function askDoor(): Promise<void> {
  try {
    enter(await call<Hello>('GET', '/api/hello', undefined, { atTheDoor: true, wallMs: 8_000 }));
  } catch (error) {
    if (!(error instanceof NoAnswer || error instanceof Refusal)) throw error;
    if (view.hello === null) set({ unreachable: true });
  }
}

/** Takes the server's word on the door: opens the stream when it is open, keeps everything in place when it is not. */
export function enter(hello: Hello): void {
  noticeBuild(hello.build, hello.serverTimeMs);
  set({ hello, unreachable: false });
  if (hello.door !== 'open') {
    link.stop();
    started = false;
    return;
  }
  opened?.resolve();
  opened = null;
  if (!started) void start();
}

async function start(): Promise<void> {
  started = true;
  const state = await readState();
  if (!state) {
    started = false;
    if (view.state === null) set({ unreachable: true });
    return;
  }
  if (view.hello?.door !== 'open') return;
  // A page that was locked in between catches up by reading again what it shows.
  concernAll();
  link.start(state.seq, state.installId);
}

/** The owner locks this device: nothing stays in the page. */
export async function lock(): Promise<void> {
  const hello = await call<Hello>('POST', '/api/lock', undefined, { atTheDoor: true });
  link.stop();
  forgetAll();
  set({ state: null, asOfMs: null });
  enter(hello);
}

function whenUnlocked(problem: Problem): Promise<void> {
  const door = problem.code === 'device_unknown' ? 'unknown_device' : 'locked';
  if (view.hello) set({ hello: { ...view.hello, door } });
  started = false;
  link.stop();
  if (!opened) {
    const made = Promise.withResolvers<void>();
    opened = { promise: made.promise, resolve: made.resolve };
  }
  return opened.promise;
}

/** Joins the page to the browser: its network, its visibility, its first question. */
export function begin(): void {
  watchCalls({ unlocked: whenUnlocked, unanswered: () => link.suspect() });
  addEventListener('online', () => link.nudge());
  addEventListener('offline', () => link.wentOffline());
  addEventListener('pageshow', () => link.nudge());
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') link.nudge();
  });
  void askDoor();
}
