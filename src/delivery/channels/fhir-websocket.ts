import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { operationOutcome, type Issue } from '../../fhir/fhir-error.js';
import type { WebsocketTokens } from '../../subscriptions/websocket-tokens.js';
import type { SocketEnd } from '../../telemetry/socket-recorder.js';
import { ArrivalProof } from '../sockets/arrival-proof.js';
import type { Binding } from '../sockets/feed.js';
import { FeedSink, type Frame } from '../sockets/feed-sink.js';
import type { SocketFailures } from '../sockets/socket-failures.js';
import type { SocketFeeds } from '../sockets/socket-feeds.js';
import { parseSocketMessage, type SocketMessage } from './socket-message.js';

/** Close codes; of our own are 4000 to 4999. */
export const CLOSE = { goingAway: 1001, tooMany: 1008, refused: 4401, slow: 4408 } as const;

const MOST_MESSAGES_WAITING = 32;
/** A closing frame stands behind what the client does not read. */
const CLOSE_UNREAD_MS = 2000;

/** Bytes of frames that go to many sockets, encoded once. */
const encoded = new WeakMap<Frame, Buffer>();

/**
 * One FHIR websocket: `bind-with-token TOKEN` brings a handshake for each subscription of the token, then what was missed, then what
 * comes; classic Subscriptions get `bound ID` and `ping ID`. An event counts as acknowledged when the client's end has answered a ping
 * that was sent behind it.
 * https://hl7.org/fhir/uv/subscriptions-backport/channels.html#websockets, https://hl7.org/fhir/R4B/subscription.html#2.46.7.2
 */
export class FhirWebsocket extends FeedSink {
  private readonly bindings = new Map<string, Binding>();
  private readonly classic = new Set<string>();
  private readonly proof: ArrivalProof;
  private alive = true;
  private waiting = 0;
  private work: Promise<void> = Promise.resolve();
  private isLeaving = false;
  private isCorked = false;
  private end?: SocketEnd;

  constructor(
    private readonly socket: WebSocket,
    private readonly wire: Duplex,
    private readonly feeds: SocketFeeds,
    private readonly tokens: WebsocketTokens,
    private readonly failures: SocketFailures,
  ) {
    super();
    this.proof = new ArrivalProof(
      (text) => this.socket.ping(text),
      (subscriptionId, number) => this.feeds.arrived(subscriptionId, number),
    );
    socket.on('message', (message, isBinary) => this.received(message, isBinary));
    socket.on('pong', (text) => {
      this.alive = true;
      this.proof.answered(text.toString('latin1'));
    });
    // A broken frame, a message too long: `close` follows.
    socket.on('error', () => {});
  }

  get backlog(): number {
    return this.socket.bufferedAmount;
  }

  send(frame: Frame): void {
    if (this.isLeaving) return;
    if (frame.classic) {
      if (frame.type === 'event-notification') this.socket.send(`ping ${frame.subscriptionId}`);
      return;
    }
    this.cork();
    const bytes = bytesOf(frame);
    this.socket.send(bytes, { binary: false });
    if (frame.type === 'event-notification') this.proof.sent(frame.subscriptionId, frame.last, bytes.length);
  }

  tooSlow(): void {
    this.end ??= 'slow';
    this.leave(CLOSE.slow, 'Too slow: come back and go on from the last event');
    this.unbindAll();
    setTimeout(() => this.socket.terminate(), CLOSE_UNREAD_MS).unref();
  }

  ended(subscriptionId: string): void {
    this.bindings.delete(subscriptionId);
    this.proof.forget(subscriptionId);
    // Clients of classic Subscriptions are told `bound` and `ping` and nothing else.
    if (!this.classic.delete(subscriptionId))
      this.tell({ code: 'deleted', diagnostics: `Subscription/${subscriptionId} is no more, or has another channel now` });
    if (this.bindings.size > 0) return;
    this.end ??= 'ended';
    this.socket.close(1000, 'No subscription left');
  }

  /** The sign of life that is asked for now and then. A socket that said nothing since the last time is gone. */
  ping(): void {
    if (!this.alive) {
      this.end ??= 'silent';
      return this.socket.terminate();
    }
    this.alive = false;
    this.proof.ask();
  }

  /** Closes behind what was sent, with a last question how much of it arrives. */
  leave(code: number, reason: string): void {
    if (this.isLeaving) return;
    this.isLeaving = true;
    this.end ??= 'stopping';
    this.proof.ask();
    this.socket.close(code, reason);
  }

  /** Why the socket closed, with the code of the closing frame: 1000, 1001 and 1005 are a client's way to leave. */
  endOf(code: number): SocketEnd {
    return this.end ?? (code === 1000 || code === 1001 || code === 1005 ? 'client' : 'error');
  }

  closed(): void {
    this.isLeaving = true;
    this.unbindAll();
  }

  private unbindAll(): void {
    for (const binding of this.bindings.values()) this.feeds.unbind(binding);
    this.bindings.clear();
  }

  /** What is sent in one turn of the event loop, and the ping behind it, leaves in one piece. */
  private cork(): void {
    if (this.isCorked) return;
    this.isCorked = true;
    this.wire.cork();
    setImmediate(() => {
      this.isCorked = false;
      if (!this.isLeaving) this.proof.askSoon();
      this.wire.uncork();
    });
  }

  private received(message: RawData, isBinary: boolean): void {
    this.alive = true;
    if (this.waiting >= MOST_MESSAGES_WAITING) {
      this.end ??= 'refused';
      return this.socket.close(CLOSE.tooMany, 'Too many messages at once');
    }
    this.waiting += 1;
    const text = isBinary ? '' : String(message as Buffer);
    this.work = this.work
      .then(() => (this.isLeaving ? undefined : this.answer(text)))
      .catch((error: unknown) => this.tell(...this.failures.issuesOf(error, 'websocket.failed')))
      .finally(() => (this.waiting -= 1));
  }

  private async answer(text: string): Promise<void> {
    const message = parseSocketMessage(text);
    if (!message) {
      return this.tell({
        code: 'invalid',
        diagnostics:
          'Say "bind-with-token TOKEN", or {"type":"bind-with-token","payload":{"token":TOKEN,"after":NUMBER}}, or "bind ID" for a Subscription with classic criteria',
      });
    }
    return message.kind === 'bind' ? this.bindClassic(message.id) : this.bindWithToken(message);
  }

  private async bindWithToken({ token, after }: Extract<SocketMessage, { kind: 'bind-with-token' }>): Promise<void> {
    const ids = await this.feeds.inTurn(() => this.tokens.redeem(token));
    if (!ids)
      return this.refuse({
        code: 'security',
        diagnostics: 'The token is unknown, was used already or is too old; ask for a new one',
      });
    if (typeof after === 'number' && ids.length > 1)
      return this.refuse({
        code: 'value',
        diagnostics: 'The token is for several Subscriptions: `after` is an object with a number for the id of each',
      });
    for (const id of ids) await this.bind(id, typeof after === 'number' ? after : after?.get(id));
  }

  private async bindClassic(id: string): Promise<void> {
    const definition = await this.feeds.find(id);
    if (!definition || definition.channel.type !== 'websocket')
      return this.tell({ code: 'not-found', diagnostics: `There is no Subscription/${id} with the channel websocket` });
    if (definition.subject.kind !== 'classic')
      return this.tell({ code: 'security', diagnostics: `Subscription/${id} is bound with a token from $get-ws-binding-token` });
    await this.bind(id);
  }

  private async bind(id: string, after?: number): Promise<void> {
    const definition = await this.feeds.find(id);
    if (!definition) return this.tell({ code: 'not-found', diagnostics: `Subscription/${id} is no more` });
    const classic = definition.subject.kind === 'classic';
    if (classic) this.classic.add(id);
    const old = this.bindings.get(id);
    if (old) this.feeds.unbind(old);
    const binding = await this.feeds.bind(id, this, {
      after: after ?? old?.position ?? (classic ? 'now' : 'acknowledged'),
      greet: !classic,
      onBound: (latest) => {
        if (classic) this.socket.send(`bound ${id}`);
        // The client says itself what it has.
        if (after !== undefined) this.feeds.arrived(id, Math.min(after, latest));
      },
    });
    if (binding && this.isLeaving) this.feeds.unbind(binding);
    else if (binding) this.bindings.set(id, binding);
  }

  private tell(...issues: readonly Issue[]): void {
    this.socket.send(JSON.stringify(operationOutcome(issues)));
  }

  private refuse(issue: Issue): void {
    this.tell(issue);
    this.end ??= 'refused';
    this.socket.close(CLOSE.refused, 'Not bound');
  }
}

function bytesOf(frame: Frame): Buffer {
  let bytes = encoded.get(frame);
  if (!bytes) encoded.set(frame, (bytes = Buffer.from(frame.text)));
  return bytes;
}
