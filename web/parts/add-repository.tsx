import { useState } from 'preact/hooks';
import { call } from '../api.ts';
import { readStateSoon, useView } from '../store.ts';
import { Alert, ProblemNote, Section, Submit, useAct } from './bits.tsx';
import { PickRepository } from './pick-repository.tsx';

/** By a path or URL that is typed, or picked from what the connected forge shows. */
export function AddRepository() {
  const { state } = useView();
  const { busy, said, problem, act } = useAct();
  const [url, setUrl] = useState('');
  const [name, setName] = useState<string | null>(null);
  const guess = nameFrom(url);
  const isConnected = state?.integrations.some((one) => one.name === 'GitHub' && one.connected) ?? false;
  return (
    <Section id="add" title="Add a repository">
      <form
        class="stack card"
        onSubmit={(event) => {
          event.preventDefault();
          act(async () => {
            await call('POST', '/api/repositories', { name: name ?? guess, url }, { wallMs: 180_000 });
            setUrl('');
            setName(null);
            readStateSoon();
          });
        }}
      >
        {isConnected ? (
          <PickRepository
            onPick={(picked) => {
              setUrl(picked.url);
              setName(null);
              document.querySelector<HTMLElement>('#add-name')?.focus();
            }}
          />
        ) : null}
        <label class="field">
          <span>Path or URL</span>
          <input
            required
            value={url}
            maxLength={2048}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            placeholder="/srv/git/site.git or https://…"
            onInput={(event) => setUrl(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>Name</span>
          <input
            id="add-name"
            required
            value={name ?? guess}
            maxLength={64}
            pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
            title="Letters, digits, dot, underscore or hyphen"
            autocomplete="off"
            autocapitalize="off"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <Alert>{problem ? null : said}</Alert>
        {problem ? <ProblemNote problem={problem} /> : null}
        <Submit busy={busy}>{busy ? 'Fetching it…' : 'Add repository'}</Submit>
      </form>
    </Section>
  );
}

/** "https://host/acme/site.git" -> "site". */
function nameFrom(url: string): string {
  const last = url.trim().replace(/\/+$/, '').split(/[/:]/).at(-1) ?? '';
  return last
    .replace(/\.git$/, '')
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 64);
}
