import { type BeforeApplicationShutdown, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../config/config.js';
import { ChangeStore } from '../intake/change-store.js';
import { WriteRules } from '../intake/write-rules.js';
import { OutboundClient } from '../outbound/outbound-client.js';
import { OutboundModule, outboundPolicyOf } from '../outbound/outbound.module.js';
import { refusalOfEndpoint } from '../outbound/outbound-policy.js';
import { SecretView } from '../secrets/secret-view.js';
import { Vault } from '../secrets/vault.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { Database } from '../storage/database.js';
import { HubPresence } from '../storage/hub-presence.js';
import { PostgresSourceStore } from '../storage/source-store.js';
import { Log } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { WakeUps } from '../wake-ups/wake-ups.js';
import { EndpointRule } from './endpoint.rule.js';
import { OutboundSourceClient } from './outbound-source-client.js';
import { SourceClient } from './source-client.js';
import { SourceStore } from './source-store.js';
import { SOURCES_SETTINGS, SourcesWorker } from './sources.worker.js';

/** A walk is held in memory as text; a larger history says so in the log and asks to be narrowed by type. */
const LIMITS = { pages: 10_000, bytes: 512 * 1024 * 1024, unitWrites: 200 };

/** Sources are polled; what they bring goes through intake's door. */
@Module({
  imports: [OutboundModule],
  providers: [
    {
      provide: SourceStore,
      inject: [Database, Vault, Log],
      useFactory: (database: Database, vault: Vault, log: Log) => {
        const view = new SecretView(vault, 'reader', (err) => log.error({ err }, 'secrets.unreadable'));
        return new PostgresSourceStore(database, ({ id, body }) => view.show({ type: 'Endpoint', id, body }).body);
      },
    },
    { provide: SourceClient, inject: [OutboundClient], useFactory: (client: OutboundClient) => new OutboundSourceClient(client) },
    {
      provide: SourcesWorker,
      inject: [SourceStore, ChangeStore, SearchSemantics, SourceClient, WakeUps, HubPresence, Log, Metrics],
      useFactory: (
        store: SourceStore,
        changes: ChangeStore,
        semantics: SearchSemantics,
        client: SourceClient,
        wakeUps: WakeUps,
        presence: HubPresence,
        log: Log,
        metrics: Metrics,
      ) => {
        const parts = { client, intake: changes, ownBases: semantics.bases, limits: LIMITS };
        const onChanges = (listener: () => void) => wakeUps.on('changes', listener);
        return new SourcesWorker(store, presence.name, parts, log, onChanges, SOURCES_SETTINGS, Math.random, metrics.polls);
      },
    },
  ],
})
export class SourcesModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly worker: SourcesWorker,
    store: SourceStore,
    rules: WriteRules,
    semantics: SearchSemantics,
    config: Config,
  ) {
    const policy = outboundPolicyOf(config);
    rules.add(new EndpointRule(store, semantics.bases, (url) => refusalOfEndpoint(url, policy)));
  }

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  /** Before the client closes under a poll. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
