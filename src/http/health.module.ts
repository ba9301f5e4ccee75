import { Module } from '@nestjs/common';
import { Database } from '../storage/database.js';
import { DatabaseReadiness } from '../storage/database-readiness.js';
import { HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';

@Module({
  controllers: [HealthController],
  providers: [{ provide: Readiness, inject: [Database], useFactory: (database: Database) => new DatabaseReadiness(database) }],
})
export class HealthModule {}
