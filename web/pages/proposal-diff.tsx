import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Proposal } from '#contract/proposal.ts';
import { maskTokens } from '#contract/token-shapes.ts';
import { parseDiff } from '../diff.ts';
import type { DiffFile } from '../diff.ts';
import { onKey } from '../keys.ts';
import { Loading } from '../parts/bits.tsx';
import { DiffFileView } from '../parts/diff-view.tsx';
import { Icon } from '../parts/icons.tsx';
import { Page } from '../parts/page.tsx';
import { concernsKinds, never, useResource } from '../resource.ts';
import { navigate } from '../router.ts';

/** One file at a time over the whole screen, for reading a diff on a phone. */
export function ProposalDiffPage({ id, file }: { readonly id: string; readonly file: number }) {
  const diff = useResource<string>(`/api/proposals/${id}/diff`, never);
  const proposal = useResource<Proposal>(`/api/proposals/${id}`, concernsKinds('proposal', 'publication', 'decision'));
  const files = useMemo(() => parseDiff(diff.value ?? ''), [diff.value]);
  // The list of files comes from the tree, the diff from git's rendering: joined by path, not by place.
  const path = shownPath(proposal.value?.document.patch.files[file]?.path ?? '');
  const found = files.findIndex((one) => one.path === path);
  const at = found >= 0 ? found : Math.min(file, Math.max(0, files.length - 1));
  const back = { href: `/proposals/${id}`, label: 'Proposal' };
  if (diff.value === null || !proposal.value) {
    return (
      <Page title="Diff" back={back}>
        <Loading error={diff.error ?? proposal.error} what="the diff" />
      </Page>
    );
  }
  const places = proposal.value.document.patch.files.map((one) => shownPath(one.path));
  const go = (to: number): void => {
    const next = files[to];
    if (!next) return;
    const place = places.indexOf(next.path);
    navigate(`/proposals/${id}/diff?f=${place >= 0 ? place : to}`, 'replace');
  };
  return <OneFile files={files} at={at} go={go} back={back} />;
}

/** The diff has tokens in names masked already. */
function shownPath(path: string): string {
  return maskTokens(path);
}

interface OneFileProps {
  readonly files: readonly DiffFile[];
  readonly at: number;
  readonly go: (to: number) => void;
  readonly back: { readonly href: string; readonly label: string };
}

function OneFile({ files, at, go, back }: OneFileProps) {
  const [wrap, setWrap] = useState(true);
  const place = useRef({ at, go });
  place.current = { at, go };
  const file = files[at];
  useEffect(() => {
    document.querySelector('#main')?.scrollTo(0, 0);
  }, [at]);
  useEffect(
    () =>
      onKey((key) => {
        if (key === 'j') place.current.go(place.current.at + 1);
        else if (key === 'k') place.current.go(place.current.at - 1);
        else if (key === 'w') setWrap((on) => !on);
      }),
    [],
  );
  return (
    <Page
      title="Diff"
      back={back}
      class="one-file"
      foot={
        <nav class="file-bar" aria-label="Files">
          <button type="button" class="button" aria-disabled={at === 0 ? 'true' : undefined} onClick={() => go(at - 1)}>
            <Icon name="back" />
            Previous
          </button>
          <button type="button" class="button text" aria-pressed={wrap} onClick={() => setWrap(!wrap)}>
            Wrap
          </button>
          <button
            type="button"
            class="button"
            aria-disabled={at >= files.length - 1 ? 'true' : undefined}
            onClick={() => go(at + 1)}
          >
            Next
            <Icon name="forward" />
          </button>
        </nav>
      }
    >
      {file ? (
        <DiffFileView key={file.path} file={file} index={at} total={files.length} wrap={wrap} />
      ) : (
        <p>Nothing to show.</p>
      )}
    </Page>
  );
}
