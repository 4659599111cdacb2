import { render } from 'preact';
import { App } from './app.tsx';
import { hearKeys } from './keys.ts';
import { beginOutbox } from './outbox-sender.ts';
import { followLinks } from './router.ts';
import { begin } from './store.ts';
import { applyTheme } from './theme.ts';

applyTheme();
followLinks();
hearKeys();
beginOutbox();
begin();
const root = document.querySelector('#app');
if (root) render(<App />, root);
