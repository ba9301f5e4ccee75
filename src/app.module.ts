import { type DynamicModule, Module } from '@nestjs/common';
import type { Config } from './config/config.js';
import { ConfigModule } from './config/config.module.js';
import { DeliveryModule } from './delivery/delivery.module.js';
import { ExportModule } from './export/export.module.js';
import { FullTextModule } from './full-text/full-text.module.js';
import { EdgeModule } from './http/edge.module.js';
import { HealthModule } from './http/health.module.js';
import { MetricsModule } from './http/metrics.module.js';
import { IntakeModule } from './intake/intake.module.js';
import { MaintenanceModule } from './maintenance/maintenance.module.js';
import { MatchingModule } from './matching/matching.module.js';
import { PullModule } from './pull/pull.module.js';
import { ResourceOperationsModule } from './pull/resource-operations.module.js';
import { SubscriptionOperationsModule } from './pull/subscription-operations.module.js';
import { ReindexModule } from './reindex/reindex.module.js';
import { SecretsModule } from './secrets/secrets.module.js';
import { SearchModule } from './search/search.module.js';
import { SourcesModule } from './sources/sources.module.js';
import { StorageModule } from './storage/storage.module.js';
import { SubscriptionsModule } from './subscriptions/subscriptions.module.js';
import type { Log } from './telemetry/log.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';
import { TopicsModule } from './topics/topics.module.js';

/** The whole object graph, in the order of the data's way. */
@Module({})
export class AppModule {
  static of(config: Config, log: Log, databaseUrl: string): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.of(config),
        TelemetryModule.of(log),
        StorageModule.of(databaseUrl),
        SecretsModule,
        SearchModule,
        EdgeModule,
        HealthModule,
        MetricsModule,
        IntakeModule,
        ReindexModule,
        TopicsModule,
        SubscriptionsModule,
        SourcesModule,
        MatchingModule,
        FullTextModule,
        DeliveryModule,
        // Before pull, whose addresses with a parameter would catch those of exports.
        ExportModule,
        PullModule,
        ResourceOperationsModule,
        SubscriptionOperationsModule,
        MaintenanceModule,
      ],
    };
  }
}
