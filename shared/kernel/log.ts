/**
 * Structured logs. Messages are constant strings; values go in fields. Digits, payloads and
 * anything a caller said go only in fields named `pii`, which are removed unless the level is
 * `trace`; credentials never reach a log line (see `redactUrl`).
 */
import { type Logger as PinoLogger, pino } from 'pino';

export type Logger = Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'child'>;

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** A logger for one process. `name` is the process: api, gateway, worker, phones. */
export function createLogger(name: string, level: LogLevel): Logger {
  return pino({
    name,
    level,
    base: { name, pid: process.pid },
    redact: level === 'trace' ? [] : { paths: ['pii', '*.pii'], remove: true },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
}

/** A logger that says nothing, for tests and tools. */
export const silentLogger: Logger = pino({ level: 'silent' });
