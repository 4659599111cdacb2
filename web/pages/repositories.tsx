import { useState } from 'preact/hooks';
import type { RepositoryReport } from '#contract/api.ts';
import type { Repository } from '#contract/repository.ts';
import { call } from '../api.ts';
import { short } from '../format.ts';
import { AddRepository } from '../parts/add-repository.tsx';
import { Alert, Button, Empty, Text, Time, useAct } from '../parts/bits.tsx';
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
      <AddRepository />
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
  const setUp = repository.setUp ?? repository.detectedSetUp ?? null;
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
        <dt>Set-up, {repository.setUp ? 'set by you' : 'detected'}</dt>
        <dd>
          {setUp === null || setUp === 'none' ? (
            'none: the checks get what is in the tree'
          ) : (
            <code class="command">
              <Text value={setUp} />
            </code>
          )}
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
      {repository.forge === 'github' ? (
        <div>
          <dt>Pull requests</dt>
          <dd>
            <Text value={pullsText(repository.pulls)} />
          </dd>
        </div>
      ) : null}
    </dl>
  );
}

function pullsText(pulls: Repository['pulls']): string {
  const kind = pulls?.isDraft === true ? 'opened as drafts' : 'opened ready for review';
  const labels = pulls?.labels ?? [];
  return labels.length === 0 ? `${kind}, no labels` : `${kind}, with ${labels.join(', ')}`;
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
