import type { Socket } from 'socket.io';
import type { WebSocket } from 'ws';
import type { Face } from '../../fhir/change.js';
import { FhirError, operationOutcome, type Issue } from '../../fhir/fhir-error.js';
import type { SocketEnd } from '../../telemetry/socket-recorder.js';
import type { LiveSubscriptions } from '../live-subscriptions.js';
import type { Binding } from '../sockets/feed.js';
import { FeedSink, type Frame } from '../sockets/feed-sink.js';
import type { SocketFailures } from '../sockets/socket-failures.js';
import type { SocketFeeds } from '../sockets/socket-feeds.js';
import { parseLiveRequest, sharedSubscription } from './live-request.js';

const MOST_BINDINGS = 500;
/** What a client that is too slow does not read within this time is dropped with its connection. */
const CLOSE_UNREAD_MS = 2000;

/** Packets of frames that go to many sockets, put together once. */
const packets = new WeakMap<Frame, string>();

/** The connection below Socket.IO, as far as it is used here. */
interface Wire {
  writeBuffer: readonly { data?: unknown }[];
  /** `socket` is there for the websocket transport. */
  transport: { socket?: WebSocket };
}

type Acknowledge = (answer: object) => void;

/** One connection of the live feed: its subscriptions, each with its own place in the log. */
export class LiveClient extends FeedSink {
  private readonly bindings = new Map<string, Binding>();
  private readonly face: Face;
  private pending = 0;
  private end?: SocketEnd;

  constructor(
    private readonly socket: Socket,
    private readonly feeds: SocketFeeds,
    private readonly subscriptions: LiveSubscriptions,
    private readonly failures: SocketFailures,
  ) {
    super();
    this.face = faceOf(socket);
    socket.on('subscribe', (argument: unknown, acknowledge?: unknown) =>
      this.answer(acknowledge, (reply) => this.subscribe(argument, reply)),
    );
    socket.on('unsubscribe', (argument: unknown, acknowledge?: unknown) =>
      this.answer(acknowledge, (reply) => this.unsubscribe(argument, reply)),
    );
    socket.on('disconnect', () => this.unbindAll());
  }

  get backlog(): number {
    const { writeBuffer, transport } = this.wire;
    let bytes = transport.socket?.bufferedAmount ?? 0;
    for (const { data } of writeBuffer) bytes += typeof data === 'string' ? data.length : 0;
    return bytes;
  }

  send(frame: Frame): void {
    this.socket.conn.write(packetOf(frame));
  }

  tooSlow(): void {
    const diagnostics = 'Too slow: come back with `after` = number of the last event you have';
    void this.leave('slow', { code: 'throttled', diagnostics }, CLOSE_UNREAD_MS);
  }

  ended(subscriptionId: string): void {
    this.bindings.delete(subscriptionId);
    this.socket.emit('ended', { subscription: subscriptionId });
  }

  /**
   * Says why, and closes behind what was sent. The connection is closed, not the Socket.IO session: to its client that is a cut, after
   * which it comes back by itself. Resolves when the other end has closed too, or was given up.
   */
  leave(end: SocketEnd, why: Issue, milliseconds: number): Promise<void> {
    this.end ??= end;
    this.tell(why);
    this.unbindAll();
    const { conn } = this.socket;
    const { socket: websocket } = this.wire.transport;
    return new Promise((resolve) => {
      const impatience = setTimeout(() => {
        websocket?.terminate();
        conn.close(true);
      }, milliseconds);
      const done = () => {
        clearTimeout(impatience);
        resolve();
      };
      if (websocket) websocket.once('close', done);
      else conn.once('close', done);
      conn.close();
    });
  }

  /** Why the connection ended, with Socket.IO's word for it. */
  endOf(reason: string): SocketEnd {
    return this.end ?? (reason === 'ping timeout' ? 'silent' : reason.endsWith('error') ? 'error' : 'client');
  }

  private get wire(): Wire {
    return this.socket.conn as unknown as Wire;
  }

  private async subscribe(argument: unknown, reply: Acknowledge): Promise<void> {
    const request = parseLiveRequest(argument, this.face);
    if (this.bindings.size + this.pending >= MOST_BINDINGS)
      throw new FhirError('throttled', `A connection takes at most ${MOST_BINDINGS} subscriptions`);
    this.pending += 1;
    try {
      await this.bind(await this.idOf(request), request.after, reply);
    } finally {
      this.pending -= 1;
    }
  }

  private async idOf(request: ReturnType<typeof parseLiveRequest>): Promise<string> {
    if (request.kind === 'existing') return request.subscription;
    const { id, text } = sharedSubscription(request);
    // When all come back at once, the first of them has seen to it.
    if (this.feeds.hasListeners(id)) return id;
    await this.feeds.inTurn(() => this.subscriptions.ensure(request.face, id, text));
    return id;
  }

  private async bind(id: string, after: number | undefined, reply: Acknowledge): Promise<void> {
    const definition = await this.feeds.find(id);
    if (!definition) throw new FhirError('not-found', `There is no Subscription/${id}`, 'subscription');
    if (definition.channel.type !== 'live')
      throw new FhirError(
        'business-rule',
        `Subscription/${id} has the channel ${definition.channel.type}, not the live feed`,
        'subscription',
      );
    const old = this.bindings.get(id);
    if (old) this.feeds.unbind(old);
    const binding = await this.feeds.bind(id, this, {
      after: after ?? 'now',
      greet: false,
      // Before the first event goes out.
      onBound: (total) => reply({ subscription: id, status: definition.status, total, after: Math.min(after ?? total, total) }),
    });
    if (!binding) throw new FhirError('deleted', `Subscription/${id} is no more`, 'subscription');
    if (this.socket.connected) this.bindings.set(id, binding);
    else this.feeds.unbind(binding);
  }

  private async unsubscribe(argument: unknown, reply: Acknowledge): Promise<void> {
    const id = (argument as { subscription?: unknown } | null)?.subscription;
    const binding = typeof id === 'string' ? this.bindings.get(id) : undefined;
    if (!binding) throw new FhirError('not-found', 'You are not subscribed to that', 'subscription');
    this.feeds.unbind(binding);
    this.bindings.delete(id as string);
    reply({ subscription: id, after: binding.position });
  }

  private answer(acknowledge: unknown, work: (reply: Acknowledge) => Promise<void>): void {
    const reply = typeof acknowledge === 'function' ? (acknowledge as Acknowledge) : undefined;
    work(reply ?? (() => {})).catch((error: unknown) => {
      const outcome = operationOutcome(this.failures.issuesOf(error, 'live.failed'));
      if (reply) reply({ outcome });
      else this.socket.emit('outcome', outcome);
    });
  }

  private tell(issue: Issue): void {
    this.socket.emit('outcome', operationOutcome([issue]));
  }

  private unbindAll(): void {
    for (const binding of this.bindings.values()) this.feeds.unbind(binding);
    this.bindings.clear();
  }
}

/** `io(url + '/live', { query: { face: 'r4' } })` or `{ auth: { face: 'r4' } }`; without it R4B. */
function faceOf(socket: Socket): Face {
  const { auth, query } = socket.handshake;
  return (auth as { face?: unknown }).face === 'r4' || query.face === 'r4' ? 'r4' : 'r4b';
}

/** The Bundle goes out as the text it was made as, in a packet put together by hand: parsing it again would cost its decimals' digits. */
function packetOf(frame: Frame): string {
  let packet = packets.get(frame);
  if (packet === undefined) {
    const { subscriptionId, type, first, last, total, text } = frame;
    const numbers = type === 'event-notification' ? `"first":${first},"last":${last},` : '';
    const head = `{"subscription":"${subscriptionId}","type":"${type}",${numbers}"total":${total},"bundle":`;
    packets.set(frame, (packet = `2/live,["notification",${head}${text}}]`));
  }
  return packet;
}
