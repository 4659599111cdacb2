import { spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { closeHouses, newHouse, startHouse, type Environment, type House } from './testing/daemon.ts';
import { descendantsOf } from './testing/processes.ts';

afterEach(closeHouses);

/** Starts a daemon that cannot start. */
function failedStart(house: House, environment: Environment = {}): { code: number | null; said: string } {
  const { status, stderr } = spawnSync(process.execPath, ['server/main.ts'], {
    cwd: join(import.meta.dirname, '..'),
    env: {
      PATH: process.env['PATH'] ?? '',
      PATCHGIT_HOME: house.home,
      PATCHGIT_PORT: '0',
      PATCHGIT_LOG: 'error',
      ...environment,
    },
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { code: status, said: stderr };
}

function listen(): Promise<{ port: number; close: () => void }> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : 0,
        close: () => server.close(),
      });
    });
  });
}

describe('the daemon', () => {
  it('makes a data folder that only its user can look into, and a socket that only its user can open', async () => {
    const house = await startHouse();
    const modeOf = (path: string): number => statSync(path).mode & 0o777;
    expect(modeOf(house.home)).toBe(0o700);
    expect(modeOf(join(house.home, 'patchgit.sock'))).toBe(0o600);
  });

  it('stops cleanly when asked, says so in the ledger, and starts again', async () => {
    const house = await startHouse();
    expect(await house.stop()).toBe(0);
    await house.start();
    expect(
      house.rows(`select kind from ledger where kind like 'daemon.%' order by seq`).map((row) => row['kind']),
    ).toEqual(['daemon.started', 'daemon.stopped', 'daemon.started']);
    expect(house.said()).toBe('');
  });

  it('does nothing and starts nothing while nobody asks', async () => {
    const house = await startHouse();
    expect(descendantsOf(house.pid())).toEqual([]);
  });

  it('refuses to run twice on one data folder, and the first one goes on', async () => {
    const house = await startHouse();
    const second = failedStart(house);
    expect(second.code).toBe(1);
    expect(second.said).toMatch(/^patchgit cannot start: patchgit is running already on this data folder\./);
    expect((await house.client.get('/api/state')).ok).toBe(true);
  });

  it('says in one sentence that its port is taken, and leaves everything as it was', async () => {
    const taken = await listen();
    const house = newHouse();
    const { code, said } = failedStart(house, { PATCHGIT_PORT: String(taken.port) });
    taken.close();
    expect(code).toBe(1);
    expect(said.trim().split('\n')).toHaveLength(1);
    expect(said).toMatch(
      new RegExp(`^patchgit cannot start: Port ${taken.port} on 127\\.0\\.0\\.1 is taken .* PATCHGIT_PORT=`),
    );
    await house.start();
  });

  it('says every mistake of its configuration at once, with exit code 2, before it touches anything', () => {
    const house = newHouse();
    const { code, said } = failedStart(house, { PATCHGIT_PORT: 'x', PATCHGIT_LOG: 'loud', PATCHGIT_HOST: '0.0.0.0' });
    expect(code).toBe(2);
    expect(said.trim().split('\n')).toHaveLength(4);
    expect(said).toMatch(/^patchgit cannot start:\n {2}- PATCHGIT_PORT/);
  });

  it('refuses a data folder whose path is too long for a socket, in a sentence', () => {
    const house = newHouse();
    const { code, said } = failedStart(house, { PATCHGIT_HOME: join(house.folder, 'x'.repeat(120)) });
    expect(code).toBe(1);
    expect(said).toMatch(/^patchgit cannot start: The data folder's path is too long/);
  });

  it('refuses a database of a newer version, and does not touch it', async () => {
    const house = await startHouse();
    await house.stop();
    const sqlite = new Sqlite(join(house.home, 'patchgit.db'));
    const version = Number(sqlite.pragma('user_version', { simple: true }));
    sqlite.pragma('user_version = 999');
    const { code, said } = failedStart(house);
    expect(code).toBe(1);
    expect(said).toMatch(/^patchgit cannot start: The database was written by a newer patchgit/);
    expect(sqlite.pragma('user_version', { simple: true })).toBe(999);
    sqlite.pragma(`user_version = ${version}`);
    sqlite.close();
    await house.start();
  });

  it('takes the place of a socket that a killed daemon left behind', async () => {
    const house = newHouse();
    writeFileSync(join(house.home, 'patchgit.sock'), '');
    await house.start();
    await house.kill('SIGKILL');
    await house.start();
    expect((await house.client.get('/api/hello')).ok).toBe(true);
  });
});
