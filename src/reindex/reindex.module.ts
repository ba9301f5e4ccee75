import { Module, type BeforeApplicationShutdown, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { WriteRules } from '../intake/write-rules.js';
import { CurrentParameters } from '../search/custom/current-parameters.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { Database } from '../storage/database.js';
import { HubPresence } from '../storage/hub-presence.js';
import { PostgresWalks } from '../storage/walks.js';
import { Log } from '../telemetry/log.js';
import { ReindexWorker } from './reindex.worker.js';
import { SearchParameterRule } from './search-parameter-rule.js';

/** A page is read, worked out and kept in far less. */
const LEASE_SECONDS = 60;

/** What was stored before a search parameter was defined becomes found by it. */
@Module({
  providers: [
    {
      provide: SearchParameterRule,
      inject: [SearchSemantics, CurrentParameters],
      useFactory: (semantics: SearchSemantics, current: CurrentParameters) => new SearchParameterRule(semantics, current),
    },
    {
      provide: ReindexWorker,
      inject: [Database, SearchSemantics, CurrentParameters, HubPresence, Log],
      useFactory: (database: Database, semantics: SearchSemantics, current: CurrentParameters, presence: HubPresence, log: Log) =>
        new ReindexWorker(
          {
            walks: new PostgresWalks(database),
            semantics,
            refresh: () => current.refresh(),
            leaseSeconds: LEASE_SECONDS,
            onError: (resource, err) => log.error({ err, resource }, 'reindex.resource-not-indexed'),
          },
          () => current.takeUp(),
          presence.name,
          log,
        ),
    },
  ],
})
export class ReindexModule implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly rules: WriteRules,
    private readonly rule: SearchParameterRule,
    private readonly worker: ReindexWorker,
    private readonly current: CurrentParameters,
  ) {}

  onModuleInit(): void {
    this.rules.add(this.rule);
  }

  onApplicationBootstrap(): void {
    this.current.onChange(() => this.worker.wake());
    this.worker.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
