import { pino } from 'pino';
import { type KnownSecret, redactText } from '../lib/redact.ts';
import type { Log } from '../ports.ts';

interface LogOptions {
  readonly level: string;
  readonly fileDescriptor: number;
  /** Our own credentials, which no line may hold. */
  readonly known?: readonly KnownSecret[];
}

/**
 * pino without a worker: one synchronous destination, because a transport thread costs 24 MiB (notes/perf.md 2a). Every line is
 * redacted as a whole, so that a token in an error's message or stack does not get by.
 */
export function pinoLog(options: LogOptions): Log {
  const destination = pino.destination({ dest: options.fileDescriptor, sync: true });
  const logger = pino(
    {
      level: options.level,
      base: null,
      redact: {
        paths: ['pin', 'token', 'secret', 'cookie', 'authorization', '*.pin', '*.token', '*.secret'],
        censor: '[redacted]',
      },
    },
    { write: (line: string) => destination.write(redactText(line, options.known)) },
  );
  return {
    debug: (fields, sentence) => logger.debug(fields, sentence),
    info: (fields, sentence) => logger.info(fields, sentence),
    warn: (fields, sentence) => logger.warn(fields, sentence),
    error: (fields, sentence) => logger.error(fields, sentence),
  };
}
