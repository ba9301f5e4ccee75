import { Module } from '@nestjs/common';
import type { NotifiedVersion } from '../fhir/event-parts.js';
import { SecretView } from '../secrets/secret-view.js';
import { Vault } from '../secrets/vault.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { PostgresContextStore } from '../storage/context-store.js';
import { Database } from '../storage/database.js';
import { PostgresEventLog } from '../storage/event-log.js';
import { RecentVersions } from '../storage/recent-versions.js';
import { Log } from '../telemetry/log.js';
import { CurrentCatalog } from '../topics/current-catalog.js';
import { EventContexts } from './event-contexts.js';
import { EventLog } from './event-log.js';
import { EventLogWithContext } from './event-log-with-context.js';

/** The numbered log for all who tell of events: with the context that the topics' notification shapes add. */
@Module({
  providers: [
    {
      provide: EventLog,
      inject: [Database, RecentVersions, CurrentCatalog, SearchSemantics, Vault, Log],
      useFactory: (
        database: Database,
        recent: RecentVersions,
        catalog: CurrentCatalog,
        semantics: SearchSemantics,
        vault: Vault,
        log: Log,
      ) => {
        const view = new SecretView(vault, 'subscriber');
        const show = (version: NotifiedVersion) => view.show(version);
        const contexts = new EventContexts(
          new PostgresContextStore(database),
          catalog,
          semantics,
          (err, { type, id }) => log.error({ err, type, id }, 'context.resource-unreadable'),
          show,
        );
        return new EventLogWithContext(new PostgresEventLog(database, recent), contexts, show);
      },
    },
  ],
  exports: [EventLog],
})
export class EventLogModule {}
