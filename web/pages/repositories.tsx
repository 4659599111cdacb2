import { useState } from 'preact/hooks';
import type { RepositoryReport } from '#contract/api.ts';
import type { Repository } from '#contract/repository.ts';
import { call } from '../api.ts';
import { short } from '../format.ts';
import { Alert, Button, Empty, ProblemNote, Section, Submit, Text, Time, useAct } from '../parts/bits.tsx';
import { Findings } from '../parts/findings.tsx';
import { Page } from '../parts/page.tsx';
import { RepositoryForm } from '../parts/repository-form.tsx';
import { readStateSoon, useView } from '../store.ts';

/** What patchgit may change, and how each is proved. */
export function RepositoriesPage() {
  const { state } = useView();
  const repositories = state?.repositories ?? [];
  return (
    <Page title="Repositories">
      {repositories.length === 0 ? <Empty>No repository yet. Add one by its path or URL.</Empty> : null}
      <ul class="cards">
        {repositories.map((repository) => (
          <li key={repository.id}>
            <Card repository={repository} />
          </li>
        ))}
      </ul>
      <Add />
    </Page>
  );
}

function Card({ repository }: { readonly repository: Repository }) {
  const [editing, setEditing] = useState(false);
  const [report, setReport] = useState<RepositoryReport | null>(null);
  const { busy, said, act } = useAct();
  const path = `/api/repositories/${encodeURIComponent(repository.name)}`;
  return (
    <article class="card repository" aria-label={repository.name}>
      <header class="card-head">
        <h2>{repository.name}</h2>
        <p class="muted url">
          <Text value={repository.url} />
        </p>
      </header>
      <Facts repository={repository} />
      {repository.trouble ? (
        <p class="reason warn">
          <Text value={repository.trouble} />
        </p>
      ) : null}
      {report ? <Findings findings={report.findings} /> : null}
      {editing ? <RepositoryForm repository={repository} onDone={() => setEditing(false)} /> : null}
      <Alert>{said}</Alert>
      <footer class="card-foot">
        <Button
          enabled={!busy}
          onPress={() =>
            act(async () => {
              await call('POST', `${path}/fetch`, undefined, { wallMs: 120_000 });
              readStateSoon();
            })
          }
        >
          {busy ? 'Working…' : 'Fetch now'}
        </Button>
        <Button
          enabled={!busy}
          onPress={() =>
            act(async () =>
              setReport(await call<RepositoryReport>('GET', `${path}/check`, undefined, { wallMs: 60_000 })),
            )
          }
        >
          Check
        </Button>
        <Button onPress={() => setEditing(!editing)}>{editing ? 'Close' : 'Change'}</Button>
        <Remove repository={repository} />
      </footer>
    </article>
  );
}

function Facts({ repository }: { readonly repository: Repository }) {
  const checks = repository.checks ?? repository.detectedChecks;
  const formatter = repository.formatter ?? repository.detectedFormatter;
  return (
    <dl class="facts">
      <div>
        <dt>Default branch</dt>
        <dd>
          {repository.defaultBranch}
          {repository.head ? (
            <>
              {' @ '}
              <code>{short(repository.head)}</code>
            </>
          ) : null}
        </dd>
      </div>
      <div>
        <dt>Last fetch</dt>
        <dd class="num">{repository.fetchedAtMs === null ? 'never' : <Time atMs={repository.fetchedAtMs} />}</dd>
      </div>
      <div>
        <dt>Checks, {repository.checks ? 'set by you' : 'detected'}</dt>
        <dd>
          {checks.length === 0 ? 'none: a proof shows only that the patch applies' : null}
          {checks.map((check) => (
            <code key={check.name} class="command">
              <Text value={check.command} />
            </code>
          ))}
        </dd>
      </div>
      <div>
        <dt>Formatter</dt>
        <dd>
          {formatter ? (
            <code class="command">
              <Text value={formatter} />
            </code>
          ) : (
            'none'
          )}
        </dd>
      </div>
    </dl>
  );
}

function Remove({ repository }: { readonly repository: Repository }) {
  const [asked, setAsked] = useState(false);
  const { busy, said, act } = useAct();
  if (!asked) {
    return (
      <Button kind="text" onPress={() => setAsked(true)}>
        Remove
      </Button>
    );
  }
  return (
    <div class="confirm">
      <p>Removes patchgit’s copy of {repository.name}. The repository itself and the audit stay.</p>
      <Alert>{said}</Alert>
      <div class="row-buttons">
        <Button onPress={() => setAsked(false)}>Keep it</Button>
        <Button
          kind="stop"
          enabled={!busy}
          onPress={() =>
            act(async () => {
              await call('DELETE', `/api/repositories/${encodeURIComponent(repository.name)}`);
              readStateSoon();
            })
          }
        >
          Remove {repository.name}
        </Button>
      </div>
    </div>
  );
}

function Add() {
  const { busy, said, problem, act } = useAct();
  const [url, setUrl] = useState('');
  const [name, setName] = useState<string | null>(null);
  const guess = nameFrom(url);
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
