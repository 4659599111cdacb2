import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { no, ok } from '../../lib/result.ts';
import type { HelperConnection } from '../../ports-cloud.ts';
import { fakeClock } from '../../testing/fake-clock.ts';
import { bootLogBytesMax, fetchBootLog, shownBootLog } from './boot-log.ts';
import { places } from './cloud-init-places.ts';
import { hostKeyLine, pass, settle } from './testing/house.ts';

const fetchedMax = bootLogBytesMax + 16 * 1024;
const token = `dop_v1_${'0a'.repeat(32)}`;
const key = ['-----BEGIN OPENSSH PRIVATE KEY-----', ...Array(5).fill(hostKeyLine), '-----END OPENSSH PRIVATE KEY-----'];

interface Far {
  readonly asked: string[][];
  readonly stopped: () => boolean;
  readonly connection: Pick<HelperConnection, 'start'>;
}

/** A machine that sends `chunks` and ends with `code`; undefined: it never ends. */
function far(chunks: readonly Buffer[], code: number | null | undefined): Far {
  const asked: string[][] = [];
  let stopped = false;
  const start: HelperConnection['start'] = (command, { onOutput }) => {
    asked.push([...command]);
    for (const chunk of chunks) onOutput(chunk);
    const ended = code === undefined ? new Promise<never>(() => undefined) : Promise.resolve({ code, signal: null });
    return Promise.resolve(ok({ input: new PassThrough(), ended, stop: () => void (stopped = true) }));
  };
  return { asked, stopped: () => stopped, connection: { start } };
}

describe('what a helper printed', () => {
  it('is asked for once, from where cloud-init writes it, and not more than is needed', async () => {
    const { connection, asked } = far([Buffer.from('Setting up '), Buffer.from('git\n')], 0);
    expect(await fetchBootLog(connection, fakeClock())).toEqual(ok(Buffer.from('Setting up git\n')));
    expect(asked).toEqual([['tail', '-c', `${fetchedMax}`, places.bootLog]]);
    expect(places.bootLog).toBe('/var/log/cloud-init-output.log');
  });

  it.each<readonly [string, Far, RegExp]>([
    ['a machine that has none', far([], 1), /no output of cloud-init/],
    ['one that has printed nothing', far([], 0), /not printed anything/],
    ['one that is lost', far([Buffer.from('Sett')], null), /connection .* ended/],
    ['one that sends without end', far(Array(40).fill(Buffer.alloc(8192, 'x')), undefined), /more than was asked/],
  ])('is a sentence, and nothing that the machine said, of %s', async (_, { connection }, why) => {
    expect(await fetchBootLog(connection, fakeClock())).toEqual(no(expect.stringMatching(why)));
  });

  it('is not waited for beyond five seconds, and what was begun for it is ended', async () => {
    const clock = fakeClock();
    const silent = far([], undefined);
    const fetching = fetchBootLog(silent.connection, clock);
    await pass(clock, 5_000, 1_000);
    expect(await fetching).toEqual(no('The machine did not send it in time.'));
    await settle();
    expect(silent.stopped()).toBe(true);
    const opening = Promise.withResolvers<Awaited<ReturnType<HelperConnection['start']>>>();
    const late = fetchBootLog({ start: () => opening.promise }, clock);
    await pass(clock, 5_000, 1_000);
    expect(await late).toEqual(no('The machine did not send it in time.'));
    let stopped = false;
    const ended = new Promise<never>(() => undefined);
    opening.resolve(ok({ input: new PassThrough(), ended, stop: () => void (stopped = true) }));
    await settle();
    expect(stopped).toBe(true);
  });
});

describe('what is kept of it', () => {
  const known = [{ name: 'host key', value: hostKeyLine }];

  it('is the whole of it when that is short, byte for byte', () => {
    const log = Buffer.from('Get:1 http://deb.debian.org\r\n\u001b[0;1mdone\u001b[0m \xff\n', 'latin1');
    expect(shownBootLog(log, known)).toEqual(log);
  });

  it('masks what has the shape of a credential, and each line of the host key', () => {
    const shown = shownBootLog(
      Buffer.from(`a ${token} b\n{"k": "${hostKeyLine}"}\n${key.join('\n')}\n`),
      known,
    ).toString();
    expect(shown).toBe('a [masked: DigitalOcean token] b\n{"k": "[masked: host key]"}\n[masked: private key]\n');
  });

  it('is its last whole lines when it is long, and says so', () => {
    const lines = Array.from({ length: 6_000 }, (_, line) => `${line} ${'x'.repeat(50)}`);
    const log = Buffer.from(`${lines.join('\n')}\n`);
    const shown = shownBootLog(log.subarray(-fetchedMax), known);
    expect(shown.length).toBeLessThanOrEqual(bootLogBytesMax);
    expect(shown.length).toBeGreaterThan(bootLogBytesMax - 200);
    const [first, second, ...rest] = shown.toString().split('\n');
    expect(first).toMatch(/the last 256 KiB/);
    expect(lines).toContain(second);
    expect(rest.at(-2)).toBe(lines.at(-1));
  });

  it('shows no half of a credential that was cut where the machine began to send', () => {
    const other = 'Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6'.slice(0, 70);
    const half = Buffer.from(`${Array(100).fill(other).join('\n')}\n-----END RSA PRIVATE KEY-----\n`);
    const log = Buffer.concat([half, Buffer.alloc(fetchedMax, 'plain text\n')]).subarray(0, fetchedMax);
    expect(shownBootLog(log, []).includes(other.slice(0, 20))).toBe(false);
    // Also when so much is masked behind it that the rest would fit.
    const tokens = Buffer.from(`${token}\n`.repeat(6_000)).subarray(0, fetchedMax - half.length);
    const masked = shownBootLog(Buffer.concat([half, tokens]), []);
    expect(masked.length).toBeLessThan(bootLogBytesMax);
    expect(masked.includes(other.slice(0, 20))).toBe(false);
  });

  it('is never longer than allowed, also as one line without an end', () => {
    const shown = shownBootLog(Buffer.alloc(fetchedMax, '.'), known);
    expect(shown.length).toBe(bootLogBytesMax);
  });
});
