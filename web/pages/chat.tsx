import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Message } from '#contract/chat.ts';
import type { Job } from '#contract/job.ts';
import { Empty, Loading, Text, Time } from '../parts/bits.tsx';
import { Composer } from '../parts/composer.tsx';
import { Icon } from '../parts/icons.tsx';
import { MessageRow, PendingRow } from '../parts/message.tsx';
import { Page } from '../parts/page.tsx';
import { onArrival, useOutbox } from '../outbox-sender.ts';
import { concernsKinds, put, useResource } from '../resource.ts';
import { navigate } from '../router.ts';
import { useView } from '../store.ts';

/** The conversations, and the place to ask for a change. `/` shows the latest thread, `?thread=new` begins another. */
export function ChatPage({ thread }: { readonly thread: string | null }) {
  const { state } = useView();
  const { entries } = useOutbox();
  const threads = (state?.threads ?? []).toSorted((a, b) => lastAt(b) - lastAt(a));
  const unsent = entries.find((entry) => entry.newThreadTitle !== null);
  // What is on screen stays: a thread that is begun elsewhere must not take the place of what is being typed.
  const stays = useRef<{ readonly id: string | null } | null>(null);
  const latest = stays.current ? stays.current.id : (threads[0]?.id ?? null);
  const shown = thread === 'new' ? null : (thread ?? unsent?.threadId ?? latest);
  useEffect(() => {
    if (state) stays.current = { id: shown };
  }, [state, shown]);
  const title = threads.find((one) => one.id === shown)?.title;
  return (
    <Page
      title="Chat"
      class="chat"
      actions={
        shown ? (
          <a class="button text" href="/?thread=new">
            <Icon name="plus" />
            New thread
          </a>
        ) : null
      }
      foot={<Composer key={shown ?? 'new'} threadId={shown} />}
    >
      <div class="chat-columns">
        <Threads threads={threads} shown={shown} />
        <div class="chat-thread">
          {threads.length > 0 ? <ThreadPicker threads={threads} shown={shown} /> : null}
          {shown ? (
            <Messages key={shown} threadId={shown} title={title ?? ''} />
          ) : (
            <Blank first={threads.length === 0} />
          )}
        </div>
      </div>
    </Page>
  );
}

type ThreadRow = {
  readonly id: string;
  readonly title: string;
  readonly createdAtMs: number;
  readonly lastMessageAtMs: number | null;
};

function lastAt(thread: ThreadRow): number {
  return thread.lastMessageAtMs ?? thread.createdAtMs;
}

function Threads({ threads, shown }: { readonly threads: readonly ThreadRow[]; readonly shown: string | null }) {
  return (
    <nav class="threads" aria-label="Threads">
      <h2 class="label">Threads</h2>
      <ul>
        {threads.map((thread) => (
          <li key={thread.id}>
            <a href={`/?thread=${thread.id}`} aria-current={thread.id === shown ? 'true' : undefined}>
              <span class="thread-title">
                <Text value={thread.title} />
              </span>
              <span class="muted num">
                <Time atMs={lastAt(thread)} />
              </span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function ThreadPicker({ threads, shown }: { readonly threads: readonly ThreadRow[]; readonly shown: string | null }) {
  return (
    <label class="thread-picker">
      <span class="sr">Thread</span>
      <select value={shown ?? 'new'} onChange={(event) => navigate(`/?thread=${event.currentTarget.value}`)}>
        <option value="new">New thread</option>
        {threads.map((thread) => (
          <option key={thread.id} value={thread.id}>
            {thread.title}
          </option>
        ))}
      </select>
    </label>
  );
}

function Blank({ first }: { readonly first: boolean }) {
  const { state } = useView();
  const sample = state?.repositories[0]?.name ?? 'acme/site';
  return (
    <div class="blank">
      <Empty>Say what to change and where. Example: “In {sample}, retry uploads on 503.”</Empty>
      {first ? (
        <p>
          Or <a href="/proposals?paste">paste a diff</a>: it is proved against the repository before anything is
          published. That needs no account, no model and no money.
        </p>
      ) : null}
    </div>
  );
}

/** What one thread holds, and what it waits for. */
function Messages({ threadId, title }: { readonly threadId: string; readonly title: string }) {
  const path = `/api/threads/${threadId}/messages`;
  const { entries, kept } = useOutbox();
  const pending = entries.filter((entry) => entry.threadId === threadId);
  const unmade = pending.some((entry) => entry.newThreadTitle !== null);
  const { value, error } = useResource<{ messages: Message[] }>(
    unmade ? null : path,
    concernsKinds('message', 'job', 'proposal', 'publication', 'decision'),
  );
  const { state } = useView();
  const messages = value?.messages ?? [];
  useEffect(
    () =>
      onArrival((message) => {
        if (message.threadId !== threadId || messages.some((one) => one.id === message.id)) return;
        put(path, { messages: [...messages, message] });
      }),
    [threadId, messages],
  );
  const waiting = pending.filter((entry) => !messages.some((message) => message.id === entry.id));
  const jobs = new Map<string, Job>((state?.jobs ?? []).map((job) => [job.id, job]));
  const end = useFollow(messages.length + waiting.length, waiting.length);
  if (!value && !unmade && waiting.length === 0) return <Loading error={error} what="the thread" />;
  return (
    <>
      <h2 class="sr">{title}</h2>
      <ol class="messages" aria-label="Messages">
        {messages.map((message) => (
          <MessageRow key={message.id} message={message} job={message.jobId ? jobs.get(message.jobId) : undefined} />
        ))}
        {waiting.map((entry) => (
          <PendingRow key={entry.id} entry={entry} />
        ))}
      </ol>
      {kept ? null : (
        <p class="notice">
          What is not sent yet is too large for this browser to keep. Leave this page open until it is sent.
        </p>
      )}
      <div ref={end} />
    </>
  );
}

/** Stays at the newest message while the owner is there, and goes to their own; does not pull them from what they read. */
function useFollow(count: number, mine: number) {
  const end = useRef<HTMLDivElement>(null);
  const first = useRef(true);
  const before = useRef(mine);
  useLayoutEffect(() => {
    const page = end.current?.closest('.page');
    if (!page || count === 0) return;
    const nearEnd = page.scrollHeight - page.scrollTop - page.clientHeight < 400;
    if (first.current || nearEnd || mine > before.current) page.scrollTo(0, page.scrollHeight);
    first.current = false;
    before.current = mine;
  }, [count, mine]);
  return end;
}
