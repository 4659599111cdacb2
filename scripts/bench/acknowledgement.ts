/** From a message to the answer that it is kept, as the page sends it, against the least such an answer can be. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { bareEnvironment, must, signIn, startDaemon, withFolder } from './house.ts';
import { takeTurns, wallMs } from './rounds.ts';
import { row, type Row } from './table.ts';

const messages = 250;
const text = 'Please make the basket forget what was removed from it. '.repeat(6);

export async function acknowledgementRows(): Promise<Row[]> {
  return await withFolder(async (home) => {
    const daemon = await startDaemon(home);
    const page = await signIn(daemon);
    const live = await page.follow();
    // Without a repository the answer in words starts no git, which would compete with the next echo for the processors.
    must(await page.ask('DELETE', '/api/repositories/sample'));
    const threadId = randomUUID();
    must(await page.ask('POST', '/api/threads', { id: threadId, title: 'bench' }));
    const floor = await startFloor(join(home, 'floor'));
    const say = async (): Promise<number> => {
      const id = randomUUID();
      const took = await wallMs(async () =>
        must(await page.ask('POST', `/api/threads/${threadId}/messages`, { id, text })),
      );
      // The next message comes when this one has been answered, as between two of an owner's.
      while (JSON.parse(must(await page.ask('GET', `/api/messages/${id}`))).state !== 'answered') await pause(5);
      return took;
    };
    const figures = await takeTurns(messages, say, () => wallMs(() => floor.echo(JSON.stringify({ threadId, text }))));
    floor.stop();
    live.terminate();
    page.close();
    await daemon.stop();
    return [row('message to durable answer / echo + fdatasync', 'ms', figures, 1)];
  });
}

async function startFloor(file: string): Promise<{ echo: (text: string) => Promise<void>; stop: () => void }> {
  const program = join(import.meta.dirname, 'echo-floor.ts');
  const child = spawn(process.execPath, [program, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: bareEnvironment(),
  });
  const port = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the echo program ended with ${code}`)));
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8').trim()));
  });
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return {
    echo: (sent) =>
      new Promise((resolve) => {
        socket.once('message', () => resolve());
        socket.send(sent);
      }),
    stop: () => {
      socket.terminate();
      child.stdin.end();
    },
  };
}
