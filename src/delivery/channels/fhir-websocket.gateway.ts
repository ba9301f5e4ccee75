import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { WebsocketTokens } from '../../subscriptions/websocket-tokens.js';
import type { SocketRecorder } from '../../telemetry/socket-recorder.js';
import type { SocketFailures } from '../sockets/socket-failures.js';
import type { SocketFeeds } from '../sockets/socket-feeds.js';
import { CLOSE, FhirWebsocket } from './fhir-websocket.js';

const MOST_MESSAGE_BYTES = 16 * 1024;
/** Sockets are pinged in turn, a part of them each second, each every 25 s. */
const PING_PARTS = 25;
const PING_PART_MS = 1000;
/** How long sockets may take to read what was sent and to close, when the hub stops. */
const CLOSE_MS = 3000;

/** The FHIR websocket at `/ws`: its sockets, from the upgrade to the close. What is said on them: {@link FhirWebsocket}. */
export class FhirWebsocketGateway {
  private readonly server = new WebSocketServer({ noServer: true, maxPayload: MOST_MESSAGE_BYTES, perMessageDeflate: false });
  private readonly connections = new Map<WebSocket, FhirWebsocket>();
  private readonly parts = Array.from({ length: PING_PARTS }, () => new Set<FhirWebsocket>());
  private opened = 0;
  private part = 0;
  private pinging?: NodeJS.Timeout;
  private http?: Server;
  private readonly onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (URL.parse(request.url ?? '', 'http://hub')?.pathname !== '/ws') return;
    this.server.handleUpgrade(request, socket, head, (websocket) => this.connected(websocket, socket));
  };

  constructor(
    private readonly feeds: SocketFeeds,
    private readonly tokens: WebsocketTokens,
    private readonly failures: SocketFailures,
    private readonly recorder?: SocketRecorder,
  ) {}

  /** Takes part in the HTTP server's upgrades; other paths are left to others. */
  start(http: Server): void {
    if (this.http) return;
    this.http = http;
    this.recorder?.socketsAre('websocket', () => ({
      open: this.connections.size,
      waitingBytes: [...this.connections.values()].reduce((sum, { backlog }) => sum + backlog, 0),
    }));
    http.on('upgrade', this.onUpgrade);
    this.pinging = setInterval(() => {
      this.part = (this.part + 1) % PING_PARTS;
      for (const connection of this.parts[this.part]!) connection.ping();
    }, PING_PART_MS);
  }

  /** What is owed and in memory goes out, then all sockets are closed with a word; clients come back and go on from what arrived. */
  async stop(): Promise<void> {
    clearInterval(this.pinging);
    this.http?.off('upgrade', this.onUpgrade);
    this.http = undefined;
    this.feeds.serveAll();
    const open = [...this.connections];
    const closed = open.map(([socket]) => new Promise<void>((resolve) => socket.once('close', () => resolve())));
    for (const [, connection] of open) connection.leave(CLOSE.goingAway, 'The hub is stopping: come back and go on');
    const impatience = setTimeout(() => open.forEach(([socket]) => socket.terminate()), CLOSE_MS);
    await Promise.all(closed);
    clearTimeout(impatience);
  }

  private connected(socket: WebSocket, wire: Duplex): void {
    const connection = new FhirWebsocket(socket, wire, this.feeds, this.tokens, this.failures);
    const part = this.parts[this.opened++ % PING_PARTS]!;
    this.connections.set(socket, connection);
    part.add(connection);
    socket.on('close', (code) => {
      this.recorder?.closed('websocket', connection.endOf(code));
      this.connections.delete(socket);
      part.delete(connection);
      connection.closed();
    });
  }
}
