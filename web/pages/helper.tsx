import { useEffect } from 'preact/hooks';
import type { HelperView } from '#contract/lease.ts';
import { Refusal } from '../api.ts';
import { CurrentLease, clockSeconds, noHelperText, PastLease } from '../parts/helper-lease.tsx';
import { Images } from '../parts/helper-images.tsx';
import { Empty, Loading, Section, Text } from '../parts/bits.tsx';
import { isCurrent, Page } from '../parts/page.tsx';
import { concernsKinds, useResource } from '../resource.ts';
import { useView } from '../store.ts';

/** The provider is asked again every minute; this is how soon the page hears of it. */
const lookEveryMs = 10_000;

/** The helper that exists or may exist, what it costs, the way to end it, and those that were. */
export function HelperPage() {
  const { helper, error } = useHelper();
  return (
    <Page title="Helper" class="helper">
      {helper === null ? <NoAnswerYet error={error} /> : <Helper helper={helper} />}
    </Page>
  );
}

/** The newer of the snapshot and our own reading. A look at the provider is no ledger entry, so it is read for again and again. */
function useHelper(): { readonly helper: HelperView | null; readonly error: unknown } {
  const snapshot = useView().state?.helper ?? null;
  const { value, error, reload } = useResource<HelperView>('/api/helper', concernsKinds('lease', 'bake'));
  const helper = value !== null && (snapshot === null || value.asOfMs >= snapshot.asOfMs) ? value : snapshot;
  const watching = helper !== null && (helper.current !== null || helper.strays.length > 0 || isBaking(helper));
  useEffect(() => {
    if (!watching) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') reload();
    }, lookEveryMs);
    return () => clearInterval(timer);
  }, [watching]);
  return { helper, error };
}

function isBaking({ bake }: HelperView): boolean {
  return bake !== null && bake.endedAtMs === null;
}

function NoAnswerYet({ error }: { readonly error: unknown }) {
  // A server from before there were helpers has nothing at that address.
  if (error instanceof Refusal && error.problem.code === 'not_found')
    return <Empty>This server knows no helpers, so none exists.</Empty>;
  return <Loading error={error} what="the helper" />;
}

function Helper({ helper }: { readonly helper: HelperView }) {
  const { current, past, strays, unavailable } = helper;
  return (
    <>
      {current === null ? <NoHelper helper={helper} /> : <CurrentLease lease={current} past={past} />}
      {strays.length === 0 ? null : <Strays strays={strays} />}
      {unavailable === null ? null : (
        <p class="notice">
          <Text value={unavailable} />
        </p>
      )}
      <Images helper={helper} />
      {past.length === 0 ? null : (
        <Section id="past" title="Earlier helpers">
          <ul class="spends">
            {past.map((lease) => (
              <PastLease key={lease.id} lease={lease} />
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

function NoHelper({ helper: { strays, asOfMs } }: { readonly helper: HelperView }) {
  const view = useView();
  return (
    <Empty>
      {noHelperText(strays.length)}{' '}
      <span class="num">
        ({isCurrent(view) ? 'verified' : 'as of'} {clockSeconds(asOfMs)})
      </span>
    </Empty>
  );
}

function Strays({ strays }: { readonly strays: HelperView['strays'] }) {
  return (
    <Section id="strays" title="Stray machines">
      <p>They carry the name of this installation and belong to nothing it knows. They are being destroyed.</p>
      <ul class="spends">
        {strays.map(({ id, name }) => (
          <li key={id}>
            <span class="spend-what">
              <code>
                <Text value={name} />
              </code>
            </span>
            <span class="num">{id}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
