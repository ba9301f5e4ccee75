import { Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { SealingChangeStore } from '../intake/sealing-change-store.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { PostgresChangeLog } from '../storage/change-log.js';
import { Database } from '../storage/database.js';
import { PostgresEventLedger } from '../storage/event-ledger.js';
import { PostgresFailingGroups } from '../storage/failing-groups.js';
import { HubPresence } from '../storage/hub-presence.js';
import { PostgresLinkedResources } from '../storage/linked-resources.js';
import { RecentVersions } from '../storage/recent-versions.js';
import { ChangeStoreStatusWriter } from '../storage/status-writer.js';
import { Log } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { WakeUps } from '../wake-ups/wake-ups.js';
import { DEFAULT_MATCHING, MatchingWorker } from './matching.worker.js';
import { measuredSemantics } from './measured-semantics.js';

/** Stored changes become numbered events, in this process or in another one on the same database. */
@Module({
  providers: [
    {
      provide: MatchingWorker,
      inject: [Database, SealingChangeStore, RecentVersions, WakeUps, SearchSemantics, HubPresence, Metrics, Log],
      useFactory: (
        database: Database,
        changes: SealingChangeStore,
        recent: RecentVersions,
        wakeUps: WakeUps,
        semantics: SearchSemantics,
        presence: HubPresence,
        { matching: recorder }: Metrics,
        log: Log,
      ) => {
        const worker = new MatchingWorker(
          new PostgresChangeLog(database, recent),
          new PostgresEventLedger(database),
          wakeUps,
          measuredSemantics(semantics, recorder),
          log,
          { ...DEFAULT_MATCHING, process: presence.name },
          recorder,
          {
            linked: new PostgresLinkedResources(database, semantics),
            failing: new PostgresFailingGroups(database, new ChangeStoreStatusWriter(changes.ofStoredTexts)),
          },
        );
        recorder.indexIs(() => worker.counters);
        return worker;
      },
    },
  ],
  exports: [MatchingWorker],
})
export class MatchingModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(private readonly worker: MatchingWorker) {}

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
