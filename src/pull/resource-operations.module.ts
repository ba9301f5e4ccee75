import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { ClientWrites } from '../intake/client-writes.js';
import { WriteRules } from '../intake/write-rules.js';
import { definitions } from '../fhir/definitions.js';
import { NEVER_STORED } from '../fhir/never-stored.js';
import { PostgresMetaInUse } from '../storage/meta-in-use.js';
import { SearchDatabase } from '../storage/search-database.js';
import { Config } from '../config/config.js';
import { Compartments } from '../search/compartments.js';
import { CurrentParameters } from '../search/custom/current-parameters.js';
import { ParameterStore } from '../search/custom/parameter-store.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { PostgresCompartmentMembers } from '../storage/compartment-members.js';
import { RuleProcess } from '../validation/rule-process.js';
import { DocumentOperation } from './document.operation.js';
import { Documents } from './documents.js';
import { Everything } from './everything.js';
import { EverythingOperation } from './everything.operation.js';
import { FaceReader } from './face-reader.js';
import { MetaChangesOperation } from './meta-changes.operation.js';
import { MetaOperation } from './meta.operation.js';
import { Metas } from './metas.js';
import { PullModule } from './pull.module.js';
import { ReindexOperation } from './reindex.operation.js';
import { Reindexing } from './reindexing.js';
import { ResourceReader } from './resource-reader.js';
import { ResourceWrites } from './resource-writes.js';
import { ValidateOperation } from './validate.operation.js';
import { Validations } from './validations.js';
import { WriteChecks } from './write-checks.js';

/** The operations of the standard on resources of any type, and the hub's own on SearchParameters. */
@Module({
  imports: [PullModule],
  controllers: [ValidateOperation, MetaOperation, MetaChangesOperation, EverythingOperation, DocumentOperation, ReindexOperation],
  providers: [
    {
      provide: WriteChecks,
      inject: [WriteRules],
      useFactory: (rules: WriteRules): WriteChecks => ({
        content: async (face, type, id, resource) => {
          await rules.apply(type, { text: JSON.stringify(resource), value: resource }, id, face);
          return rules.remarks(type, resource, id, face);
        },
        removal: (face, type, id) => rules.checkDelete(type, id, face),
      }),
    },
    {
      provide: Validations,
      inject: [FaceReader, WriteChecks, RuleProcess, Config],
      useFactory: (reader: FaceReader, checks: WriteChecks, rules: RuleProcess, config: Config) =>
        new Validations(reader, checks, rules, config.pull.validationSeconds * 1000),
    },
    {
      provide: RuleProcess,
      inject: [Config],
      useFactory: (config: Config) =>
        new RuleProcess(new URL('../validation/rule-worker.js', import.meta.url), config.pull.validationSeconds * 1000),
    },
    {
      provide: ResourceWrites,
      inject: [ClientWrites],
      useFactory: (writes: ClientWrites): ResourceWrites => ({
        create: async (face, type, resource) => (await writes.create(face, type, resource)).change,
        update: async (face, type, id, resource, version) => {
          const outcome = await writes.update(face, type, id, resource, { ifMatch: version });
          if (outcome.kind === 'absent') throw new Error('An update came to nothing');
          return outcome.change;
        },
      }),
    },
    {
      provide: Everything,
      inject: [FaceReader, SearchDatabase, SearchSemantics, Config],
      useFactory: (reader: FaceReader, searches: SearchDatabase, semantics: SearchSemantics, config: Config) =>
        new Everything(
          reader,
          new PostgresCompartmentMembers(searches),
          Compartments.load(),
          semantics,
          config.pull.searchSeconds * 1000,
        ),
    },
    {
      provide: Documents,
      inject: [FaceReader, ResourceWrites, SearchSemantics],
      useFactory: (reader: FaceReader, writes: ResourceWrites, semantics: SearchSemantics) =>
        new Documents(reader, writes, semantics.bases),
    },
    {
      provide: Reindexing,
      inject: [ResourceReader, ParameterStore, CurrentParameters],
      useFactory: (reader: ResourceReader, store: ParameterStore, parameters: CurrentParameters) =>
        new Reindexing(reader, store, parameters),
    },
    {
      provide: Metas,
      inject: [FaceReader, SearchDatabase, ResourceWrites],
      useFactory: (reader: FaceReader, searches: SearchDatabase, writes: ResourceWrites) =>
        new Metas(
          reader,
          new PostgresMetaInUse(searches),
          writes,
          definitions().resourceTypes.filter((type) => !NEVER_STORED.has(type)),
        ),
    },
  ],
})
export class ResourceOperationsModule implements OnApplicationShutdown {
  constructor(private readonly rules: RuleProcess) {}

  onApplicationShutdown(): void {
    this.rules.stop();
  }
}
