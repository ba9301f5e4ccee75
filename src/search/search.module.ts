import { Global, Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Database } from '../storage/database.js';
import { PostgresParameterStore } from '../storage/custom-parameters.js';
import { Log } from '../telemetry/log.js';
import { CurrentParameters } from './custom/current-parameters.js';
import { ParameterStore } from './custom/parameter-store.js';
import { SearchDefinitions } from './search-definitions.js';
import { SearchSemantics } from './search-semantics.js';

/** The one meaning of searches, for every stage. */
@Global()
@Module({
  providers: [
    {
      provide: SearchSemantics,
      inject: [Config],
      useFactory: ({ http: { publicUrl } }: Config) =>
        new SearchSemantics(SearchDefinitions.load(), [`${publicUrl}/fhir/r4b`, `${publicUrl}/fhir/r4`]),
    },
    {
      provide: ParameterStore,
      inject: [Database],
      useFactory: (database: Database) => new PostgresParameterStore(database),
    },
    {
      provide: CurrentParameters,
      inject: [SearchSemantics, ParameterStore, Log],
      useFactory: (semantics: SearchSemantics, store: ParameterStore, log: Log) =>
        new CurrentParameters(semantics, store, (err) => log.warn({ err }, 'search-parameters.not-taken-up')),
    },
  ],
  exports: [SearchSemantics, ParameterStore, CurrentParameters],
})
export class SearchModule {}
