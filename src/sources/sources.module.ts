import { Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ChangeStore } from '../intake/change-store.js';
import { WriteRules } from '../intake/write-rules.js';
import { OutboundClient } from '../outbound/outbound-client.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { Database } from '../storage/database.js';
import { PostgresSourceStore } from '../storage/source-store.js';
import { Log } from '../telemetry/log.js';
import { WakeUps } from '../wake-ups/wake-ups.js';
import { EndpointRule } from './endpoint.rule.js';
import { OutboundSourceClient } from './outbound-source-client.js';
import { SourceClient } from './source-client.js';
import { SourceStore } from './source-store.js';
import { SourcesWorker } from './sources.worker.js';

/** A walk is held in memory as text; a larger history says so in the log and asks to be narrowed by type. */
const LIMITS = { pages: 10_000, bytes: 512 * 1024 * 1024, unitWrites: 200 };

/** Sources are polled; what they bring goes through intake's door. */
@Module({
  providers: [
    { provide: SourceStore, inject: [Database], useFactory: (database: Database) => new PostgresSourceStore(database) },
    {
      provide: OutboundClient,
      useFactory: () =>
        new OutboundClient({ policy: { allowLoopback: true, allowed: [] }, connectSeconds: 10, connectionsPerOrigin: 4 }),
    },
    { provide: SourceClient, inject: [OutboundClient], useFactory: (client: OutboundClient) => new OutboundSourceClient(client) },
    {
      provide: SourcesWorker,
      inject: [SourceStore, ChangeStore, SearchSemantics, SourceClient, WakeUps, Log],
      useFactory: (
        store: SourceStore,
        changes: ChangeStore,
        semantics: SearchSemantics,
        client: SourceClient,
        wakeUps: WakeUps,
        log: Log,
      ) => {
        const parts = { client, intake: changes, ownBases: semantics.bases, limits: LIMITS };
        return new SourcesWorker(store, parts, log, (listener) => wakeUps.on('changes', listener));
      },
    },
  ],
})
export class SourcesModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly worker: SourcesWorker,
    private readonly client: OutboundClient,
    store: SourceStore,
    rules: WriteRules,
    semantics: SearchSemantics,
  ) {
    rules.add(new EndpointRule(store, semantics.bases));
  }

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.worker.stop();
    await this.client.close();
  }
}
