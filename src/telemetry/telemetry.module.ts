import { type DynamicModule, Module } from '@nestjs/common';
import { Log } from './log.js';

/** Gives the log, opened once by main, to every module. */
@Module({})
export class TelemetryModule {
  static of(log: Log): DynamicModule {
    return { module: TelemetryModule, global: true, providers: [{ provide: Log, useValue: log }], exports: [Log] };
  }
}
