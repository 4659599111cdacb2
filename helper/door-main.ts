/**
 * The door as a program: a mode of the helper, in a process of its own.
 *
 *   node helper.cjs --door SOCKET --hosts a.example,b.example [--run-as UID:GID] [--bytes-max N] [--seconds-max N]
 *   node helper.cjs --door --hosts-file FILE       a listening socket comes from systemd (LISTEN_FDS, sd_listen_fds(3))
 *
 * With a path it says "ready" in a line of its standard output once it listens, and ends when its standard input does, so
 * that it cannot outlive whoever started it. From systemd it ends when nobody was there for a while; the next one who comes starts it
 * again. Each refused host is a sentence on standard error, once.
 */
import { chmodSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Server } from 'node:net';
import type { Answer } from './answer.ts';
import { doorLimits, makeDoor, theWorld } from './door.ts';
import type { DoorWorld } from './door.ts';
import { parseHosts } from './door-rules.ts';

/** The first descriptor that systemd passes. */
const passedDescriptor = 3;
const unusedMsMax = 5 * 60_000;
const secondsMax = 3600;

interface DoorOptions {
  /** Null: the socket is passed by systemd. */
  readonly socketPath: string | null;
  readonly hosts: () => Answer<ReadonlySet<string>>;
  readonly user: { readonly uid: number; readonly gid: number } | null;
  readonly bytesMax: number;
  readonly secondsMax: number;
}

/** Serves until its end is due, and ends this process then. Exit code 2: the command line is wrong, and nothing was opened. */
export function runDoor(args: readonly string[], world: DoorWorld = theWorld): void {
  const say = (sentence: string): void => void process.stderr.write(`${sentence}\n`);
  const options = readDoorOptions(args);
  if (!options.ok) {
    say(options.why);
    process.exit(2);
  }
  const { socketPath, user, bytesMax, secondsMax } = options.value;
  const atFirst = options.value.hosts();
  if (!atFirst.ok) {
    say(atFirst.why);
    process.exit(2);
  }
  const read = (): ReadonlySet<string> => {
    const now = options.value.hosts();
    if (!now.ok) say(now.why);
    return now.ok ? now.value : new Set();
  };
  const server = makeDoor({ hosts: read, limits: { ...doorLimits, bytesMax }, onRefused: say }, world);
  server.once('error', (error) => {
    say(`The door could not be opened: ${error.message}`);
    process.exit(1);
  });
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => process.exit(0));
  // Whoever reads what it says may go away first.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => process.exit(0));
  setTimeout(() => {
    say('The door was open for as long as it may be.');
    process.exit(0);
  }, secondsMax * 1000);
  if (socketPath === null) return listenForSystemd(server);
  server.listen(socketPath, () => {
    // The folder around it says who gets to it.
    chmodSync(socketPath, 0o666);
    if (user !== null) become(user);
    process.stdout.write('ready\n');
  });
  process.stdin.on('error', () => process.exit(0));
  process.stdin.once('end', () => process.exit(0)).resume();
}

function listenForSystemd(server: Server): void {
  server.listen({ fd: passedDescriptor });
  let open = 0;
  let unused = setTimeout(() => process.exit(0), unusedMsMax);
  server.on('connection', (socket) => {
    open += 1;
    clearTimeout(unused);
    socket.once('close', () => {
      open -= 1;
      if (open === 0) unused = setTimeout(() => process.exit(0), unusedMsMax);
    });
  });
}

/** Everything of root is given back; what it still needs is open. An unprivileged user that is this one already stays. */
function become({ uid, gid }: { readonly uid: number; readonly gid: number }): void {
  if (process.getuid?.() === uid) return;
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  if (process.getuid?.() !== uid || process.getgid?.() !== gid) throw new Error('The door could not leave its user.');
}

function readDoorOptions(args: readonly string[]): Answer<DoorOptions> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      door: { type: 'boolean' },
      hosts: text,
      'hosts-file': text,
      'run-as': text,
      'bytes-max': text,
      'seconds-max': text,
    },
  });
  const [socketPath, ...others] = positionals;
  const isPassed = process.env['LISTEN_FDS'] === '1' && process.env['LISTEN_PID'] === `${process.pid}`;
  if (others.length > 0 || (socketPath === undefined) !== isPassed) {
    return {
      ok: false,
      why: 'The door needs the path of a socket, or one listening socket from systemd (LISTEN_FDS).',
    };
  }
  const { hosts: list, 'hosts-file': file } = values;
  if ((list === undefined) === (file === undefined)) {
    return { ok: false, why: 'The door needs one of --hosts and --hosts-file.' };
  }
  const [, uid, gid] = /^([1-9]\d*):([1-9]\d*)$/.exec(values['run-as'] ?? '') ?? [];
  if (values['run-as'] !== undefined && uid === undefined) return { ok: false, why: '--run-as needs UID:GID.' };
  const bytesMax = Number(values['bytes-max'] ?? doorLimits.bytesMax);
  const seconds = Number(values['seconds-max'] ?? secondsMax);
  if (!isCount(bytesMax) || !isCount(seconds) || seconds > 24 * 3600) {
    return { ok: false, why: '--bytes-max and --seconds-max need numbers above 0.' };
  }
  return {
    ok: true,
    value: {
      socketPath: socketPath ?? null,
      hosts: () => (file === undefined ? parseHosts(list ?? '') : readHostsFile(file)),
      user: uid === undefined ? null : { uid: Number(uid), gid: Number(gid) },
      bytesMax,
      secondsMax: seconds,
    },
  };
}

/** Lines that begin with "#" are for people. */
function readHostsFile(path: string): Answer<ReadonlySet<string>> {
  try {
    return parseHosts(readFileSync(path, 'utf8').replaceAll(/^\s*#.*$/gm, ''));
  } catch (error) {
    return { ok: false, why: `The list of hosts could not be read: ${String(error)}` };
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}
