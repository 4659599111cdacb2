import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Problem } from '#contract/problem.ts';
import { maskTokens } from '#contract/token-shapes.ts';
import { Refusal, sentenceFor } from '../api.ts';
import { clock, dayText, when } from '../format.ts';
import { stretches } from '../invisible.ts';
import { serverNow } from '../store.ts';

/** Text that others wrote: characters that would not be seen are marked, and nothing in it is ever markup. */
export function Text({ value }: { readonly value: string }) {
  const parts = stretches(value);
  if (parts.length === 1 && !parts[0]?.hidden) return <>{value}</>;
  return (
    <>
      {parts.map((part, index) =>
        part.hidden ? (
          <span key={index} class="hidden-char">
            {part.text}
          </span>
        ) : (
          part.text
        ),
      )}
    </>
  );
}

/** A path as people may see it: it may be shaped like a token, and is masked as one in a line is. */
export function PathText({ value }: { readonly value: string }) {
  return <Text value={maskTokens(value)} />;
}

/** A moment: short in the line, exact on hover and for machines. */
export function Time({ atMs }: { readonly atMs: number }) {
  useTick(30_000);
  return (
    <time dateTime={new Date(atMs).toISOString()} title={`${dayText(atMs)}, ${clock(atMs)}`}>
      {when(atMs, serverNow())}
    </time>
  );
}

/** Draws anew every `everyMs`, for ages and elapsed times. Null stops it. */
export function useTick(everyMs: number | null): void {
  const [, render] = useState(0);
  useEffect(() => {
    if (everyMs === null) return undefined;
    const timer = setInterval(() => render((n) => n + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
}

export interface Acting {
  readonly busy: boolean;
  readonly said: string | null;
  readonly problem: Problem | null;
  readonly act: (work: () => Promise<void>) => void;
  readonly say: (sentence: string | null) => void;
}

/** Runs one command of the owner at a time and keeps what to say when it is refused or gets no answer. */
export function useAct(): Acting {
  const [busy, setBusy] = useState(false);
  const [said, say] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const running = useRef(false);
  const act = (work: () => Promise<void>): void => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    say(null);
    setProblem(null);
    void work()
      .catch((error: unknown) => {
        say(sentenceFor(error));
        setProblem(error instanceof Refusal ? error.problem : null);
      })
      .finally(() => {
        running.current = false;
        setBusy(false);
      });
  };
  return { busy, said, problem, act, say };
}

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onPress: () => void;
  readonly kind?: 'plain' | 'primary' | 'go' | 'stop' | 'text';
  readonly enabled?: boolean;
  readonly describedBy?: string | undefined;
  readonly class?: string;
}

/** A button that stays reachable when it cannot be pressed, so that a screen reader finds the reason. */
export function Button({
  children,
  onPress,
  kind = 'plain',
  enabled = true,
  describedBy,
  class: extra = '',
}: ButtonProps) {
  return (
    <button
      type="button"
      class={`button ${kind} ${extra}`}
      aria-disabled={enabled ? undefined : 'true'}
      aria-describedby={describedBy}
      onClick={() => {
        if (enabled) onPress();
      }}
    >
      {children}
    </button>
  );
}

export function Submit({
  children,
  busy,
  kind = 'primary',
}: {
  readonly children: ComponentChildren;
  readonly busy: boolean;
  readonly kind?: string;
}) {
  return (
    <button type="submit" class={`button ${kind}`} aria-disabled={busy ? 'true' : undefined}>
      {children}
    </button>
  );
}

/** What went wrong, read out at once. Stays empty in the page until there is something to say. */
export function Alert({ children }: { readonly children: ComponentChildren }) {
  return (
    <div role="alert" class="alert-slot">
      {children ? <p class="alert">{children}</p> : null}
    </div>
  );
}

/** Where in a patch it went wrong: "src/app.ts, hunk 2, line 41 of what you pasted". */
export function whereText(problem: Problem): string {
  const parts = [
    problem.file,
    problem.hunk === undefined ? undefined : `hunk ${problem.hunk}`,
    problem.line === undefined ? undefined : `line ${problem.line} of what you pasted`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

export function ProblemNote({ problem }: { readonly problem: Problem }) {
  const where = whereText(problem);
  return (
    <div class="problem">
      <p>
        <Text value={problem.message} />
      </p>
      {where ? (
        <p class="where">
          <PathText value={where} />
        </p>
      ) : null}
    </div>
  );
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** A labelled part of a page. The label is its name for screen readers. */
export function Section(props: {
  readonly id: string;
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly class?: string;
}) {
  return (
    <section class={`section ${props.class ?? ''}`} aria-labelledby={`${props.id}-title`} id={props.id}>
      <div class="section-head">
        <h2 id={`${props.id}-title`}>{props.title}</h2>
        {props.aside ? <div class="section-aside">{props.aside}</div> : null}
      </div>
      {props.children}
    </section>
  );
}

/** A sheet from below on a phone, a small window on a desktop. Esc and the browser's back close it. */
export function Sheet(props: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby="sheet-title" onClose={props.onClose}>
      <h2 id="sheet-title">{props.title}</h2>
      {props.children}
    </dialog>
  );
}

/** While something is read for the first time; says so only when it takes long enough to notice. */
export function Loading({ error, what }: { readonly error: unknown; readonly what: string }) {
  if (error !== null) return <Alert>{sentenceFor(error)}</Alert>;
  return (
    <p class="loading" aria-live="polite">
      Reading {what}…
    </p>
  );
}

/** Copies text; where the browser forbids it, says how. */
export function Copy({ text, label }: { readonly text: string; readonly label: string }) {
  const [done, setDone] = useState('');
  const copy = (): void => {
    const clipboard = navigator.clipboard as Clipboard | undefined;
    if (!clipboard) {
      setDone('This browser forbids it here. Select the text and copy it.');
      return;
    }
    void clipboard.writeText(text).then(
      () => setDone('Copied'),
      () => setDone('This browser forbids it here. Select the text and copy it.'),
    );
  };
  return (
    <span class="copy">
      <Button onPress={copy}>{label}</Button>
      <span role="status" class="copy-said">
        {done}
      </span>
    </span>
  );
}
