/** What can be done over an open, verified connection. */
import type { Socket } from 'node:net';
import type { Client } from 'ssh2';
import type { HelperConnection } from '../ports-cloud.ts';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import type { Admitted } from './ssh-link-attempt.ts';
import { LocalForward } from './ssh-link-forward.ts';
import { shellCommand, SshProgram } from './ssh-link-program.ts';
import type { SshTimes } from './ssh-link-times.ts';

/** sshd allows ten (MaxSessions); some are kept for telling a program to stop. */
const programsMax = 6;
const forwardsMax = 4;

type Streams = Parameters<HelperConnection['start']>[1];
type Started = Awaited<ReturnType<HelperConnection['start']>>;

export class SshConnection implements HelperConnection {
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #times: SshTimes;
  readonly #programs = new Set<SshProgram>();
  readonly #forwards = new Set<LocalForward>();
  readonly #closed: Promise<void>;
  #isOpen = true;
  #starting = 0;

  constructor({ client, socket }: Admitted, times: SshTimes) {
    this.#client = client;
    this.#socket = socket;
    this.#times = times;
    this.#closed = new Promise((resolve) => {
      if (socket.closed) resolve();
      socket.once('close', () => resolve());
    });
    const lost = (): void => {
      this.#isOpen = false;
      // Nobody will ever say how they ended.
      for (const program of this.#programs) program.lose();
      for (const forward of this.#forwards) forward.close();
    };
    client.once('end', lost);
    client.once('close', lost);
    // A lost connection, noticed by a missing keepalive or by the system. `close` follows once the socket is gone.
    client.on('error', () => {
      lost();
      socket.destroy();
    });
  }

  readonly isOpen = (): boolean => this.#isOpen;

  readonly start = async (command: readonly string[], streams: Streams): Promise<Started> => {
    const line = shellCommand(command);
    if (line === null) return no('The command for the helper machine is empty or holds a NUL.');
    if (!this.#isOpen) return no('The connection to the helper machine is closed.');
    if (this.#programs.size + this.#starting >= programsMax) return no('Too much runs on the helper machine at once.');
    this.#starting += 1;
    const opened = await this.#exec(line, streams);
    this.#starting -= 1;
    if (!opened.ok) return opened;
    const program = opened.value;
    this.#programs.add(program);
    void program.ended.then(() => this.#programs.delete(program));
    if (!this.#isOpen) program.lose();
    return ok({ input: program.input, ended: program.ended, stop: () => program.stop() });
  };

  readonly forward = async (
    port: number,
  ): Promise<Result<{ readonly localPort: number; readonly close: () => void }, string>> => {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return no(`${port} is not a port.`);
    if (!this.#isOpen) return no('The connection to the helper machine is closed.');
    if (this.#forwards.size >= forwardsMax) return no('Too many ports of the helper machine are open here.');
    const forward = new LocalForward(this.#client, port, () => this.#forwards.delete(forward));
    this.#forwards.add(forward);
    const localPort = await forward.listen();
    if (!this.#isOpen) forward.close();
    return localPort.ok ? ok({ localPort: localPort.value, close: () => forward.close() }) : localPort;
  };

  /** Resolves when the socket is gone, whatever the other side does. */
  readonly close = async (): Promise<void> => {
    this.#isOpen = false;
    for (const program of this.#programs) program.lose();
    for (const forward of this.#forwards) forward.close();
    this.#client.end();
    const timer = setTimeout(() => this.#socket.destroy(), this.#times.stopMsMax);
    await this.#closed;
    clearTimeout(timer);
  };

  /** Without a terminal, an environment, X11 or an agent: ssh2 asks for them only when told to. */
  async #exec(line: string, streams: Streams): Promise<Result<SshProgram, string>> {
    const opened = Promise.withResolvers<Result<SshProgram, string>>();
    const late = 'The helper machine did not start a program in time.';
    const timer = setTimeout(() => opened.resolve(no(late)), this.#times.answerMsMax);
    let isWanted = true;
    try {
      this.#client.exec(line, { pty: false }, (error, channel) => {
        if (error !== undefined) return opened.resolve(no('The helper machine does not start programs.'));
        const program = new SshProgram(channel, streams, this.#times, (words) => this.#kill(words));
        // It came after all, and nobody waits for it any more.
        if (!isWanted) program.stop();
        opened.resolve(ok(program));
      });
    } catch {
      // ssh2 throws when the socket is no longer writable.
      opened.resolve(no('The connection to the helper machine is closed.'));
    }
    const answer = await opened.promise;
    clearTimeout(timer);
    isWanted = false;
    return answer;
  }

  /** ssh2 can send a signal only while the input is open; so a second program sends it. It may fail: then the next step comes. */
  #kill(words: readonly string[]): void {
    const line = shellCommand(words);
    if (line === null || !this.#isOpen) return;
    const ignore = (): void => undefined;
    try {
      this.#client.exec(line, { pty: false }, (error, channel) => {
        if (error !== undefined) return;
        channel.on('error', ignore).on('data', ignore).end();
        channel.stderr.on('data', ignore);
      });
    } catch {
      // The connection has gone, and with it what was to be killed.
      this.#isOpen = false;
    }
  }
}
