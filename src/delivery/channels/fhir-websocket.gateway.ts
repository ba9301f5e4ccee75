import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { operationOutcome, type Issue } from '../../fhir/fhir-error.js';
import type { WebsocketTokens } from '../../subscriptions/websocket-tokens.js';
import type { Log } from '../../telemetry/log.js';
import { type Binding, FeedSink, type Frame, type SocketFeeds } from '../socket-feeds.js';
import { parseSocketMessage } from './socket-message.js';

const MOST_MESSAGE_BYTES = 16 * 1024;
const MOST_MESSAGES_WAITING = 32;
const PING_EVERY_MS = 25_000;

/** Close codes of our own (4000 to 4999 are the application's). */
export const CLOSE = { goingAway: 1001, tooMany: 1008, refused: 4401, slow: 4408 } as const;

/**
 * The FHIR websocket at `/ws`: `bind-with-token TOKEN` brings a handshake for each subscription of the token, then what was missed, then
 * what comes; classic Subscriptions get `bound ID` and `ping ID`.
 * https://hl7.org/fhir/uv/subscriptions-backport/channels.html#websockets, https://hl7.org/fhir/R4B/subscription.html#2.46.7.2
 */
export class FhirWebsocketGateway {
  private readonly sockets = new WebSocketServer({ noServer: true, maxPayload: MOST_MESSAGE_BYTES, perMessageDeflate: false });
  private readonly connections = new Map<WebSocket, Connection>();
  private pinging?: NodeJS.Timeout;
  private server?: Server;
  private readonly onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (URL.parse(request.url ?? '', 'http://hub')?.pathname !== '/ws') return;
    this.sockets.handleUpgrade(request, socket, head, (websocket) => this.connected(websocket));
  };

  constructor(
    private readonly feeds: SocketFeeds,
    private readonly tokens: WebsocketTokens,
    private readonly log: Log,
  ) {}

  /** Takes part in the HTTP server's upgrades; other paths are left to others. */
  start(server: Server): void {
    if (this.server) return;
    this.server = server;
    server.on('upgrade', this.onUpgrade);
    this.pinging = setInterval(() => {
      for (const connection of this.connections.values()) connection.ping();
    }, PING_EVERY_MS);
  }

  /** Closes all sockets with a word; clients come back elsewhere and go on from what they were sent. */
  async stop(): Promise<void> {
    clearInterval(this.pinging);
    this.server?.off('upgrade', this.onUpgrade);
    this.server = undefined;
    const open = [...this.connections.keys()];
    const closed = open.map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())));
    for (const socket of open) socket.close(CLOSE.goingAway, 'The hub is stopping');
    const impatience = setTimeout(() => open.forEach((socket) => socket.terminate()), 1000);
    await Promise.all(closed);
    clearTimeout(impatience);
  }

  private connected(socket: WebSocket): void {
    const connection = new Connection(socket, this.feeds, this.tokens, this.log);
    this.connections.set(socket, connection);
    socket.on('close', () => {
      this.connections.delete(socket);
      connection.closed();
    });
  }
}

class Connection extends FeedSink {
  private readonly bindings = new Map<string, Binding>();
  private readonly classic = new Set<string>();
  private alive = true;
  private waiting = 0;
  private work: Promise<void> = Promise.resolve();
  private isClosed = false;

  constructor(
    private readonly socket: WebSocket,
    private readonly feeds: SocketFeeds,
    private readonly tokens: WebsocketTokens,
    private readonly log: Log,
  ) {
    super();
    socket.on('message', (message, isBinary) => this.received(message, isBinary));
    socket.on('pong', () => (this.alive = true));
    // A broken frame, a message too long: `close` follows.
    socket.on('error', () => {});
  }

  get backlog(): number {
    return this.socket.bufferedAmount;
  }

  send(frame: Frame): void {
    if (!frame.classic) return this.socket.send(frame.text);
    if (frame.type === 'event-notification') this.socket.send(`ping ${frame.subscriptionId}`);
  }

  tooSlow(): void {
    this.socket.close(CLOSE.slow, 'Too slow: come back and go on from the last event');
    // The closing frame stands behind what the client does not read.
    setTimeout(() => this.socket.terminate(), 2000).unref();
  }

  ended(subscriptionId: string): void {
    this.bindings.delete(subscriptionId);
    // Clients of classic Subscriptions are told `bound` and `ping` and nothing else.
    if (!this.classic.delete(subscriptionId))
      this.tell({ code: 'deleted', diagnostics: `Subscription/${subscriptionId} is no more` });
    if (this.bindings.size === 0) this.socket.close(1000, 'No subscription left');
  }

  /** A socket that did not answer the last ping is gone. */
  ping(): void {
    if (!this.alive) return this.socket.terminate();
    this.alive = false;
    this.socket.ping();
  }

  closed(): void {
    this.isClosed = true;
    for (const binding of this.bindings.values()) this.feeds.unbind(binding);
    this.bindings.clear();
  }

  private received(message: RawData, isBinary: boolean): void {
    if (this.waiting >= MOST_MESSAGES_WAITING) return this.socket.close(CLOSE.tooMany, 'Too many messages at once');
    this.waiting += 1;
    const text = isBinary ? '' : String(message as Buffer);
    this.work = this.work
      .then(() => (this.isClosed ? undefined : this.answer(text)))
      .catch((error: unknown) => {
        this.log.error({ err: error }, 'websocket.failed');
        this.tell({ code: 'exception', diagnostics: 'The hub could not do this; please try again' });
      })
      .finally(() => (this.waiting -= 1));
  }

  private async answer(text: string): Promise<void> {
    const message = parseSocketMessage(text);
    if (!message) {
      return this.tell({
        code: 'invalid',
        diagnostics: 'Say "bind-with-token TOKEN", or "bind ID" for a Subscription with classic criteria',
      });
    }
    if (message.kind === 'bind') return this.bindClassic(message.id);
    const ids = await this.tokens.redeem(message.token);
    if (!ids)
      return this.refuse({
        code: 'security',
        diagnostics: 'The token is unknown, was used already or is too old; ask for a new one',
      });
    for (const id of ids) await this.bind(id);
  }

  private async bindClassic(id: string): Promise<void> {
    const definition = await this.feeds.find(id);
    if (!definition || definition.channel.type !== 'websocket')
      return this.tell({ code: 'not-found', diagnostics: `There is no Subscription/${id} with the channel websocket` });
    if (definition.subject.kind !== 'classic')
      return this.tell({ code: 'security', diagnostics: `Subscription/${id} is bound with a token from $get-ws-binding-token` });
    await this.bind(id);
  }

  private async bind(id: string): Promise<void> {
    const definition = await this.feeds.find(id);
    if (!definition) return this.tell({ code: 'not-found', diagnostics: `Subscription/${id} is no more` });
    const classic = definition.subject.kind === 'classic';
    if (classic) this.classic.add(id);
    const old = this.bindings.get(id);
    if (old) this.feeds.unbind(old);
    const binding = await this.feeds.bind(id, this, {
      after: old ? old.position : classic ? 'now' : 'acknowledged',
      greet: !classic,
      onBound: () => classic && this.socket.send(`bound ${id}`),
    });
    if (binding && this.isClosed) this.feeds.unbind(binding);
    else if (binding) this.bindings.set(id, binding);
  }

  private tell(issue: Issue): void {
    this.socket.send(JSON.stringify(operationOutcome([issue])));
  }

  private refuse(issue: Issue): void {
    this.tell(issue);
    this.socket.close(CLOSE.refused, 'Not bound');
  }
}
