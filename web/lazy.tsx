import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Button } from './parts/bits.tsx';

/** A part that is fetched when it is first shown. When its file is gone, patchgit was updated in the meantime. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>, waiting: string): ComponentType<P> {
  let Loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [, render] = useState(0);
    const [gone, setGone] = useState(false);
    useEffect(() => {
      if (Loaded) return;
      const open = async (): Promise<void> => {
        Loaded = await load();
        render((n) => n + 1);
      };
      void open().catch(() => setGone(true));
    }, []);
    if (Loaded) return <Loaded {...props} />;
    if (!gone) return waiting ? <p class="loading">{waiting}</p> : null;
    return (
      <div class="notice">
        <p>This part could not be loaded: patchgit was updated, or cannot be reached.</p>
        <Button onPress={() => location.reload()}>Reload</Button>
      </div>
    );
  };
}
