import { pino } from 'pino';
import type { Log } from '../ports.ts';

/** pino without a worker: one synchronous destination, because a transport thread costs 24 MiB (notes/perf.md 2a). */
export function pinoLog(options: { readonly level: string; readonly fileDescriptor: number }): Log {
  const logger = pino(
    {
      level: options.level,
      base: null,
      redact: {
        paths: ['pin', 'token', 'secret', 'cookie', 'authorization', '*.pin', '*.token', '*.secret'],
        censor: '[redacted]',
      },
    },
    pino.destination({ dest: options.fileDescriptor, sync: true }),
  );
  return {
    debug: (fields, sentence) => logger.debug(fields, sentence),
    info: (fields, sentence) => logger.info(fields, sentence),
    warn: (fields, sentence) => logger.warn(fields, sentence),
    error: (fields, sentence) => logger.error(fields, sentence),
  };
}
