import { useRef, useState } from 'preact/hooks';
import type { Job } from '#contract/job.ts';
import { call } from '../api.ts';
import { diffOfFile, diffOfText, titleOf } from '../bytes.ts';
import type { Diff } from '../bytes.ts';
import { fieldsOf, typed } from '../form.ts';
import { bytesText } from '../format.ts';
import { titleMax } from '../limits.ts';
import { never, useResource } from '../resource.ts';
import { navigate } from '../router.ts';
import { useView } from '../store.ts';
import { Alert, Button, ProblemNote, Submit, useAct } from './bits.tsx';
import { AttachFile, tooLarge, useRepository } from './composer.tsx';
import { Icon } from './icons.tsx';

/** More than this would make the field itself slow: the bytes are kept, the field shows none of them. */
const shownBytesMax = 400_000;

/** A diff, where it belongs, and one button. Works without a model, a key or money. */
export function PasteForm() {
  const [diff, setDiff] = useState<Diff | null>(null);
  const [text, setText] = useState('');
  const [dragging, setDragging] = useState(false);
  const { busy, said, problem, act, say } = useAct();
  // One id per diff, so that sending again after a lost answer is the same job.
  const id = useRef(crypto.randomUUID());
  const take = (next: Diff | null, shown: string): void => {
    id.current = crypto.randomUUID();
    setText(shown);
    const refused = next ? tooLarge(next) : null;
    say(refused);
    setDiff(refused === null ? next : null);
  };
  const takeFile = async (file: File): Promise<void> => take(await diffOfFile(file), '');
  const submit = (event: SubmitEvent): void => {
    const form = fieldsOf(event);
    if (!diff || diff.bytes.length === 0) {
      say('Paste a diff or choose a file first.');
      return;
    }
    act(async () => {
      const query = new URLSearchParams({ id: id.current, repository: typed(form, 'repository') });
      const base = typed(form, 'base');
      const title = typed(form, 'title').trim();
      if (base) query.set('base', base);
      if (title) query.set('title', title);
      const job = await call<Job>('POST', `/api/jobs?${query}`, undefined, { bytes: diff.bytes, wallMs: 120_000 });
      navigate(`/jobs/${job.id}`);
    });
  };
  return (
    <form
      class={`paste card stack ${dragging ? 'dragging' : ''}`}
      aria-label="Paste a diff"
      onSubmit={submit}
      onDragOver={(event) => {
        event.preventDefault();
        setDragging(true);
      }}
      onDragLeave={() => setDragging(false)}
      onDrop={(event) => {
        event.preventDefault();
        setDragging(false);
        const file = event.dataTransfer?.files[0];
        if (file) void takeFile(file);
      }}
    >
      <h2>Paste a diff</h2>
      <p class="muted">It is proved against the repository first. Nothing is published before you press GO.</p>
      <DiffField diff={diff} text={text} take={take} />
      <Where title={diff ? titleOf(new TextDecoder().decode(diff.bytes.subarray(0, 4000))) : ''} />
      <Alert>{problem ? null : said}</Alert>
      {problem ? <ProblemNote problem={problem} /> : null}
      <Submit busy={busy}>{busy ? 'Sending…' : 'Prove this diff'}</Submit>
    </form>
  );
}

function DiffField(props: {
  readonly diff: Diff | null;
  readonly text: string;
  readonly take: (diff: Diff | null, shown: string) => void;
}) {
  const { diff, text, take } = props;
  const whole = useRef(false);
  if (diff && text === '') {
    return (
      <p class="attachment">
        <Icon name="attach" />
        <span>
          {diff.name}, <span class="num">{bytesText(diff.bytes.length)}</span>
        </span>
        <Button kind="text" onPress={() => take(null, '')}>
          Remove
        </Button>
      </p>
    );
  }
  return (
    <>
      <label class="field">
        <span>Diff</span>
        <textarea
          class="mono"
          rows={8}
          value={text}
          spellcheck={false}
          placeholder="diff --git a/file b/file"
          onInput={(event) => {
            whole.current = false;
            const value = event.currentTarget.value;
            take(value === '' ? null : diffOfText(value), value);
          }}
          onPaste={(event) => {
            const pasted = event.clipboardData?.getData('text/plain') ?? '';
            const field = event.currentTarget;
            const replacesAll = field.selectionStart === 0 && field.selectionEnd === field.value.length;
            if (pasted === '' || !replacesAll) return;
            // The field would drop the carriage returns: the clipboard's own text is what is sent.
            event.preventDefault();
            whole.current = true;
            take(diffOfText(pasted), pasted.length > shownBytesMax ? '' : pasted);
          }}
        />
      </label>
      <div class="row-buttons">
        <AttachFile label="Choose a file" onFile={(next) => take(next, '')} />
        {diff ? (
          <span class="muted num">{sizeLine(diff, whole.current)}</span>
        ) : (
          <span class="muted">or drop one here</span>
        )}
      </div>
    </>
  );
}

function sizeLine(diff: Diff, whole: boolean): string {
  const returns = whole && diff.bytes.includes(13);
  return `${bytesText(diff.bytes.length)}${returns ? ', CR LF line ends kept' : ''}`;
}

function Where({ title }: { readonly title: string }) {
  const { repository, choose, names } = useRepository();
  const { state } = useView();
  const known = state?.repositories.find((one) => one.name === repository);
  const branches = useResource<{ branches: string[] }>(
    repository ? `/api/repositories/${repository}/branches` : null,
    never,
  );
  const [own, setOwn] = useState<string | null>(null);
  const others = (branches.value?.branches ?? []).filter((branch) => branch !== known?.defaultBranch);
  return (
    <>
      <label class="field">
        <span>Repository</span>
        <select name="repository" required value={repository} onChange={(event) => choose(event.currentTarget.value)}>
          <option value="">Choose…</option>
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>Base</span>
        <select name="base">
          <option value="">{known ? `${known.defaultBranch} (default)` : 'The default branch'}</option>
          {others.map((branch) => (
            <option key={branch} value={branch}>
              {branch}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>Title</span>
        <input
          name="title"
          maxLength={titleMax}
          value={own ?? title}
          autocomplete="off"
          onInput={(event) => setOwn(event.currentTarget.value)}
        />
      </label>
    </>
  );
}
