import { Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { Face } from '../fhir/change.js';
import { baseOf } from '../http/face.js';
import { CurrentParameters } from '../search/custom/current-parameters.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { Database } from '../storage/database.js';
import { PostgresDeliveryStandings } from '../storage/delivery-standings.js';
import { PostgresLinkedResources } from '../storage/linked-resources.js';
import { PostgresRecentChanges } from '../storage/recent-changes.js';
import { PostgresDeliveryRecord } from '../storage/delivery-record.js';
import { PostgresReplays } from '../storage/replays.js';
import { PostgresSubscriptionDirectory } from '../storage/subscription-directory.js';
import { PostgresWebsocketTokens } from '../storage/websocket-tokens.js';
import { EventLog } from '../subscriptions/event-log.js';
import { EventLogModule } from '../subscriptions/event-log.module.js';
import { SubscriptionRule } from '../subscriptions/subscription-rule.js';
import { SubscriptionsModule } from '../subscriptions/subscriptions.module.js';
import { CurrentCatalog } from '../topics/current-catalog.js';
import { AttemptAnswers } from './attempts.js';
import { AttemptsOperation } from './attempts.operation.js';
import { BindingTokens, websocketUrlOf } from './binding-tokens.js';
import { DeadLetterAnswers } from './dead-letters.js';
import { DeadLettersOperation } from './dead-letters.operation.js';
import { DryRunOperation } from './dry-run.operation.js';
import { DryRuns } from './dry-runs.js';
import { EventsOperation } from './events.operation.js';
import { ExplainOperation } from './explain.operation.js';
import { Explanations } from './explanations.js';
import { GetWsBindingTokenOperation } from './get-ws-binding-token.operation.js';
import { PullModule } from './pull.module.js';
import { ReplayOperation } from './replay.operation.js';
import { ResendOperation } from './resend.operation.js';
import { Resending } from './resending.js';
import { ResourceReader } from './resource-reader.js';
import { StatusOperation } from './status.operation.js';
import { SubscriptionAnswers } from './subscription-status.js';

/** What a subscriber asks of its Subscription. */
@Module({
  imports: [EventLogModule, PullModule, SubscriptionsModule],
  controllers: [
    StatusOperation,
    EventsOperation,
    GetWsBindingTokenOperation,
    ExplainOperation,
    DryRunOperation,
    ResendOperation,
    ReplayOperation,
    AttemptsOperation,
    DeadLettersOperation,
  ],
  providers: [
    {
      provide: SubscriptionAnswers,
      inject: [Database, EventLog, Config],
      useFactory: (database: Database, events: EventLog, config: Config) =>
        new SubscriptionAnswers(new PostgresSubscriptionDirectory(database), events, (face: Face) =>
          baseOf(config.http.publicUrl, face),
        ),
    },
    {
      provide: Explanations,
      inject: [Database, EventLog, CurrentCatalog, ResourceReader, SearchSemantics, CurrentParameters, Config],
      useFactory: (
        database: Database,
        events: EventLog,
        catalog: CurrentCatalog,
        reader: ResourceReader,
        semantics: SearchSemantics,
        current: CurrentParameters,
        config: Config,
      ) =>
        new Explanations(
          new PostgresSubscriptionDirectory(database),
          events,
          new PostgresDeliveryStandings(database),
          catalog,
          reader,
          semantics,
          new PostgresLinkedResources(database, semantics),
          (face: Face) => baseOf(config.http.publicUrl, face),
          current,
        ),
    },
    {
      provide: Resending,
      inject: [Database, EventLog, ResourceReader],
      useFactory: (database: Database, events: EventLog, reader: ResourceReader) =>
        new Resending(reader, events, new PostgresReplays(database)),
    },
    {
      provide: AttemptAnswers,
      inject: [Database, ResourceReader],
      useFactory: (database: Database, reader: ResourceReader) =>
        new AttemptAnswers(reader, new PostgresDeliveryRecord(database)),
    },
    {
      provide: DeadLetterAnswers,
      inject: [Database, ResourceReader],
      useFactory: (database: Database, reader: ResourceReader) =>
        new DeadLetterAnswers(reader, new PostgresDeliveryRecord(database)),
    },
    {
      provide: DryRuns,
      inject: [SubscriptionRule, CurrentCatalog, Database, SearchSemantics, Config],
      useFactory: (
        rule: SubscriptionRule,
        catalog: CurrentCatalog,
        database: Database,
        semantics: SearchSemantics,
        config: Config,
      ) =>
        new DryRuns(
          rule,
          catalog,
          new PostgresRecentChanges(database),
          semantics,
          new PostgresLinkedResources(database, semantics),
          config.pull.searchSeconds * 1000,
        ),
    },
    {
      provide: BindingTokens,
      inject: [Database, Config],
      useFactory: (database: Database, config: Config) =>
        new BindingTokens(
          new PostgresSubscriptionDirectory(database),
          new PostgresWebsocketTokens(database),
          (face: Face) => baseOf(config.http.publicUrl, face),
          { tokenSeconds: config.sockets.tokenSeconds, websocketUrl: websocketUrlOf(config.http.publicUrl) },
        ),
    },
  ],
})
export class SubscriptionOperationsModule {}
