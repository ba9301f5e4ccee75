import { type DynamicModule, Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { Log } from '../telemetry/log.js';
import { WakeUps } from '../wake-ups/wake-ups.js';
import { Database } from './database.js';
import { PostgresFigures } from './database-figures.js';
import { HubPresence } from './hub-presence.js';
import { LogEpoch } from './log-epoch.js';
import { PostgresWakeUps } from './postgres-wake-ups.js';
import { RecentVersions } from './recent-versions.js';
import { SearchDatabase } from './search-database.js';

/** The database, the epoch of its log and the wake-ups, for every module. Main closes them, after all modules have stopped. */
@Module({})
export class StorageModule {
  /** `url`: a database that is migrated and answers. */
  static of(url: string): DynamicModule {
    return {
      module: StorageModule,
      global: true,
      providers: [
        {
          provide: Database,
          inject: [Config, Log],
          useFactory: (config: Config, log: Log) =>
            new Database(url, config.storage.poolSize, (error) => log.debug({ err: error }, 'database.connection-lost'), {
              statement_timeout: config.storage.statementSeconds * 1000,
            }),
        },
        {
          provide: SearchDatabase,
          inject: [Config, Log],
          useFactory: (config: Config, log: Log) =>
            new SearchDatabase(
              url,
              Math.max(2, Math.floor(config.storage.poolSize / 2)),
              (error) => log.debug({ err: error }, 'database.connection-lost'),
              config.pull.searchSeconds * 1000,
            ),
        },
        { provide: LogEpoch, inject: [Database], useFactory: (database: Database) => LogEpoch.open(database) },
        {
          provide: PostgresWakeUps,
          inject: [Log],
          useFactory: (log: Log) => {
            const wakeUps = new PostgresWakeUps(url, (error) => log.debug({ err: error }, 'wake-ups.connection-lost'));
            wakeUps.start();
            return wakeUps;
          },
        },
        { provide: WakeUps, useExisting: PostgresWakeUps },
        { provide: RecentVersions, useFactory: () => new RecentVersions() },
        {
          provide: PostgresFigures,
          inject: [HubPresence, SearchSemantics],
          useFactory: (presence: HubPresence, semantics: SearchSemantics) => new PostgresFigures(url, presence.name, semantics),
        },
        {
          provide: HubPresence,
          // Seen by others before any lease bears its name.
          useFactory: async () => {
            const presence = new HubPresence(url);
            await presence.start();
            return presence;
          },
        },
      ],
      exports: [Database, HubPresence, SearchDatabase, LogEpoch, PostgresFigures, RecentVersions, WakeUps],
    };
  }
}
