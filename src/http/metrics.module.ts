import { Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { Config } from '../config/config.js';
import { Database } from '../storage/database.js';
import { PostgresFigures } from '../storage/database-figures.js';
import { SearchDatabase } from '../storage/search-database.js';
import { FigureGauges } from '../telemetry/figure-gauges.js';
import { HorizonWatch } from '../telemetry/horizon-watch.js';
import { LatestFigures } from '../telemetry/latest-figures.js';
import { Log } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { MetricsController } from './metrics.controller.js';
import { watchRequests } from './watch-requests.js';

/** The hub as operators watch it: `/metrics`, and a word in the log when the change log is held back. */
@Module({
  controllers: [MetricsController],
  providers: [
    {
      provide: FigureGauges,
      inject: [Metrics, PostgresFigures],
      useFactory: (metrics: Metrics, figures: PostgresFigures) =>
        new FigureGauges(metrics.registry, new LatestFigures(figures, () => metrics.delivery.places())),
    },
    {
      provide: HorizonWatch,
      inject: [PostgresFigures, Config, Log],
      useFactory: (figures: PostgresFigures, config: Config, log: Log) =>
        new HorizonWatch(figures, config.telemetry.horizonWarnSeconds, log),
    },
  ],
})
export class MetricsModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly watch: HorizonWatch,
    _gauges: FigureGauges,
    metrics: Metrics,
    database: Database,
    searches: SearchDatabase,
    host: HttpAdapterHost,
  ) {
    metrics.pools.poolIs('work', () => database.connections);
    metrics.pools.poolIs('search', () => searches.connections);
    watchRequests(host.httpAdapter.getInstance<FastifyInstance>(), metrics.requests);
  }

  onApplicationBootstrap(): void {
    this.watch.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.watch.stop();
  }
}
