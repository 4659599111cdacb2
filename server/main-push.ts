/**
 * The program of the user patchgit-push (systemd/patchgit-push.service): holds the forge's credential, and does for the daemon
 * what needs it. Built as dist/push.cjs. It ends when nobody asks anything of it, and is started again by its socket.
 */
import { inheritedSocket, readPushSettings } from './adapters/push-settings.ts';
import { closeWhenIdle, pushService } from './adapters/push-service.ts';
import { gitHubAddress, gitHubApiUrl } from './config-github.ts';

const idleMs = 60_000;

// Importing does nothing; the bundle is always what was started.
if (import.meta.main) start();

function start(): void {
  const settings = readPushSettings();
  if (!settings.ok) {
    fail(settings.why);
    return;
  }
  const { token, apiUrl, gitUrl } = settings.value;
  const place = gitHubAddress(apiUrl ?? gitHubApiUrl, gitUrl);
  const descriptor = inheritedSocket();
  if (place === null || descriptor === null) {
    fail(place === null ? 'GITHUB_API_URL is no address of GitHub.' : 'There is no socket: see patchgit-push.socket.');
    return;
  }
  // By its code alone: what was asked for is nobody's to read here.
  const onRefused = (code: string): void => void process.stderr.write(`refused an order of the daemon: ${code}\n`);
  const server = pushService({ ...place, token, onRefused });
  server.listen({ fd: descriptor });
  closeWhenIdle(server, idleMs);
  process.once('SIGTERM', () => process.exit(0));
}

function fail(sentence: string): void {
  process.stderr.write(`patchgit-push cannot start: ${sentence}\n`);
  process.exitCode = 2;
}
