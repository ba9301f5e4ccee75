import { Global, Module } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { Config } from '../config/config.js';
import { baseOf } from '../http/face.js';
import { serveInside } from '../http/inner-requests.js';
import { PullModule } from '../pull/pull.module.js';
import { ShownResources } from '../pull/shown-resources.js';
import { KeyRegister } from '../secrets/key-register.js';
import { KeyRing } from '../secrets/key-ring.js';
import { SecretRule } from '../secrets/secret-rule.js';
import { Vault } from '../secrets/vault.js';
import { CurrentParameters } from '../search/custom/current-parameters.js';
import { keysOfReferring } from '../search/referring-keys.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { PostgresChangeStore } from '../storage/change-store.js';
import { RecentVersions } from '../storage/recent-versions.js';
import { PostgresConditionLocks } from '../storage/condition-locks.js';
import { Database } from '../storage/database.js';
import { PostgresProcessedMessages } from '../storage/processed-messages.js';
import { Log } from '../telemetry/log.js';
import { WakeUps } from '../wake-ups/wake-ups.js';
import { Batches } from './bundle/batch.js';
import { BundleController } from './bundle/bundle.controller.js';
import { ConditionalReferences } from './bundle/conditional-references.js';
import { OwnRequests } from './bundle/own-requests.js';
import { Transactions } from './bundle/transaction.js';
import { UnpackOperation } from './bundle/unpack.operation.js';
import { Unpacking } from './bundle/unpacking.js';
import { ChangeStore } from './change-store.js';
import { ClientChanges } from './client-changes.js';
import { ClientWrites } from './client-writes.js';
import { ConditionLocks } from './condition-locks.js';
import { CreateController } from './create.controller.js';
import { DeleteController } from './delete.controller.js';
import { FireEventOperation } from './messages/fire-event.operation.js';
import { FiredEvents } from './messages/fired-events.js';
import { Messages } from './messages/messages.js';
import { ProcessMessageOperation } from './messages/process-message.operation.js';
import { PatchController } from './patch.controller.js';
import { MatchingResources } from './matching-resources.js';
import { PublicUrl } from './public-url.js';
import { SealingChangeStore } from './sealing-change-store.js';
import { UpdateController } from './update.controller.js';
import { WriteRules } from './write-rules.js';

/** Changes come in. Global for its door, the change store, and for the rules that other modules add. */
@Global()
@Module({
  // For the reading side alone: conditional interactions and references look for what is stored.
  imports: [PullModule],
  controllers: [
    CreateController,
    UpdateController,
    PatchController,
    DeleteController,
    BundleController,
    UnpackOperation,
    ProcessMessageOperation,
    FireEventOperation,
  ],
  providers: [
    {
      provide: WriteRules,
      useFactory: () => {
        const rules = new WriteRules();
        for (const type of ['Subscription', 'Endpoint'] as const) rules.add(new SecretRule(type));
        return rules;
      },
    },
    { provide: PublicUrl, inject: [Config], useFactory: (config: Config) => new PublicUrl(config.http.publicUrl) },
    { provide: MatchingResources, useExisting: ShownResources },
    {
      provide: ConditionLocks,
      inject: [Database, Config],
      // Each holder needs a second connection for its work, so they may not take up the pool.
      useFactory: (database: Database, config: Config) =>
        new PostgresConditionLocks(database, Math.max(1, Math.floor(config.storage.poolSize / 4))),
    },
    {
      provide: SealingChangeStore,
      inject: [Database, RecentVersions, SearchSemantics, CurrentParameters, WakeUps, Vault, KeyRing, KeyRegister, Log],
      useFactory: (
        database: Database,
        recent: RecentVersions,
        semantics: SearchSemantics,
        parameters: CurrentParameters,
        wakeUps: WakeUps,
        vault: Vault,
        keys: KeyRing,
        register: KeyRegister,
        log: Log,
      ) => {
        const store = new PostgresChangeStore(
          database,
          ({ type, id, value }, lastUpdated) => semantics.indexRows(semantics.extract(type, value, { id, lastUpdated })),
          wakeUps,
          {},
          Date.now,
          recent,
          parameters,
          (type, id) =>
            keysOfReferring(semantics.definitions.resourceTypes(), (source) => semantics.parametersOf(source), type, id),
        );
        return new SealingChangeStore(store, vault, keys, register, (err) => log.error({ err }, 'secrets.not-sealed'));
      },
    },
    { provide: ChangeStore, useExisting: SealingChangeStore },
    {
      provide: ClientChanges,
      inject: [SealingChangeStore, SearchSemantics, Config],
      useFactory: (store: SealingChangeStore, { bases }: SearchSemantics, config: Config) =>
        new ClientChanges(store, config.writes.danglingReferences === 'refused', bases),
    },
    {
      provide: ClientWrites,
      inject: [ClientChanges, WriteRules, MatchingResources, ConditionLocks, SearchSemantics, CurrentParameters],
      useFactory: (
        store: ClientChanges,
        rules: WriteRules,
        resources: MatchingResources,
        locks: ConditionLocks,
        semantics: SearchSemantics,
        parameters: CurrentParameters,
      ) => new ClientWrites(store, rules, resources, locks, semantics, parameters),
    },
    {
      provide: OwnRequests,
      inject: [HttpAdapterHost],
      useFactory: (host: HttpAdapterHost): OwnRequests => ({
        serve: ({ face, method, url, headers, body }) =>
          serveInside(host.httpAdapter.getInstance<FastifyInstance>(), { method, path: `/fhir/${face}/${url}`, headers, body }),
      }),
    },
    {
      provide: Batches,
      inject: [OwnRequests, SearchSemantics],
      useFactory: (requests: OwnRequests, semantics: SearchSemantics) => new Batches(requests, semantics.bases),
    },
    {
      provide: Transactions,
      inject: [
        ...[ClientChanges, ClientWrites, MatchingResources, ConditionLocks, Batches],
        ...[SearchSemantics, CurrentParameters, PublicUrl],
      ],
      useFactory: (
        store: ClientChanges,
        writes: ClientWrites,
        resources: MatchingResources,
        locks: ConditionLocks,
        batches: Batches,
        semantics: SearchSemantics,
        parameters: CurrentParameters,
        { value: publicUrl }: PublicUrl,
      ) =>
        new Transactions(store, writes, new ConditionalReferences(resources, semantics, parameters), locks, batches, {
          publicUrl,
          bases: semantics.bases,
        }),
    },
    {
      provide: Unpacking,
      inject: [Transactions, MatchingResources, SearchSemantics, PublicUrl],
      useFactory: (
        transactions: Transactions,
        resources: MatchingResources,
        { bases }: SearchSemantics,
        { value: publicUrl }: PublicUrl,
      ) => new Unpacking(transactions, resources, { publicUrl, bases }),
    },
    {
      provide: Messages,
      inject: [Transactions, Database, MatchingResources, ConditionLocks, SearchSemantics, PublicUrl],
      useFactory: (
        transactions: Transactions,
        database: Database,
        resources: MatchingResources,
        locks: ConditionLocks,
        { bases }: SearchSemantics,
        { value: publicUrl }: PublicUrl,
      ) =>
        new Messages(transactions, new PostgresProcessedMessages(database), resources, locks, {
          bases,
          baseOf: (face) => baseOf(publicUrl, face),
        }),
    },
    {
      provide: FiredEvents,
      inject: [ClientChanges, MatchingResources, SearchSemantics, PublicUrl],
      useFactory: (
        store: ClientChanges,
        resources: MatchingResources,
        { bases }: SearchSemantics,
        { value: publicUrl }: PublicUrl,
      ) => new FiredEvents(store, resources, { bases, baseOf: (face) => baseOf(publicUrl, face) }),
    },
  ],
  exports: [ChangeStore, SealingChangeStore, ClientWrites, WriteRules],
})
export class IntakeModule {}
