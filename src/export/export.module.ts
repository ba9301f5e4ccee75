import { join } from 'node:path';
import { Module, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Compartments } from '../search/compartments.js';
import { CurrentParameters } from '../search/custom/current-parameters.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { SecretView } from '../secrets/secret-view.js';
import { Vault } from '../secrets/vault.js';
import { Database } from '../storage/database.js';
import { PostgresExportJobs, PostgresExportSource } from '../storage/exports.js';
import { HubPresence } from '../storage/hub-presence.js';
import { Log } from '../telemetry/log.js';
import { ExportFolder } from './export-folder.js';
import { ExportJobs } from './export-jobs.js';
import { ExportSource } from './export-source.js';
import { ExportWorker } from './export.worker.js';
import { Exports } from './exports.js';
import { ExportFileController } from './file.controller.js';
import { ExportEdge } from './export-edge.js';
import { KickOffController } from './kick-off.controller.js';
import { PruneExports } from './prune-exports.js';
import { ExportStatusController } from './status.controller.js';

/** A page is read, written and kept in far less. */
const LEASE_SECONDS = 60;

/** Everything at once, as files: the slow way to pull. */
@Module({
  controllers: [KickOffController, ExportStatusController, ExportFileController],
  providers: [
    { provide: ExportJobs, inject: [Database], useFactory: (database: Database) => new PostgresExportJobs(database) },
    { provide: ExportSource, inject: [Database], useFactory: (database: Database) => new PostgresExportSource(database) },
    {
      provide: ExportFolder,
      inject: [Config],
      useFactory: (config: Config) => new ExportFolder(config.exports.folder ?? join(config.storage.dataDir, 'exports')),
    },
    {
      provide: Exports,
      inject: [ExportJobs, ExportSource, ExportFolder, Config],
      useFactory: (jobs: ExportJobs, source: ExportSource, folder: ExportFolder, config: Config) =>
        new Exports(jobs, source, folder, config.exports.atOnce),
    },
    {
      provide: ExportEdge,
      inject: [Exports, SearchSemantics, CurrentParameters, Config],
      useFactory: (exports: Exports, semantics: SearchSemantics, parameters: CurrentParameters, config: Config) =>
        new ExportEdge(exports, semantics, Compartments.load(), config.http.publicUrl, parameters),
    },
    {
      provide: ExportWorker,
      inject: [ExportJobs, ExportSource, ExportFolder, ExportEdge, Vault, HubPresence, Config, Log],
      useFactory: (
        jobs: ExportJobs,
        source: ExportSource,
        folder: ExportFolder,
        { semantics, compartments, parameters }: ExportEdge,
        vault: Vault,
        presence: HubPresence,
        config: Config,
        log: Log,
      ) => {
        // Bulk copies go where nobody can tell who reads them: secrets are masked.
        const view = new SecretView(vault, 'subscriber');
        return new ExportWorker(
          {
            ...{ jobs, source, folder, semantics, compartments },
            follow: () => parameters.follow(),
            mask: (resource) => view.show(resource).body,
            onError: (resource, err) => log.error({ err, resource }, 'export.resource-left-out'),
            leaseSeconds: LEASE_SECONDS,
            keepHours: config.exports.hours,
          },
          presence.name,
          log,
        );
      },
    },
    {
      provide: PruneExports,
      inject: [ExportJobs, ExportFolder],
      useFactory: (jobs: ExportJobs, folder: ExportFolder) => new PruneExports(jobs, folder),
    },
  ],
  exports: [PruneExports],
})
export class ExportModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(private readonly worker: ExportWorker) {}

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
