import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { waitFor } from './wait-for.js';

/** A request as it arrived. */
export interface Received {
  /** 1, 2, 3 … in the order in which the requests were complete. */
  ordinal: number;
  method: string;
  /** Path with query. */
  path: string;
  headers: IncomingHttpHeaders;
  /** Names and values one after the other, in the order and case in which they were sent. */
  rawHeaders: string[];
  body: Buffer;
  /** The body as text. */
  text: string;
  /** The body as JSON; undefined when it is empty or no JSON. */
  json: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- tests look into any resource
  /** When it was complete, in the milliseconds of `performance.now()`. */
  at: number;
}

/**
 * What the endpoint does with a request that arrived whole.
 * - `status`: answers so, after `afterMilliseconds` if given, or once `after` is resolved
 * - `stall`: takes the request and never answers
 * - `drop`: cuts the connection without an answer
 * - `half-answer`: sends the headers and half of the body announced, then cuts the connection
 * - `drip`: answers with a status and then a body without end, a byte at a time
 */
export type Behaviour =
  | {
      kind: 'status';
      status: number;
      headers?: Record<string, string>;
      body?: string;
      afterMilliseconds?: number;
      after?: Promise<unknown>;
    }
  | { kind: 'stall' }
  | { kind: 'drop' }
  | { kind: 'half-answer'; status?: number }
  | { kind: 'drip'; status?: number };

export type Answer = Behaviour | number | ((request: Received) => Behaviour | number);

/** A destination's HTTP endpoint that records what it gets and behaves as it is told. Starts on 127.0.0.1; `close` in `afterAll`. */
export class EndpointReceiver {
  readonly received: Received[] = [];
  /** Requests that arrived whole but have no answer yet. */
  inFlight = 0;
  mostInFlight = 0;
  private readonly server = createServer((request, response) => void this.take(request, response));
  private readonly sockets = new Set<Socket>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly script: Answer[] = [];
  private usual: Answer = 200;
  private listeningPort = 0;

  private constructor() {
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  static async start(answer: Answer = 200): Promise<EndpointReceiver> {
    const receiver = new EndpointReceiver();
    receiver.usual = answer;
    await receiver.listen(0);
    return receiver;
  }

  /** URL of a path on it. */
  url(path = '/hook'): string {
    return `http://127.0.0.1:${this.listeningPort}${path}`;
  }

  get port(): number {
    return this.listeningPort;
  }

  /** From now on, unless {@link next} has something for the request. */
  always(answer: Answer): this {
    this.usual = answer;
    return this;
  }

  /** For the next requests, one answer each; then the usual again. */
  next(...answers: Answer[]): this {
    this.script.push(...answers);
    return this;
  }

  /** Nobody listens any more: connections are refused, open ones cut. {@link accept} undoes it on the same port. */
  async refuse(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.cutConnections();
    await closed;
  }

  async accept(): Promise<void> {
    await this.listen(this.listeningPort);
  }

  cutConnections(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Forgets what came so far. */
  clear(): void {
    this.received.length = 0;
  }

  /** The requests to one path. */
  to(path: string): Received[] {
    return this.received.filter((request) => request.path === path);
  }

  /** Resolves with the first request, past or future, for which `predicate` holds. */
  async waitFor(predicate: (request: Received) => boolean = () => true, milliseconds = 60_000): Promise<Received> {
    return waitFor(() => this.received.find(predicate), { milliseconds, what: `a request at ${this.url()}; ${this.summary()}` });
  }

  /** Resolves with all requests once there are that many for which `predicate` holds. */
  async waitForCount(
    count: number,
    predicate: (request: Received) => boolean = () => true,
    milliseconds = 60_000,
  ): Promise<Received[]> {
    const matching = () => this.received.filter(predicate);
    await waitFor(() => matching().length >= count, {
      milliseconds,
      what: `${count} requests at ${this.url()}; ${this.summary()}`,
    });
    return matching();
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer);
    if (this.server.listening) await this.refuse();
  }

  private summary(): string {
    return `${this.received.length} so far`;
  }

  private async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => this.server.once('error', reject).listen(port, '127.0.0.1', resolve));
    this.listeningPort = (this.server.address() as AddressInfo).port;
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // cut off while it was sending: nothing arrived whole
    }
    const received = this.record(request, Buffer.concat(chunks));
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    response.once('close', () => this.inFlight--);
    const answer = this.script.shift() ?? this.usual;
    const behaviour = typeof answer === 'function' ? answer(received) : answer;
    this.behave(typeof behaviour === 'number' ? { kind: 'status', status: behaviour } : behaviour, response);
  }

  private record(request: IncomingMessage, body: Buffer): Received {
    const received: Received = {
      ordinal: this.received.length + 1,
      method: request.method!,
      path: request.url!,
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body,
      text: body.toString(),
      json: parseOrUndefined(body.toString()),
      at: performance.now(),
    };
    this.received.push(received);
    return received;
  }

  private behave(behaviour: Behaviour, response: ServerResponse): void {
    switch (behaviour.kind) {
      case 'status': {
        const answer = () => response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body ?? '');
        if (behaviour.after !== undefined) void behaviour.after.then(answer);
        else if (behaviour.afterMilliseconds === undefined) answer();
        else this.later(answer, behaviour.afterMilliseconds);
        return;
      }
      case 'stall':
        return;
      case 'drop':
        response.socket?.destroy();
        return;
      case 'half-answer':
        response.writeHead(behaviour.status ?? 200, { 'Content-Length': '100' });
        response.write('x'.repeat(50), () => response.socket?.destroy());
        return;
      case 'drip': {
        response.writeHead(behaviour.status ?? 200);
        const drop = () => {
          if (response.destroyed) return;
          response.write('x');
          this.later(drop, 50);
        };
        drop();
      }
    }
  }

  private later(work: () => void, milliseconds: number): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, milliseconds);
    this.timers.add(timer);
  }
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
