import { useEffect, useState } from 'preact/hooks';

/**
 * Draws again whenever `listeners` are told. What changed between the drawing and the subscription is caught too: the
 * first answer of a server on the same machine is faster than the browser's first painting.
 */
export function useChanges(listeners: Set<() => void>, read: () => unknown): void {
  const [, render] = useState(0);
  const drawn = read();
  useEffect(() => {
    const listener = (): void => render((n) => n + 1);
    listeners.add(listener);
    if (read() !== drawn) listener();
    return () => void listeners.delete(listener);
  }, [listeners]);
}
