import { Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { Face } from '../fhir/change.js';
import { baseOf } from '../http/face.js';
import { Database } from '../storage/database.js';
import { PostgresSubscriptionDirectory } from '../storage/subscription-directory.js';
import { PostgresWebsocketTokens } from '../storage/websocket-tokens.js';
import { EventLog } from '../subscriptions/event-log.js';
import { EventLogModule } from '../subscriptions/event-log.module.js';
import { BindingTokens, websocketUrlOf } from './binding-tokens.js';
import { EventsOperation } from './events.operation.js';
import { GetWsBindingTokenOperation } from './get-ws-binding-token.operation.js';
import { PullModule } from './pull.module.js';
import { StatusOperation } from './status.operation.js';
import { SubscriptionAnswers } from './subscription-status.js';

/** What a subscriber asks of its Subscription. */
@Module({
  imports: [EventLogModule, PullModule],
  controllers: [StatusOperation, EventsOperation, GetWsBindingTokenOperation],
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
