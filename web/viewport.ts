/** A keyboard this high or higher is open when the visible part of the page shrinks by as much. */
const keyboardMinPx = 120;

/**
 * Keeps the composer above an on-screen keyboard where the browser lays the keyboard over the page (iOS ignores
 * `interactive-widget`): the shell becomes as high as what can be seen.
 */
export function followKeyboard(): void {
  const seen = window.visualViewport;
  if (!seen) return;
  const root = document.documentElement;
  seen.addEventListener('resize', () => {
    const covered = innerHeight - seen.height * seen.scale;
    if (covered < keyboardMinPx) root.style.removeProperty('--seen-height');
    else root.style.setProperty('--seen-height', `${Math.round(seen.height * seen.scale)}px`);
    // iOS scrolls the page to show the field; the shell fits already.
    if (covered >= keyboardMinPx) window.scrollTo(0, 0);
  });
}
