import { render } from 'preact';
import { App } from './app.tsx';
import { hearKeys } from './keys.ts';
import { followLinks } from './router.ts';
import { begin } from './store.ts';
import { applyTheme } from './theme.ts';
import { followKeyboard } from './viewport.ts';

applyTheme();
followKeyboard();
followLinks();
hearKeys();
begin();
// Not needed for the first painting.
void import('./outbox-sender.ts').then(({ beginOutbox }) => beginOutbox());
const root = document.querySelector('#app');
if (root) render(<App />, root);
