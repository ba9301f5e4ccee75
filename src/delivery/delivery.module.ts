import type { Server } from 'node:http';
import { type BeforeApplicationShutdown, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Config } from '../config/config.js';
import type { Change, Face } from '../fhir/change.js';
import { parseJson } from '../fhir/json-text.js';
import { baseOf } from '../http/face.js';
import { ClientWrites } from '../intake/client-writes.js';
import { SealingChangeStore } from '../intake/sealing-change-store.js';
import { OutboundClient } from '../outbound/outbound-client.js';
import { OutboundModule } from '../outbound/outbound.module.js';
import { secureContextOf } from '../outbound/tls-identity.js';
import { Vault } from '../secrets/vault.js';
import { PostgresAttemptLog } from '../storage/attempt-log.js';
import { PostgresCursorStore } from '../storage/cursor-store.js';
import { Database } from '../storage/database.js';
import { storageFailure } from '../storage/database-failure.js';
import { HubPresence } from '../storage/hub-presence.js';
import { PostgresMatchBatches } from '../storage/match-batches.js';
import { PostgresResends } from '../storage/resends.js';
import { PostgresShardLeases } from '../storage/shard-leases.js';
import { ChangeStoreStatusWriter } from '../storage/status-writer.js';
import { PostgresStoredSubscriptions } from '../storage/stored-subscriptions.js';
import { PostgresWebsocketTokens } from '../storage/websocket-tokens.js';
import { EventLog } from '../subscriptions/event-log.js';
import { EventLogModule } from '../subscriptions/event-log.module.js';
import { parseSubscription } from '../subscriptions/parse-subscription.js';
import { Log } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { WakeUps } from '../wake-ups/wake-ups.js';
import { callersOf, refusedSocket } from '../http/callers.js';
import { FhirWebsocketGateway } from './channels/fhir-websocket.gateway.js';
import { LiveGateway } from './channels/live.gateway.js';
import { EmailChannel } from './channels/email.channel.js';
import { MessageChannel } from './channels/message.channel.js';
import { statusMail } from './channels/status-mail.js';
import { RestHookChannel } from './channels/rest-hook.channel.js';
import { SmtpMailer } from './channels/smtp-mailer.js';
import { Announcements } from './announcements.js';
import { AttemptFlush } from './attempt-flush.js';
import { CursorFlush } from './cursor-flush.js';
import { Delivery } from './delivery.js';
import { type DeliverySettings, FIXED_DELIVERY } from './delivery-settings.js';
import { DeliveryWorker } from './delivery.worker.js';
import { EventWindow } from './event-window.js';
import { LiveSubscriptions } from './live-subscriptions.js';
import { MatchFollower } from './match-follower.js';
import { measuredChannel } from './measured-channel.js';
import { ShardHolder } from './shard-holder.js';
import { StatusNotices } from './status-notices.js';
import { SocketFailures } from './sockets/socket-failures.js';
import { SocketFeeds } from './sockets/socket-feeds.js';

/** Secrets are opened here, once for each version of a Subscription that is served. */
const definitionReader =
  (vault: Vault) =>
  ({ type, body, id, version, face }: Change) =>
    parseSubscription(JSON.parse(vault.open(type, id, body ?? '{}')) as Record<string, unknown>, id, version, face);

const SLOW_SOCKET_MS = 5000;

const mailerOf = ({ mail: { smtpUrl }, outbound }: Config) =>
  smtpUrl === undefined ? undefined : new SmtpMailer(smtpUrl, { secureContext: secureContextOf(outbound) });

/** Numbered events leave: pushed to hooks, handed to sockets. */
@Module({
  imports: [EventLogModule, OutboundModule],
  providers: [
    {
      provide: Announcements,
      inject: [Database],
      useFactory: (database: Database) => new Announcements(new PostgresMatchBatches(database)),
    },
    {
      provide: EventWindow,
      inject: [EventLog, Announcements],
      useFactory: (events: EventLog, announcements: Announcements) =>
        new EventWindow(events, (batch) => announcements.through(batch)),
    },
    {
      provide: SocketFeeds,
      inject: [Database, EventWindow, Vault, Metrics, Config, Log],
      useFactory: (database: Database, window: EventWindow, vault: Vault, metrics: Metrics, config: Config, log: Log) =>
        new SocketFeeds({
          cursors: new PostgresCursorStore(database),
          stored: new PostgresStoredSubscriptions(database),
          resends: new PostgresResends(database),
          window,
          readDefinition: definitionReader(vault),
          baseOf: (face: Face) => baseOf(config.http.publicUrl, face),
          log,
          budgetBytes: config.sockets.budgetBytes,
          patienceMs: SLOW_SOCKET_MS,
          recorder: metrics.delivery,
        }),
    },
    {
      provide: LiveSubscriptions,
      inject: [ClientWrites],
      useFactory: (writes: ClientWrites): LiveSubscriptions => ({
        ensure: async (face, id, text) => void (await writes.update(face, 'Subscription', id, parseJson(text), {})),
      }),
    },
    {
      provide: Delivery,
      inject: [
        Database,
        SealingChangeStore,
        Vault,
        OutboundClient,
        Announcements,
        EventWindow,
        SocketFeeds,
        LiveSubscriptions,
        HubPresence,
        WakeUps,
        Metrics,
        Config,
        Log,
      ],
      useFactory: (
        database: Database,
        changes: SealingChangeStore,
        vault: Vault,
        client: OutboundClient,
        announcements: Announcements,
        window: EventWindow,
        feeds: SocketFeeds,
        live: LiveSubscriptions,
        presence: HubPresence,
        wakeUps: WakeUps,
        metrics: Metrics,
        config: Config,
        log: Log,
      ) => {
        const settings: DeliverySettings = { ...FIXED_DELIVERY, ...config.delivery };
        const mailer = mailerOf(config);
        const { from, contactMinutes } = config.mail;
        const cursors = new PostgresCursorStore(database);
        const shards: ShardHolder = new ShardHolder(
          new PostgresShardLeases(database),
          presence.name,
          settings.leaseSeconds,
          () => worker,
          log,
        );
        const attemptLog = new PostgresAttemptLog(database);
        const attempts = new AttemptFlush(attemptLog, settings.flushMs, log);
        const flush = new CursorFlush(
          cursors,
          attemptLog,
          attempts,
          () => shards.tokens,
          (lost) => worker.dropLost(lost),
          settings.flushMs,
          log,
        );
        const worker: DeliveryWorker = new DeliveryWorker({
          cursors,
          window,
          flush,
          resends: new PostgresResends(database),
          shards,
          statuses: new ChangeStoreStatusWriter(changes.ofStoredTexts),
          channels: [new RestHookChannel(client), new MessageChannel(client), new EmailChannel(mailer, from)].map((channel) =>
            measuredChannel(channel, metrics.delivery),
          ),
          readDefinition: definitionReader(vault),
          baseOf: (face) => baseOf(config.http.publicUrl, face),
          notices: mailer && new StatusNotices(statusMail(mailer, from), contactMinutes * 60_000, log),
          settings,
          log,
        });
        metrics.delivery.standsAs(() => ({
          ...worker.standing(),
          attemptsUnlogged: attempts.dropped,
          shardsHeld: shards.tokens.size,
        }));
        const follower = new MatchFollower(
          new PostgresMatchBatches(database),
          window,
          wakeUps,
          announcements,
          [worker, feeds],
          log,
        );
        const failures = new SocketFailures((error) => storageFailure(error).error, log);
        const callers = callersOf(config.http);
        const websocket = new FhirWebsocketGateway(feeds, new PostgresWebsocketTokens(database), failures, metrics.sockets);
        const liveGateway = new LiveGateway(feeds, live, failures, (request) => refusedSocket(callers, request), metrics.sockets);
        return new Delivery(follower, worker, shards, feeds, websocket, liveGateway);
      },
    },
  ],
})
export class DeliveryModule implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    private readonly delivery: Delivery,
    private readonly host: HttpAdapterHost,
    private readonly config: Config,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.delivery.start(this.host.httpAdapter.getHttpServer() as Server);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.delivery.closeSockets();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.delivery.stop(this.config.lifecycle.graceSeconds * 1000);
  }
}
