import type { Bake, HelperImage, HelperView } from '#contract/lease.ts';
import { call } from '../api.ts';
import { put } from '../resource.ts';
import { readStateSoon } from '../store.ts';
import { Alert, Button, Section, Text, Time, useAct } from './bits.tsx';

/** What is being done, or why the last one came to nothing; null when there is nothing to say. */
export function bakeText({ state, trouble }: Pick<Bake, 'state' | 'trouble'>): string | null {
  switch (state) {
    case 'building':
      return 'An image is being made: a helper installs what it is to hold.';
    case 'snapshotting':
      return 'An image is being made: the provider takes a snapshot of the helper.';
    case 'probing':
      return 'An image was made and is being tried: a helper is booted from it.';
    case 'failed':
      return `The last image came to nothing, and what there was of it is deleted. ${trouble ?? ''}`.trim();
    case 'good':
      return null;
  }
}

/** "6.2 GiB, $0.38 a month as long as it is kept". */
export function keptText({ sizeGiB, usdPerMonth }: Pick<HelperImage, 'sizeGiB' | 'usdPerMonth'>): string {
  if (sizeGiB === null || usdPerMonth === null) return 'the provider does not say how large it is';
  return `${sizeGiB.toFixed(1)} GiB, $${usdPerMonth.toFixed(2)} a month as long as it is kept`;
}

/** The images that helpers start from, and the way to make one. */
export function Images({ helper }: { readonly helper: HelperView }) {
  const { images, bake, unavailable, current } = helper;
  const underWay = bake !== null && bake.endedAtMs === null;
  const said = bake === null ? null : bakeText(bake);
  return (
    <Section id="images" title="Images">
      <p>
        A helper that starts from an image has everything installed and is ready in about a minute. Making one takes a
        helper for some minutes, under the same caps.
      </p>
      <p role="status">{said === null ? '' : <Text value={said} />}</p>
      {images.length === 0 ? null : (
        <ul class="spends">
          {images.map((image) => (
            <ImageRow key={image.id} image={image} />
          ))}
        </ul>
      )}
      {/* Why none can be had stands above, and no button helps against it. */}
      {underWay || unavailable !== null ? null : <BakeButton may={current === null} />}
    </Section>
  );
}

function ImageRow({ image }: { readonly image: HelperImage }) {
  return (
    <li>
      <span class="spend-what">
        <code>
          <Text value={image.name} />
        </code>
        <span class="muted num">
          {image.region}, {keptText(image)}, <Time atMs={image.bakedAtMs} />
        </span>
      </span>
      {image.isCurrent ? <span>in use</span> : null}
    </li>
  );
}

function BakeButton({ may }: { readonly may: boolean }) {
  const { busy, said, act } = useAct();
  const bake = (): void =>
    act(async () => {
      put('/api/helper', await call<HelperView>('POST', '/api/helper/bake'));
      readStateSoon();
    });
  return (
    <>
      <Button enabled={may && !busy} onPress={bake} describedBy={may ? undefined : 'bake-why'}>
        {busy ? 'Asking…' : 'Make an image'}
      </Button>
      {may ? null : (
        <p id="bake-why" class="muted">
          Not now: there is a helper. An image can be made once it is gone.
        </p>
      )}
      <Alert>{said}</Alert>
    </>
  );
}
