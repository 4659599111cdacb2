import { useState } from 'preact/hooks';
import type { Repository } from '#contract/repository.ts';
import { call } from '../api.ts';
import { fieldsOf, typed } from '../form.ts';
import { checksMax, labelsMax } from '../limits.ts';
import { readStateSoon } from '../store.ts';
import { Alert, Button, ProblemNote, Submit, useAct } from './bits.tsx';

interface Line {
  readonly name: string;
  readonly command: string;
}

/** How a repository is proved: the owner's own checks, or what is found in it. */
export function RepositoryForm({
  repository,
  onDone,
}: {
  readonly repository: Repository;
  readonly onDone: () => void;
}) {
  const { busy, said, problem, act } = useAct();
  const start = repository.checks ?? repository.detectedChecks;
  const [checks, setChecks] = useState<readonly Line[]>(start.map(({ name, command }) => ({ name, command })));
  const [detect, setDetect] = useState(repository.checks === null);
  const save = (event: SubmitEvent): void => {
    const fields = fieldsOf(event);
    const formatter = typed(fields, 'formatter').trim();
    const setUp = typed(fields, 'setUp').trim();
    const name = typed(fields, 'authorName').trim();
    const email = typed(fields, 'authorEmail').trim();
    const pulls = repository.forge === 'github' ? { pulls: pullsOf(fields) } : {};
    act(async () => {
      await call('PATCH', `/api/repositories/${encodeURIComponent(repository.name)}`, {
        checks: detect ? null : checks,
        formatter: formatter === '' ? null : formatter,
        setUp: setUp === '' ? null : setUp,
        author: name === '' && email === '' ? null : { name, email },
        ...pulls,
      });
      readStateSoon();
      onDone();
    });
  };
  return (
    <form class="stack" aria-label={`Change ${repository.name}`} onSubmit={save}>
      <label class="switch">
        <input
          type="checkbox"
          role="switch"
          checked={detect}
          onChange={(event) => setDetect(event.currentTarget.checked)}
        />
        <span>Detect the checks in the base commit</span>
      </label>
      {detect ? null : <Checks checks={checks} set={setChecks} />}
      <label class="field">
        <span>Formatter command</span>
        <input
          name="formatter"
          class="mono"
          defaultValue={repository.formatter ?? ''}
          autocomplete="off"
          spellcheck={false}
        />
      </label>
      <SetUp repository={repository} />
      <Author author={repository.author} />
      {repository.forge === 'github' ? <Pulls pulls={repository.pulls} /> : null}
      <Alert>{problem ? null : said}</Alert>
      {problem ? <ProblemNote problem={problem} /> : null}
      <Submit busy={busy}>Save</Submit>
    </form>
  );
}

/** Commas part labels here; GitHub allows them in a name, and for such a one there is the command line. */
function pullsOf(fields: FormData): NonNullable<Repository['pulls']> {
  const labels = typed(fields, 'labels')
    .split(',')
    .map((label) => label.trim())
    .filter((label) => label !== '');
  return { isDraft: fields.get('isDraft') !== null, labels };
}

/** How GO opens pull requests there. It is part of what a proposal quotes, so it counts from the next proposal on. */
function Pulls({ pulls }: { readonly pulls: Repository['pulls'] }) {
  return (
    <fieldset class="pull-settings">
      <legend>Pull requests</legend>
      <label class="switch">
        <input type="checkbox" role="switch" name="isDraft" defaultChecked={pulls?.isDraft ?? false} />
        <span>Open them as drafts</span>
      </label>
      <label class="field wide">
        <span>Labels, with commas between them</span>
        <input name="labels" defaultValue={pulls?.labels.join(', ') ?? ''} autocomplete="off" autocapitalize="off" />
        <small class="muted">At most {labelsMax}. Counts from the next proposal on.</small>
      </label>
    </fieldset>
  );
}

/** What is run before the checks, so that they find what they need. */
function SetUp({ repository: { setUp, detectedSetUp } }: { readonly repository: Repository }) {
  return (
    <label class="field">
      <span>Set-up command, run before the checks</span>
      <input
        name="setUp"
        class="mono"
        maxLength={2000}
        defaultValue={setUp ?? ''}
        placeholder={detectedSetUp ?? 'nothing to install was found'}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
      />
      <small class="muted">Empty: as the repository says. “none”: nothing is installed.</small>
    </label>
  );
}

/** Who the commits of this repository are by; without one they are by patchgit. */
function Author({ author }: { readonly author: Repository['author'] }) {
  return (
    <fieldset class="check-line">
      <legend>Commit author (patchgit, when both are empty)</legend>
      <label class="field">
        <span>Author name</span>
        <input name="authorName" maxLength={100} defaultValue={author?.name ?? ''} autocomplete="off" />
      </label>
      <label class="field wide">
        <span>Author e-mail</span>
        <input name="authorEmail" type="email" maxLength={200} defaultValue={author?.email ?? ''} autocomplete="off" />
      </label>
    </fieldset>
  );
}

function Checks({ checks, set }: { readonly checks: readonly Line[]; readonly set: (next: readonly Line[]) => void }) {
  const change = (at: number, next: Partial<Line>): void =>
    set(checks.map((check, index) => (index === at ? { ...check, ...next } : check)));
  return (
    <>
      {checks.map((check, index) => (
        <fieldset key={index} class="check-line">
          <legend class="sr">Check {index + 1}</legend>
          <label class="field">
            <span>Name</span>
            <input
              required
              maxLength={60}
              value={check.name}
              onInput={(event) => change(index, { name: event.currentTarget.value })}
            />
          </label>
          <label class="field wide">
            <span>Command</span>
            <input
              required
              class="mono"
              maxLength={2000}
              spellcheck={false}
              value={check.command}
              onInput={(event) => change(index, { command: event.currentTarget.value })}
            />
          </label>
          <Button kind="text" onPress={() => set(checks.filter((_, at) => at !== index))}>
            Remove
          </Button>
        </fieldset>
      ))}
      {checks.length < checksMax ? (
        <Button onPress={() => set([...checks, { name: '', command: '' }])}>Add a check</Button>
      ) : null}
    </>
  );
}
