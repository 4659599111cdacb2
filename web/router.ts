import { useChanges } from './changes.ts';

/** Where the page is: the path and its query. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** The named parts of `path`, or null when `pattern` is another page. "/jobs/:id" on "/jobs/job_1" gives { id: "job_1" }. */
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/');
  const found = path.replace(/(.)\/$/, '$1').split('/');
  if (wanted.length !== found.length) return null;
  const parts: Record<string, string> = {};
  for (const [index, want] of wanted.entries()) {
    const part = found[index] ?? '';
    if (want.startsWith(':') && part !== '') parts[want.slice(1)] = decodePart(part);
    else if (want !== part) return null;
  }
  return parts;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    // A stray "%" is not an encoding: it is shown as it was typed.
    if (error instanceof URIError) return part;
    throw error;
  }
}

/** Whether a click on a link is ours to follow, or the browser's (new tab, download, another site, the API). */
export function isInside(link: { href: string; target: string; download: string }, origin: string): boolean {
  const url = new URL(link.href, origin);
  return url.origin === origin && link.target === '' && link.download === '' && !url.pathname.startsWith('/api/');
}

const listeners = new Set<() => void>();

/** Goes to a page of ours. `replace` leaves no entry in the history. */
export function navigate(to: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'replace') history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  for (const listener of listeners) listener();
}

export function here(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

/** The place, and a new rendering whenever it changes. */
export function usePlace(): Place {
  useChanges(listeners, () => location.href);
  return here();
}

/** Makes ordinary links move between pages without loading anew. */
export function followLinks(): void {
  addEventListener('popstate', () => {
    for (const listener of listeners) listener();
  });
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || !link.hasAttribute('href') || !isInside(link, location.origin)) return;
    if (link.hash !== '' && link.pathname === location.pathname) return;
    event.preventDefault();
    navigate(link.pathname + link.search + link.hash);
  });
}
