import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import { Server } from 'socket.io';
import { type FhirError, operationOutcome } from '../../fhir/fhir-error.js';
import type { SocketRecorder } from '../../telemetry/socket-recorder.js';
import type { LiveSubscriptions } from '../live-subscriptions.js';
import type { SocketFailures } from '../sockets/socket-failures.js';
import type { SocketFeeds } from '../sockets/socket-feeds.js';
import { LiveClient } from './live-client.js';

const PING_EVERY_MS = 25_000;
/** How long clients may take to read what was sent, when the hub stops. */
const CLOSE_MS = 3000;

/** The live feed over Socket.IO, namespace `/live`. Names, payloads and the rules of going on: docs/live-feed.md. */
export class LiveGateway {
  private io?: Server;
  private readonly clients = new Set<LiveClient>();

  constructor(
    private readonly feeds: SocketFeeds,
    private readonly subscriptions: LiveSubscriptions,
    private readonly failures: SocketFailures,
    /** Why a client may not come in, if so. */
    private readonly refused: (request: IncomingMessage) => FhirError | undefined,
    private readonly recorder?: SocketRecorder,
  ) {}

  start(server: HttpServer): void {
    if (this.io) return;
    this.recorder?.socketsAre('live', () => ({
      open: this.clients.size,
      waitingBytes: [...this.clients].reduce((sum, { backlog }) => sum + backlog, 0),
    }));
    this.io = new Server(server, {
      serveClient: false,
      // The FHIR websocket shares the port.
      destroyUpgrade: false,
      pingInterval: PING_EVERY_MS,
      maxHttpBufferSize: 64 * 1024,
      perMessageDeflate: false,
      // Who got past that may read.
      cors: { origin: true },
    });
    // Engine.IO's own refusals are 400 and 403, whatever the reason.
    this.io.engine.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
      const refusal = this.refused(request);
      if (refusal === undefined) return next();
      response.writeHead(refusal.status, { 'Content-Type': 'application/fhir+json; charset=utf-8' });
      response.end(JSON.stringify(operationOutcome(refusal.issues)));
    });
    this.io.of('/live').on('connection', (socket) => {
      // Engine.IO keeps the first request of every session alive otherwise.
      delete (socket.conn as { request?: unknown }).request;
      const client = new LiveClient(socket, this.feeds, this.subscriptions, this.failures);
      this.clients.add(client);
      socket.on('disconnect', (reason) => {
        this.recorder?.closed('live', client.endOf(reason));
        this.clients.delete(client);
      });
    });
  }

  /**
   * What is owed and in memory goes out, then the clients are told why, and their connections close: they come back by themselves, to
   * another process or to this one after its restart.
   */
  async stop(): Promise<void> {
    const { io } = this;
    this.io = undefined;
    if (!io) return;
    this.feeds.serveAll();
    const why = { code: 'transient', diagnostics: 'The hub is stopping: come back and go on' } as const;
    await Promise.all([...this.clients].map((client) => client.leave('stopping', why, CLOSE_MS)));
    io.engine.close();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
