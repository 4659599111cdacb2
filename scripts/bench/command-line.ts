/** `patchgit status` from start to end, against a `node` that starts and ends. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../daemon.ts';
import { bareEnvironment, startDaemon, withFolder } from './house.ts';
import { takeTurns, wallMs } from './rounds.ts';
import { row, type Row } from './table.ts';

export async function commandLineRows(): Promise<Row[]> {
  return await withFolder(async (home) => {
    const daemon = await startDaemon(home);
    const environment = { ...process.env, PATCHGIT_HOME: home, NODE_COMPILE_CACHE: join(root, 'dist/compile-cache') };
    const figures = await takeTurns(
      9,
      () => wallMs(() => run([join(root, 'dist/cli.cjs'), 'status', '--json'], environment)),
      () => wallMs(() => run(['-e', '0'], bareEnvironment())),
    );
    await daemon.stop();
    return [row('patchgit status / node -e 0', 'ms', figures, null)];
  });
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${args.join(' ')} ended with ${code}`))));
  });
}
