import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { storageFailure } from '../storage/database-failure.js';
import { Log } from '../telemetry/log.js';
import { FaceTypesGuard } from './face-types.guard.js';
import { MediaTypeGuard } from './media-type.guard.js';
import { OutcomeFilter } from './outcome.filter.js';

/** What holds for every FHIR address: refusals are OperationOutcomes, answers have a form the client accepts. */
@Module({
  providers: [
    {
      provide: APP_FILTER,
      inject: [Log],
      useFactory: (log: Log) => new OutcomeFilter(log, (exception) => storageFailure(exception).error),
    },
    { provide: APP_GUARD, useFactory: () => new MediaTypeGuard() },
    { provide: APP_GUARD, useFactory: () => new FaceTypesGuard() },
  ],
})
export class EdgeModule {}
