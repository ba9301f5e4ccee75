import type { Server } from 'node:http';
import type { DeliveryWorker } from './delivery.worker.js';
import type { FhirWebsocketGateway } from './channels/fhir-websocket.gateway.js';
import type { LiveGateway } from './channels/live.gateway.js';
import type { MatchFollower } from './match-follower.js';
import type { ShardHolder } from './shard-holder.js';
import type { SocketFeeds } from './sockets/socket-feeds.js';

/** Delivery as a whole: the order in which its parts start, and the order in which they stop. */
export class Delivery {
  constructor(
    private readonly follower: MatchFollower,
    private readonly worker: DeliveryWorker,
    private readonly shards: ShardHolder,
    private readonly feeds: SocketFeeds,
    private readonly websocket: FhirWebsocketGateway,
    private readonly live: LiveGateway,
  ) {}

  async start(server: Server): Promise<void> {
    this.feeds.start();
    this.websocket.start(server);
    this.live.start(server);
    await this.worker.start();
    // First follow, then look at what is owed already: between the two nothing can be missed.
    await this.follower.start();
    await this.shards.start();
  }

  /** Before the HTTP server closes, which waits for its sockets. */
  async closeSockets(): Promise<void> {
    await Promise.all([this.websocket.stop(), this.live.stop()]);
  }

  /** What is under way is finished and written down, leases are given back. */
  async stop(graceMs: number): Promise<void> {
    await this.closeSockets();
    await this.follower.stop();
    await this.shards.stop();
    await this.worker.stop(graceMs);
    await this.feeds.stop();
    await this.shards.release();
  }
}
