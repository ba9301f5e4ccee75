import { Global, Module } from '@nestjs/common';
import { Config } from '../config/config.js';
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
  ],
  exports: [SearchSemantics],
})
export class SearchModule {}
