import { Transform } from 'node:stream';
import { secretsOf } from './github-credential.ts';

/**
 * Masks a credential in a stream of bytes, in every form that it travels in, wherever it was cut. What stands there instead has the
 * same length: lengths that were told before stay true, git's own among them.
 */
export function maskStream(token: string): Transform {
  const secrets = forms(token);
  let held = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const all = Buffer.concat([held, chunk]);
      maskIn(all, secrets);
      const open = openBytes(all, secrets);
      held = all.subarray(all.length - open);
      done(null, all.subarray(0, all.length - open));
    },
    flush(done) {
      done(null, held);
    },
  });
}

/** The same for one short text. */
export function maskText(token: string, text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  maskIn(bytes, forms(token));
  return bytes.toString('latin1');
}

/** As it is, as JSON may write it, and as an address may. */
function forms(token: string): Buffer[] {
  const values = secretsOf(token).map(({ value }) => value);
  const all = values.flatMap((value) => [value, value.replaceAll('/', '\\/'), encodeURIComponent(value)]);
  return [...new Set(all)].map((value) => Buffer.from(value, 'latin1'));
}

function maskIn(bytes: Buffer, secrets: readonly Buffer[]): void {
  for (const secret of secrets) {
    for (let at = bytes.indexOf(secret); at >= 0; at = bytes.indexOf(secret, at + secret.length))
      bytes.fill('*', at, at + secret.length);
  }
}

/** How many bytes at the end could be the beginning of a secret. */
function openBytes(bytes: Buffer, secrets: readonly Buffer[]): number {
  let open = 0;
  for (const secret of secrets) {
    for (let length = Math.min(secret.length - 1, bytes.length); length > open; length -= 1) {
      if (bytes.subarray(bytes.length - length).equals(secret.subarray(0, length))) open = length;
    }
  }
  return open;
}
