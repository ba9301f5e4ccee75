import { Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../config/config.js';
import { ExportModule } from '../export/export.module.js';
import { PruneExports } from '../export/prune-exports.js';
import { Database } from '../storage/database.js';
import { PostgresRetention } from '../storage/retention.js';
import { Log } from '../telemetry/log.js';
import { Housekeeping } from './housekeeping.js';
import { PruneAttempts } from './prune-attempts.js';
import { PruneDeadLetters } from './prune-dead-letters.js';
import { PruneEvents } from './prune-events.js';
import { PruneMatchBatches } from './prune-match-batches.js';
import { PruneMessages } from './prune-messages.js';
import { PruneResends } from './prune-resends.js';
import { PruneTokens } from './prune-tokens.js';

/** Old rows go. Heartbeats and ends of Subscriptions are times in their cursors, which delivery keeps (docs/delivery-lifecycle.md). */
@Module({
  imports: [ExportModule],
  providers: [
    {
      provide: Housekeeping,
      inject: [Database, Config, Log, PruneExports],
      useFactory: (database: Database, config: Config, log: Log, pruneExports: PruneExports) => {
        const retention = new PostgresRetention(database);
        const chores = [
          new PruneMatchBatches(retention),
          new PruneAttempts(retention, config.maintenance.attemptDays),
          new PruneTokens(retention),
          new PruneResends(retention, config.maintenance.attemptDays),
          new PruneDeadLetters(retention, config.maintenance.attemptDays, config.maintenance.eventDays),
          new PruneEvents(retention, config.maintenance.eventDays),
          new PruneMessages(retention, config.messages.cacheMinutes),
          pruneExports,
        ];
        return new Housekeeping(chores, log);
      },
    },
  ],
})
export class MaintenanceModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(private readonly housekeeping: Housekeeping) {}

  onApplicationBootstrap(): void {
    this.housekeeping.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.housekeeping.stop();
  }
}
