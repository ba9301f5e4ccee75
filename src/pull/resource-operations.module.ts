import { Module } from '@nestjs/common';
import { WriteRules } from '../intake/write-rules.js';
import { FaceReader } from './face-reader.js';
import { PullModule } from './pull.module.js';
import { ValidateOperation } from './validate.operation.js';
import { Validations } from './validations.js';
import { WriteChecks } from './write-checks.js';

/** The operations of the standard on resources of any type. */
@Module({
  imports: [PullModule],
  controllers: [ValidateOperation],
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
      inject: [FaceReader, WriteChecks],
      useFactory: (reader: FaceReader, checks: WriteChecks) => new Validations(reader, checks),
    },
  ],
})
export class ResourceOperationsModule {}
