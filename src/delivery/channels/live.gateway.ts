import type { Server as HttpServer } from 'node:http';
import { Server, type Socket } from 'socket.io';
import type { Face } from '../../fhir/change.js';
import { FhirError, operationOutcome, type Issue } from '../../fhir/fhir-error.js';
import type { Log } from '../../telemetry/log.js';
import type { LiveSubscriptions } from '../live-subscriptions.js';
import { type Binding, FeedSink, type Frame, type SocketFeeds } from '../socket-feeds.js';
import { parseLiveRequest, sharedSubscription } from './live-request.js';

const MOST_BINDINGS = 500;
const PING_EVERY_MS = 25_000;

/** The live feed over Socket.IO, namespace `/live`. Names, payloads and the rules of going on: docs/live-feed.md. */
export class LiveGateway {
  private io?: Server;

  constructor(
    private readonly feeds: SocketFeeds,
    private readonly subscriptions: LiveSubscriptions,
    private readonly log: Log,
  ) {}

  start(server: HttpServer): void {
    if (this.io) return;
    this.io = new Server(server, {
      serveClient: false,
      // The FHIR websocket shares the port.
      destroyUpgrade: false,
      pingInterval: PING_EVERY_MS,
      maxHttpBufferSize: 64 * 1024,
      perMessageDeflate: false,
      cors: { origin: '*' },
    });
    this.io.of('/live').on('connection', (socket) => {
      // Engine.IO keeps the first request of every session alive otherwise.
      delete (socket.conn as { request?: unknown }).request;
      new LiveClient(socket, faceOf(socket), this.feeds, this.subscriptions, this.log);
    });
  }

  /** Tells the clients to come back (to another process, or to this one after its restart), and closes. */
  async stop(): Promise<void> {
    const { io } = this;
    this.io = undefined;
    if (!io) return;
    io.disconnectSockets(true);
    io.engine.close();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

type Acknowledge = (answer: object) => void;

/** One connection: its subscriptions, each with its own place in the log. */
class LiveClient extends FeedSink {
  private readonly bindings = new Map<string, Binding>();
  private pending = 0;

  constructor(
    private readonly socket: Socket,
    private readonly face: Face,
    private readonly feeds: SocketFeeds,
    private readonly subscriptions: LiveSubscriptions,
    private readonly log: Log,
  ) {
    super();
    socket.on('subscribe', (argument: unknown, acknowledge?: unknown) =>
      this.answer(acknowledge, (reply) => this.subscribe(argument, reply)),
    );
    socket.on('unsubscribe', (argument: unknown, acknowledge?: unknown) =>
      this.answer(acknowledge, (reply) => this.unsubscribe(argument, reply)),
    );
    socket.on('disconnect', () => this.unbindAll());
  }

  get backlog(): number {
    const { writeBuffer, transport } = this.socket.conn as unknown as {
      writeBuffer: readonly { data?: unknown }[];
      transport: { socket?: { bufferedAmount?: number } };
    };
    let bytes = transport.socket?.bufferedAmount ?? 0;
    for (const { data } of writeBuffer) bytes += typeof data === 'string' ? data.length : 0;
    return bytes;
  }

  /** The Bundle goes out as the text it was made as, in a packet put together by hand: parsing it again would cost its decimals' digits. */
  send(frame: Frame): void {
    const { subscriptionId, type, first, last, total, text } = frame;
    const numbers = type === 'event-notification' ? `"first":${first},"last":${last},` : '';
    const head = `{"subscription":"${subscriptionId}","type":"${type}",${numbers}"total":${total},"bundle":`;
    this.socket.conn.write(`2/live,["notification",${head}${text}}]`);
  }

  tooSlow(): void {
    this.tell({ code: 'throttled', diagnostics: 'Too slow: come back with `after` = number of the last event you have' });
    this.unbindAll();
    this.socket.disconnect(true);
  }

  ended(subscriptionId: string): void {
    this.bindings.delete(subscriptionId);
    this.socket.emit('ended', { subscription: subscriptionId });
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
    await this.subscriptions.ensure(request.face, id, text);
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
      const outcome = operationOutcome(error instanceof FhirError ? error.issues : [this.bug(error)]);
      if (reply) reply({ outcome });
      else this.socket.emit('outcome', outcome);
    });
  }

  private bug(error: unknown): Issue {
    this.log.error({ err: error }, 'live.failed');
    return { code: 'exception', diagnostics: 'The hub could not do this; please try again' };
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
