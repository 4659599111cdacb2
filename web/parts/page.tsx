import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { clock } from '../format.ts';
import { useView } from '../store.ts';
import type { View } from '../store.ts';
import { HelperMeter } from './helper-meter.tsx';
import { Icon } from './icons.tsx';

interface PageProps {
  readonly title: string;
  readonly back?: { readonly href: string; readonly label: string };
  readonly actions?: ComponentChildren;
  readonly class?: string;
  readonly foot?: ComponentChildren;
  readonly children: ComponentChildren;
}

let firstPage = true;

/** One page: a bar with the way back and the state of the link, a heading, the content, and what stays at the bottom. */
export function Page({ title, back, actions, class: extra = '', foot, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · patchgit`;
  }, [title]);
  useEffect(() => {
    // After a navigation the reader starts at the heading; on the first load the browser's own start is right.
    if (!firstPage) heading.current?.focus({ preventScroll: true });
    firstPage = false;
  }, []);
  const h1 = (
    <h1 tabIndex={-1} ref={heading}>
      {title}
    </h1>
  );
  return (
    <main class={`page ${extra}`} id="main">
      <header class="head">
        {back ? (
          <a class="back" href={back.href}>
            <Icon name="back" />
            {back.label}
          </a>
        ) : (
          h1
        )}
        <div class="head-end">
          {actions}
          <Chip />
        </div>
        <HelperMeter />
      </header>
      <div class="body">
        {back ? h1 : null}
        {children}
      </div>
      {foot}
    </main>
  );
}

/** The words for the link: what the owner may believe of this page now. */
export function chipText(view: Pick<View, 'link' | 'asOfMs' | 'newBuild'>, patient: boolean): string {
  const asOf = view.asOfMs === null ? '' : clock(view.asOfMs);
  if (view.newBuild) return '↻ Updated, reload';
  if (view.link === 'live' || patient) return '● Live';
  if (view.link === 'polling') return '● Live (polling)';
  if (view.link === 'offline') return asOf ? `○ Offline, data as of ${asOf}` : '○ Offline';
  return asOf && view.link === 'reconnecting' ? `◌ Reconnecting… data as of ${asOf}` : '◌ Connecting…';
}

/** A break shorter than two seconds is not worth a flicker; a longer one is said, with the age of what is shown. */
const patienceMs = 2_000;

export function Chip() {
  const view = useView();
  const patient = usePatience(view);
  const text = chipText(view, patient);
  const kind = view.newBuild ? 'updated' : patient ? 'live' : view.link;
  return (
    <div role="status" class={`chip ${kind}`}>
      {view.newBuild ? (
        <button type="button" onClick={() => location.reload()}>
          {text}
        </button>
      ) : (
        text
      )}
    </div>
  );
}

function usePatience(view: View): boolean {
  const [, render] = useState(0);
  const waiting = view.link === 'reconnecting' && Date.now() - view.linkSinceMs < patienceMs;
  useEffect(() => {
    if (!waiting) return undefined;
    const timer = setTimeout(() => render((n) => n + 1), patienceMs);
    return () => clearTimeout(timer);
  }, [view.link, view.linkSinceMs]);
  return waiting;
}

/** Whether figures are current, for those that must not be believed otherwise. */
export function isCurrent(view: View): boolean {
  return view.link === 'live' || view.link === 'polling';
}
