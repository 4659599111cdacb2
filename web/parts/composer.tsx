import { useEffect, useRef, useState } from 'preact/hooks';
import { diffOfFile, diffOfText, titleOf, toBase64 } from '../bytes.ts';
import type { Diff } from '../bytes.ts';
import { looksLikeDiff } from '../diff.ts';
import { bytesText } from '../format.ts';
import { onKey } from '../keys.ts';
import { patchBytesMax, threadTitleMax } from '../limits.ts';
import { send } from '../outbox-sender.ts';
import { navigate } from '../router.ts';
import { useView } from '../store.ts';
import { Alert } from './bits.tsx';
import { Icon } from './icons.tsx';

const repositoryName = 'patchgit.repository';

/** Where the owner writes. A pasted diff becomes an attachment, byte for byte. */
export function Composer({ threadId }: { readonly threadId: string | null }) {
  const [text, setText] = useDraft(threadId);
  const [diff, setDiff] = useState<Diff | null>(null);
  const [said, say] = useState<string | null>(null);
  const { repository, choose, names } = useRepository();
  const attach = (next: Diff): void => {
    say(tooLarge(next));
    if (tooLarge(next) === null) setDiff(next);
  };
  const submit = (): void => {
    if (text.trim() === '' && !diff) return;
    // Not every keyboard tells the page that it pasted: a diff in the field is sent as its bytes all the same.
    const written = !diff && looksLikeDiff(text);
    const sent = written ? diffOfText(text) : diff;
    const refusal = sent && !repository ? 'Choose the repository this diff is for.' : sent && tooLarge(sent);
    if (refusal) {
      say(refusal);
      return;
    }
    const to = post(threadId, written ? '' : text, sent, repository);
    setText('');
    setDiff(null);
    say(null);
    if (to !== threadId) navigate(`/?thread=${to}`, 'replace');
  };
  return (
    <form
      class="composer"
      aria-label="New message"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Alert>{said}</Alert>
      {diff ? <Attached diff={diff} onRemove={() => setDiff(null)} /> : null}
      <Words text={text} setText={setText} attach={attach} submit={submit} />
      <div class="composer-row">
        <label class="composer-repository">
          <span class="sr">Repository</span>
          <select value={repository} onChange={(event) => choose(event.currentTarget.value)}>
            <option value="">No repository</option>
            {names.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <AttachFile onFile={attach} label="Diff" hint="Attach " />
        <button type="submit" class="button primary send">
          Send
        </button>
      </div>
    </form>
  );
}

/** What is being written survives a reload and a change of page, per thread and device. */
function useDraft(threadId: string | null): [string, (text: string) => void] {
  const name = `patchgit.draft.${threadId ?? 'new'}`;
  const [text, setText] = useState(() => localStorage.getItem(name) ?? '');
  const write = (next: string): void => {
    // At once and not after the next painting: the page may be gone by then.
    if (next === '') localStorage.removeItem(name);
    else localStorage.setItem(name, next);
    setText(next);
  };
  return [text, write];
}

/** Why a diff cannot be sent, or null. The server would refuse it after the upload; the page can say so before. */
export function tooLarge(diff: Diff): string | null {
  const { length } = diff.bytes;
  if (length <= patchBytesMax) return null;
  return `${diff.name} is ${bytesText(length)}. patchgit reads diffs of up to ${bytesText(patchBytesMax)}.`;
}

interface WordsProps {
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly attach: (diff: Diff) => void;
  readonly submit: () => void;
}

function Words({ text, setText, attach, submit }: WordsProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => grow(field.current), [text]);
  useEffect(
    () =>
      onKey((key) => {
        if (key === '/') field.current?.focus();
      }),
    [],
  );
  return (
    <textarea
      ref={field}
      rows={1}
      value={text}
      aria-label="Describe a change"
      placeholder="Describe a change, or paste a diff"
      onInput={(event) => setText(event.currentTarget.value)}
      onPaste={(event) => {
        const pasted = event.clipboardData?.getData('text/plain') ?? '';
        if (!looksLikeDiff(pasted)) return;
        event.preventDefault();
        attach(diffOfText(pasted));
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit();
      }}
    />
  );
}

function post(threadId: string | null, text: string, diff: Diff | null, repository: string): string {
  const to = threadId ?? crypto.randomUUID();
  const words = text.trim();
  const guess = words === '' && diff ? titleOf(new TextDecoder().decode(diff.bytes.subarray(0, 4000))) : words;
  send({
    id: crypto.randomUUID(),
    threadId: to,
    newThreadTitle: threadId === null ? (guess.split('\n')[0] ?? '').slice(0, threadTitleMax) || 'A diff' : null,
    text: words,
    repository: repository || null,
    patchBase64: diff ? toBase64(diff.bytes) : null,
    patchBytes: diff ? diff.bytes.length : null,
    retryOf: null,
    createdAtMs: Date.now(),
    delivery: 'sending',
    sentAgain: false,
    problem: null,
  });
  return to;
}

function Attached({ diff, onRemove }: { readonly diff: Diff; readonly onRemove: () => void }) {
  return (
    <p class="attachment">
      <Icon name="attach" />
      <span>
        {diff.name}, <span class="num">{bytesText(diff.bytes.length)}</span>
      </span>
      <button type="button" class="button text" onClick={onRemove}>
        Remove
      </button>
    </p>
  );
}

export function AttachFile(props: {
  readonly onFile: (diff: Diff) => void;
  readonly label: string;
  /** Said to screen readers before the label, where there is no room to write it. */
  readonly hint?: string;
}) {
  const { onFile, label, hint } = props;
  return (
    <label class="button attach">
      <Icon name="attach" />
      <span>
        {hint ? <span class="sr">{hint}</span> : null}
        {label}
      </span>
      <input
        type="file"
        class="sr"
        accept=".diff,.patch,.txt,text/*"
        onChange={(event) => {
          const input = event.currentTarget;
          const file = input.files?.[0];
          if (file) void diffOfFile(file).then(onFile);
          // The same file can be chosen again after a correction.
          input.value = '';
        }}
      />
    </label>
  );
}

/** The repository that was chosen last on this device, while it still exists; the only one, when there is only one. */
export function useRepository(): { repository: string; choose: (name: string) => void; names: readonly string[] } {
  const { state } = useView();
  const names = (state?.repositories ?? []).map((repository) => repository.name);
  const [chosen, setChosen] = useState(() => localStorage.getItem(repositoryName));
  const fallback = names.length === 1 ? (names[0] ?? '') : '';
  return {
    names,
    repository: chosen === '' || (chosen !== null && names.includes(chosen)) ? chosen : fallback,
    choose: (name) => {
      localStorage.setItem(repositoryName, name);
      setChosen(name);
    },
  };
}

/** As tall as its text, up to a third of the screen. */
function grow(field: HTMLTextAreaElement | null): void {
  if (!field) return;
  field.rows = 1;
  const lineHeight = Number.parseFloat(getComputedStyle(field).lineHeight) || 24;
  field.rows = Math.max(1, Math.min(10, Math.round((field.scrollHeight - 20) / lineHeight)));
}
