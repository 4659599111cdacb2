/** npm start: runs the daemon in the foreground, and says where it is and how to get in. */
import { State } from '../server/contract/api.ts';
import { EnrolLink } from '../server/contract/door.ts';
import { homeOf } from '../server/config.ts';
import { root, startDaemon } from './daemon.ts';

const home = homeOf(process.env, root);
const started = await startDaemon(home, { PATCHGIT_LOG: process.env['PATCHGIT_LOG'] ?? 'warn' });
if (started === null) process.exit(1);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => started.process.kill('SIGTERM'));
}

const link = await started.client.send('POST', '/api/local/device-link');
const state = await started.client.get('/api/state');
if (!link.ok || !state.ok) throw new Error('the daemon answers and gives no link');
const { url, expiresAtMs } = EnrolLink.parse(link.value);
const { integrations, serverTimeMs, repositories } = State.parse(state.value);
const minutes = Math.round((expiresAtMs - serverTimeMs) / 60_000);

console.log(`
patchgit is running at ${new URL(url).origin}

  Open this one-time link to enrol this browser (it works once, for ${minutes} minutes):

    ${url}

  Repositories: ${repositories.map((repository) => repository.name).join(', ')}     Data: ${home}
  Another device, or a used link: npm run -s patchgit -- device add
${integrations.map((integration) => `  ${integration.name}: ${integration.sentence}`).join('\n')}

  Stop with Ctrl+C.
`);
process.exitCode = await started.ended;
