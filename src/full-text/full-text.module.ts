import { Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '../storage/database.js';
import { PostgresFullTextIndex } from '../storage/full-text-index.js';
import { Log } from '../telemetry/log.js';
import { WakeUps } from '../wake-ups/wake-ups.js';
import { FullTextWorker } from './full-text.worker.js';

/** What `_text` and `_content` are answered by: searches are found by it, and writes do not wait for it. */
@Module({
  providers: [
    {
      provide: FullTextWorker,
      inject: [Database, WakeUps, Log],
      useFactory: (database: Database, wakeUps: WakeUps, log: Log) =>
        new FullTextWorker(new PostgresFullTextIndex(database), wakeUps, log),
    },
  ],
})
export class FullTextModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(private readonly worker: FullTextWorker) {}

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
