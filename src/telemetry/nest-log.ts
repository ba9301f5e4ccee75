import type { LoggerService } from '@nestjs/common';
import type { Log } from './log.js';

/** Nest's own words in our log: what it does step by step at `debug`, its complaints as they are. */
export class NestLog implements LoggerService {
  constructor(private readonly target: Log) {}

  log(message: unknown, context?: string): void {
    this.target.debug({ context, message: String(message) }, 'nest');
  }

  debug(message: unknown, context?: string): void {
    this.log(message, context);
  }

  verbose(message: unknown, context?: string): void {
    this.log(message, context);
  }

  warn(message: unknown, context?: string): void {
    this.target.warn({ context, message: String(message) }, 'nest');
  }

  error(message: unknown, ...rest: unknown[]): void {
    const err = message instanceof Error ? message : undefined;
    this.target.error({ err, message: err === undefined ? String(message) : undefined, context: rest.at(-1) }, 'nest');
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.error(message, ...rest);
  }
}
