import { navigate } from './router.ts';

const pages: Record<string, string> = {
  c: '/',
  p: '/proposals',
  j: '/jobs',
  b: '/budget',
  h: '/helper',
  a: '/audit',
  r: '/repositories',
  s: '/settings',
};

const listeners = new Set<(key: string) => void>();
const settingName = 'patchgit.keys';
let leading = false;

/** Single letters can be turned off (WCAG 2.1.4): someone who speaks to the computer types them by accident. */
export function keysOn(): boolean {
  return localStorage.getItem(settingName) !== 'off';
}

export function setKeys(on: boolean): void {
  if (on) localStorage.removeItem(settingName);
  else localStorage.setItem(settingName, 'off');
}

/** Hears single keys that were not typed into a field. No key ever triggers GO, spending or a discard. */
export function onKey(listener: (key: string) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export function hearKeys(): void {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !keysOn()) return;
    const at = event.target instanceof Element ? event.target : null;
    if (at?.closest('input, textarea, select, [contenteditable], dialog')) return;
    const page = leading ? pages[event.key] : undefined;
    leading = event.key === 'g' && !leading;
    if (page !== undefined) {
      event.preventDefault();
      navigate(page);
    } else if (!leading) {
      if (event.key === '/') event.preventDefault();
      for (const listener of listeners) listener(event.key);
    }
  });
}
