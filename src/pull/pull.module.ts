import { readFileSync } from 'node:fs';

import { Module, type OnApplicationShutdown } from '@nestjs/common';

import { Config } from '../config/config.js';
import { definitions } from '../fhir/definitions.js';
import { NEVER_STORED } from '../fhir/never-stored.js';
import { SecretView } from '../secrets/secret-view.js';
import { Vault } from '../secrets/vault.js';
import { Compartments } from '../search/compartments.js';
import { CurrentParameters } from '../search/custom/current-parameters.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { Database } from '../storage/database.js';
import { PostgresResourceReader } from '../storage/resource-reader.js';
import { SearchDatabase } from '../storage/search-database.js';
import { Log } from '../telemetry/log.js';
import { WakeUps } from '../wake-ups/wake-ups.js';
import { Addresses } from './addresses.js';
import { CompartmentController } from './compartment.controller.js';
import { FaceReader } from './face-reader.js';
import { HistoryController } from './history.controller.js';
import { MetadataController } from './metadata.controller.js';
import { MetadataText } from './metadata-text.js';
import { OWN_OPERATIONS } from './operation-definitions.js';
import { ReadController } from './read.controller.js';
import { ResourceReader } from './resource-reader.js';
import { SearchAnswers } from './search-answers.js';
import { SearchController } from './search.controller.js';
import { ShownResources } from './shown-resources.js';
import { SystemSearchController } from './system-search.controller.js';
import { VersionReadController } from './vread.controller.js';

/** The same place seen from `src/pull` and from `dist/pull`. */
const HUB_VERSION = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
  .version;

@Module({
  controllers: [
    MetadataController,
    HistoryController,
    VersionReadController,
    ReadController,
    SystemSearchController,
    SearchController,
    CompartmentController,
  ],
  providers: [
    {
      provide: Addresses,
      inject: [Config],
      useFactory: (config: Config) =>
        new Addresses(
          config.http.publicUrl,
          (name) => definitions().isResourceType(name) && !NEVER_STORED.has(name),
          definitions().resourceTypes.filter((type) => !NEVER_STORED.has(type)),
        ),
    },
    { provide: Compartments, useFactory: () => Compartments.load() },
    {
      provide: SearchAnswers,
      inject: [Addresses, SearchSemantics, FaceReader, CurrentParameters],
      useFactory: (addresses: Addresses, semantics: SearchSemantics, reader: FaceReader, parameters: CurrentParameters) =>
        new SearchAnswers(addresses, semantics, reader, parameters),
    },
    {
      provide: ResourceReader,
      inject: [Database, SearchDatabase, SearchSemantics, WakeUps, Config],
      useFactory: (database: Database, searches: SearchDatabase, semantics: SearchSemantics, wakeUps: WakeUps, config: Config) =>
        new PostgresResourceReader(database, searches, semantics, config.pull.searchSeconds * 1000, undefined, () =>
          wakeUps.send('full-text'),
        ),
    },
    {
      provide: ShownResources,
      inject: [ResourceReader, Vault, Log],
      useFactory: (reader: ResourceReader, vault: Vault, log: Log) => {
        const view = new SecretView(vault, 'reader', (err) => log.error({ err }, 'secrets.unreadable'));
        return new ShownResources(reader, view);
      },
    },
    {
      provide: FaceReader,
      inject: [ShownResources, SearchSemantics],
      useFactory: (reader: ShownResources, semantics: SearchSemantics) => new FaceReader(reader, semantics, OWN_OPERATIONS),
    },
    {
      provide: MetadataText,
      inject: [Addresses, SearchSemantics, CurrentParameters, ResourceReader, Config],
      useFactory: (
        addresses: Addresses,
        semantics: SearchSemantics,
        parameters: CurrentParameters,
        reader: ResourceReader,
        config: Config,
      ) =>
        new MetadataText(addresses, semantics, parameters, reader, {
          publicUrl: config.http.publicUrl,
          version: HUB_VERSION,
          reliableCacheMinutes: config.messages.cacheMinutes,
          cors: !config.http.corsOrigins.includes('none'),
          sendsMail: config.mail.smtpUrl !== undefined,
          enforcesReferences: config.writes.danglingReferences === 'refused',
          types: definitions().resourceTypes.filter((type) => !NEVER_STORED.has(type)),
        }),
    },
  ],
  exports: [ResourceReader, ShownResources, FaceReader, Addresses],
})
export class PullModule implements OnApplicationShutdown {
  constructor(private readonly searches: SearchDatabase) {}

  async onApplicationShutdown(): Promise<void> {
    await this.searches.close();
  }
}
