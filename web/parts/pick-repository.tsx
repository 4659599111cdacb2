import { useState } from 'preact/hooks';
import type { ForgeCandidate, ForgeCandidates } from '#contract/forge.ts';
import type { LedgerEntry } from '#contract/ledger.ts';
import { count } from '../format.ts';
import { useResource } from '../resource.ts';
import { Empty, Loading, Text } from './bits.tsx';

const shownMax = 40;

/** Repositories that the connection to GitHub can see. They are asked for when the list is opened, not before. */
export function PickRepository({ onPick }: { readonly onPick: (candidate: ForgeCandidate) => void }) {
  const [open, setOpen] = useState(false);
  return (
    <details
      class="quiet pick"
      open={open}
      onToggle={(event) => {
        if (event.currentTarget instanceof HTMLDetailsElement) setOpen(event.currentTarget.open);
      }}
    >
      <summary>Pick a repository of GitHub</summary>
      {open ? (
        <Candidates
          onPick={(candidate) => {
            onPick(candidate);
            setOpen(false);
          }}
        />
      ) : null}
    </details>
  );
}

/** Fetching happens every minute and changes nothing in the list. */
const changesList = ({ kind }: LedgerEntry): boolean => kind === 'repository.added' || kind === 'repository.removed';

function Candidates({ onPick }: { readonly onPick: (candidate: ForgeCandidate) => void }) {
  const { value, error } = useResource<ForgeCandidates>('/api/forge/candidates', changesList);
  const [filter, setFilter] = useState('');
  if (value === null) return <Loading error={error} what="the list of repositories" />;
  const found = value.candidates.filter(({ name }) => name.toLowerCase().includes(filter.trim().toLowerCase()));
  return (
    <>
      <label class="field">
        <span>Filter</span>
        <input
          type="search"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          onInput={(event) => setFilter(event.currentTarget.value)}
          // The form around it would be sent.
          onKeyDown={(event) => {
            if (event.key === 'Enter') event.preventDefault();
          }}
        />
      </label>
      {found.length === 0 ? <Empty>No repository that can be seen has this in its name.</Empty> : null}
      <ul class="candidates" aria-label="Repositories of GitHub">
        {found.slice(0, shownMax).map((candidate) => (
          <li key={candidate.url}>
            <Candidate candidate={candidate} onPick={onPick} />
          </li>
        ))}
      </ul>
      <p class="muted" role="status">
        {found.length > shownMax ? `${count(found.length - shownMax, 'more')} not shown: filter to see them. ` : ''}
        {value.isWhole ? '' : 'There are more than GitHub was asked for: type the address of any other. '}
        Archived ones are left out.
      </p>
    </>
  );
}

function Candidate({
  candidate,
  onPick,
}: {
  readonly candidate: ForgeCandidate;
  readonly onPick: (candidate: ForgeCandidate) => void;
}) {
  const { name, isPrivate, canPush, addedAs } = candidate;
  return (
    <button
      type="button"
      class="candidate"
      aria-disabled={addedAs === null ? undefined : 'true'}
      onClick={() => {
        if (addedAs === null) onPick(candidate);
      }}
    >
      <span class="candidate-name">
        <Text value={name} />
      </span>
      <span class="line-sub">
        {isPrivate ? 'private' : 'public'}
        {canPush === false ? ' · ▲ no right to push' : ''}
        {addedAs === null ? '' : ` · added as ${addedAs}`}
      </span>
    </button>
  );
}
