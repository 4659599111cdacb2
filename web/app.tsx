import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { onKey } from './keys.ts';
import { lazy } from './lazy.tsx';
import { Button } from './parts/bits.tsx';
import { Icon } from './parts/icons.tsx';
import { Page } from './parts/page.tsx';
import { mainItems, moreItem, moreItems } from './nav.ts';
import type { NavItem } from './nav.ts';
import { matchPath, navigate, usePlace } from './router.ts';
import type { Place } from './router.ts';
import { askDoor, useView } from './store.ts';

const Door = lazy(async () => (await import('./pages/door.tsx')).Door, ' ');
const KeysHelp = lazy(async () => (await import('./parts/keys-help.tsx')).KeysHelp, '');
const More = lazy(async () => (await import('./pages/more.tsx')).MorePage, ' ');
const Chat = lazy(async () => (await import('./pages/chat.tsx')).ChatPage, ' ');
const Proposals = lazy(async () => (await import('./pages/proposals.tsx')).ProposalsPage, ' ');
const Proposal = lazy(async () => (await import('./pages/proposal.tsx')).ProposalPage, ' ');
const ProposalDiff = lazy(async () => (await import('./pages/proposal-diff.tsx')).ProposalDiffPage, ' ');
const Pull = lazy(async () => (await import('./pages/pull.tsx')).PullPage, ' ');
const Jobs = lazy(async () => (await import('./pages/jobs.tsx')).JobsPage, ' ');
const Job = lazy(async () => (await import('./pages/job.tsx')).JobPage, ' ');
const Budget = lazy(async () => (await import('./pages/budget.tsx')).BudgetPage, ' ');
const Helper = lazy(async () => (await import('./pages/helper.tsx')).HelperPage, ' ');
const Audit = lazy(async () => (await import('./pages/audit.tsx')).AuditPage, ' ');
const Repositories = lazy(async () => (await import('./pages/repositories.tsx')).RepositoriesPage, ' ');
const Settings = lazy(async () => (await import('./pages/settings.tsx')).SettingsPage, ' ');

/** The door until it is open; then the pages. A door that closes later covers the page and keeps it as it was. */
export function App() {
  const { hello, state } = useView();
  const place = usePlace();
  const token = place.path === '/enrol' && location.hash.length > 1 ? decodeURIComponent(location.hash.slice(1)) : null;
  const open = hello?.door === 'open' && token === null;
  useEffect(() => {
    if (open && (place.path === '/unlock' || place.path === '/enrol')) navigate('/', 'replace');
  }, [open, place.path]);
  if (!hello || (open && !state)) return <Opening />;
  if (!state) return <Door token={token} />;
  return (
    <>
      <Shell place={place} />
      {open ? null : <Cover token={token} />}
    </>
  );
}

function Opening() {
  const { unreachable } = useView();
  return unreachable ? (
    <main class="door">
      <div class="door-sheet">
        <h1>Cannot reach the server</h1>
        <p>The page is loaded, but patchgit does not answer. Nothing you sent is lost.</p>
        <Button kind="primary" onPress={() => void askDoor()}>
          Try again
        </Button>
      </div>
    </main>
  ) : (
    <p class="loading opening">Opening…</p>
  );
}

function Cover({ token }: { readonly token: string | null }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before the form's own effects: what they focus must be showing by then.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="cover" aria-label="Locked" onCancel={(event) => event.preventDefault()}>
      <Door token={token} />
    </dialog>
  );
}

function Shell({ place }: { readonly place: Place }) {
  const [help, setHelp] = useState(false);
  useEffect(
    () =>
      onKey((key) => {
        if (key === '?') setHelp(true);
      }),
    [],
  );
  return (
    <div class={`shell ${hidesNav(place.path) ? 'no-tabs' : ''}`}>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Nav path={place.path} />
      <Route place={place} />
      {help ? <KeysHelp onClose={() => setHelp(false)} /> : null}
    </div>
  );
}

/** Where there is a decision to take, the bar with it has the bottom of the phone to itself (notes 3.2). */
function hidesNav(path: string): boolean {
  return matchPath('/proposals/:id', path) !== null || matchPath('/proposals/:id/diff', path) !== null;
}

function Nav({ path }: { readonly path: string }) {
  const { state } = useView();
  const waiting = state?.proposals.filter((proposal) => proposal.state === 'open').length ?? 0;
  const running = state?.lock.holder !== null && state?.lock.holder !== undefined;
  const under = (item: NavItem): boolean => (item.href === '/' ? path === '/' : path.startsWith(item.href));
  const inMore = moreItems.some((item) => under(item)) || path === moreItem.href;
  const link = (item: NavItem, extra: string, here: boolean) => (
    <li key={item.href} class={extra}>
      <a href={item.href} aria-current={here ? 'page' : undefined}>
        <Icon name={item.icon} />
        <span>{item.label}</span>
        {item.href === '/proposals' && waiting > 0 ? (
          <span class="badge num">
            {waiting}
            <span class="sr"> waiting for you</span>
          </span>
        ) : null}
        {item.href === '/jobs' && running ? (
          <span class="running-dot">
            <span class="sr">a job is running</span>
          </span>
        ) : null}
      </a>
    </li>
  );
  return (
    <nav class="nav" aria-label="Pages">
      <p class="brand">
        <img src="/icon.svg" alt="" width="24" height="24" /> patchgit
      </p>
      <ul>
        {mainItems.map((item) =>
          link(item, '', under(item) || (item.href === '/proposals' && path.startsWith('/pulls/'))),
        )}
        {moreItems.map((item) => link(item, 'wide-only', under(item)))}
        {link(moreItem, 'narrow-only', inMore)}
      </ul>
    </nav>
  );
}

function Route({ place: { path, query } }: { readonly place: Place }) {
  const proposal = matchPath('/proposals/:id', path);
  const diff = matchPath('/proposals/:id/diff', path);
  const pull = matchPath('/pulls/:repository/:number', path);
  const job = matchPath('/jobs/:id', path);
  if (diff?.['id']) return <ProposalDiff id={diff['id']} file={Number(query.get('f') ?? 0) || 0} />;
  if (proposal?.['id']) return <Proposal id={proposal['id']} />;
  if (pull?.['repository']) return <Pull repository={pull['repository']} number={pull['number'] ?? ''} />;
  if (job?.['id']) return <Job id={job['id']} />;
  switch (path) {
    case '/':
    case '/unlock':
    case '/enrol':
      return <Chat thread={query.get('thread')} />;
    case '/proposals':
      return <Proposals pasting={query.has('paste')} />;
    case '/jobs':
      return <Jobs />;
    case '/budget':
      return <Budget />;
    case '/helper':
      return <Helper />;
    case '/audit':
      return <Audit job={query.get('job')} subject={query.get('subject')} />;
    case '/repositories':
      return <Repositories />;
    case '/settings':
      return <Settings />;
    case '/more':
      return <More />;
    default:
      return (
        <Page title="No such page">
          <p>
            Nothing is at <code>{path}</code>. <a href="/">Go to the chat</a>
          </p>
        </Page>
      );
  }
}
