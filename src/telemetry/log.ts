import { pino } from 'pino';

/**
 * The hub's log. The first argument holds the facts (ids, counts, durations, an `err`), the second names what happened
 * (`delivery.attempted`). Resource content, tokens and headers never go in.
 */
export abstract class Log {
  abstract debug(facts: object, event: string): void;
  abstract info(facts: object, event: string): void;
  abstract warn(facts: object, event: string): void;
  /** Someone should act now. */
  abstract error(facts: object, event: string): void;
  abstract fatal(facts: object, event: string): void;
}

/** One JSON line per entry on standard output, written at once, so that the last words of a process are not lost. */
export function openLog(level: string): Log {
  return pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 1, sync: true }));
}

/** For tests and scripts that want to hear nothing. */
export const SILENT_LOG: Log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };
