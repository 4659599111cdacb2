/** npm run dev: the daemon from its sources, started again at every change, and the pages rebuilt at every change. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { EnrolLink } from '../server/contract/door.ts';
import { socketClient } from '../server/cli/client.ts';
import { startDevCloud } from '../server/testing/cloud/dev.ts';
import { startDevForge } from '../server/testing/forge/dev.ts';
import { root } from './daemon.ts';

/** A data folder of its own: development never touches what the owner keeps. */
const home = process.env['PATCHGIT_HOME'] ?? join(root, '.patchgit/dev');
// Helpers come from a cloud on this machine, unless a real one is connected.
const development = process.env['DIGITALOCEAN_TOKEN'] ? null : await startDevCloud();
// And pull requests go to a forge on this machine, unless a real one is connected.
const isConnected = Boolean(process.env['GITHUB_TOKEN'] || process.env['GITHUB_APP_ID']);
const shown = isConnected ? null : await startDevForge();
const environment = {
  ...process.env,
  ...development?.environment,
  ...(shown ? { ...shown.environment, GITHUB_GIT_URL: shown.forge.gitUrl } : {}),
  PATCHGIT_HOME: home,
  PATCHGIT_LOG: process.env['PATCHGIT_LOG'] ?? 'info',
};
const start = (...args: string[]) => spawn(process.execPath, args, { cwd: root, env: environment, stdio: 'inherit' });

const children = [
  start('--watch-path=server', '--watch-path=helper', '--watch-preserve-output', 'server/main.ts'),
  start('node_modules/vite/bin/vite.js', 'build', '--watch', '--config', 'web/vite.config.ts', '--logLevel', 'warn'),
];
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
    void development?.cloud.close();
    void shown?.forge.close();
  });
}

const client = socketClient(join(home, 'patchgit.sock'));
while (children.every((child) => child.exitCode === null && child.signalCode === null)) {
  const link = await client.send('POST', '/api/local/device-link');
  if (link.ok) {
    console.log(`\nOne-time link: ${EnrolLink.parse(link.value).url}\n`);
    if (shown) console.log(`Repositories on the fake forge, to add:\n  ${shown.cloneUrls.join('\n  ')}\n`);
    break;
  }
  await pause(100);
}
