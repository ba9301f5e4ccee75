import { type DynamicModule, Module } from '@nestjs/common';
import { Log } from './log.js';
import { Metrics } from './metrics.js';

/** Gives the log, opened once by main, and what is measured to every module. */
@Module({})
export class TelemetryModule {
  static of(log: Log): DynamicModule {
    return {
      module: TelemetryModule,
      global: true,
      providers: [
        { provide: Log, useValue: log },
        { provide: Metrics, useFactory: () => new Metrics() },
      ],
      exports: [Log, Metrics],
    };
  }
}
