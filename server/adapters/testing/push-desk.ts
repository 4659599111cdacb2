/** A fake GitHub, the far side of patchgit-push that alone holds a token of it, and the adapters that talk to that. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Git } from '../../ports.ts';
import type { FakeGitHub, NewToken } from '../../testing/forge/forge.ts';
import { hardenedGit } from '../git.ts';
import { pushService } from '../push-service.ts';
import { madeAtHeader, monotonicMs, pushHeader, wallHeader, type PushRefusal } from '../push-wire.ts';
import { openGitHubDesk, owned, type GitHubDesk } from './github-desk.ts';

export interface PushDesk extends GitHubDesk {
  /** Everything of this test; removed when it is closed. */
  readonly folder: string;
  readonly socketPath: string;
  /** The token that only the far side knows. */
  readonly heldToken: string;
  /** What the far side refused, in its order. */
  readonly refusals: readonly PushRefusal[];
  readonly service: Server;
  readonly git: Git;
  readonly close: () => Promise<void>;
}

const path = process.env['PATH'] ?? '/usr/bin:/bin';

export async function openPushDesk(
  options: { readonly token?: NewToken; readonly wallMs?: number } = {},
): Promise<PushDesk> {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-push-'));
  const socketPath = join(folder, 'push.sock');
  const refusals: PushRefusal[] = [];
  let heldToken = '';
  const made: { service: Server | null } = { service: null };
  const desk = await openGitHubDesk({
    ...(options.wallMs === undefined ? {} : { wallMs: options.wallMs }),
    credential: (fake: FakeGitHub) => {
      heldToken = fake.addToken(options.token ?? owned);
      const place = { apiUrl: fake.url, gitOrigin: fake.gitUrl };
      const onRefused = (code: PushRefusal): void => void refusals.push(code);
      made.service = pushService({ ...place, token: heldToken, onRefused }).listen(socketPath);
      return { kind: 'held_apart', socketPath };
    },
  });
  const { service } = made;
  if (service === null) throw new Error('the far side was made');
  const pushWay = { socketPath, gitOrigin: desk.fake.gitUrl };
  const git = hardenedGit({ path, pushWay, authorize: desk.github.authorize, plainHttpAt: desk.fake.gitUrl });
  const close = async (): Promise<void> => {
    service.closeAllConnections();
    service.close();
    rmSync(folder, { recursive: true, force: true });
    await desk.fake.close();
  };
  return { ...desk, folder, socketPath, heldToken, refusals, service, git, close };
}

/** What a daemon that was taken over can do: any bytes through the socket. `headers` come beside those of an order. */
export function ask(
  socketPath: string,
  method: string,
  address: string,
  { body, headers = {} }: { readonly body?: string | Buffer; readonly headers?: Record<string, string> } = {},
): Promise<{ readonly status: number; readonly verdict: string | null; readonly text: string; readonly all: string }> {
  return new Promise((resolve, reject) => {
    const order = {
      [madeAtHeader]: String(monotonicMs()),
      [wallHeader]: '5000',
      connection: 'close',
      ...headers,
    };
    const length: Record<string, number> =
      body === undefined || 'transfer-encoding' in headers ? {} : { 'content-length': Buffer.byteLength(body) };
    const sent = request({ socketPath, path: address, method, headers: { ...length, ...order } }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('latin1');
        const said = answer.headers[pushHeader];
        const all = `${JSON.stringify(answer.rawHeaders)}${text}`;
        resolve({ status: answer.statusCode ?? 0, verdict: typeof said === 'string' ? said : null, text, all });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
