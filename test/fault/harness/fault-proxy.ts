import { once } from 'node:events';
import { createServer, connect, type Server, type Socket } from 'node:net';
import type { AddressInfo, NetConnectOpts } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/**
 * What happens to what passes a proxy; switched at any time, for connections that are open and for those that come.
 * - `pass`: nothing
 * - `refuse`: nobody listens; open connections are cut
 * - `black-hole`: connections open and stay open, and nothing gets through
 * - `reset`: every connection is ended with RST
 * - `half-close`: the client is told that the other side has said everything (FIN); what the client sends still goes through
 * - `trickle`: so many bytes a second in each direction
 * - `latency`: each piece is late by so many milliseconds
 * - `cut`: a connection is reset once so many more bytes went through, `up` to the server or `down` from it
 */
export type LinkFault =
  | { kind: 'pass' | 'refuse' | 'black-hole' | 'reset' | 'half-close' }
  | { kind: 'trickle'; bytesPerSecond: number }
  | { kind: 'latency'; milliseconds: number }
  | { kind: 'cut'; after: number; direction: 'up' | 'down' };

export type Direction = 'up' | 'down';

/** Sees every piece before it is passed on, and holds it back until it resolves: for acting before or after a certain statement. */
export type Watch = (piece: Buffer, direction: Direction, link: Link) => Promise<void> | void;

export const PASS: LinkFault = { kind: 'pass' };

/** A TCP proxy in front of PostgreSQL, a destination or a hub that misbehaves as it is told. `close` ends it and its connections. */
export class FaultProxy {
  readonly links = new Set<Link>();
  /** Connections so far. */
  accepted = 0;
  private fault: LinkFault = PASS;
  private watcher: Watch = () => {};
  private listener?: Server;
  private listeningPort = 0;

  private constructor(private readonly target: NetConnectOpts) {}

  static async start(target: NetConnectOpts): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await proxy.listen();
    return proxy;
  }

  get port(): number {
    return this.listeningPort;
  }

  /** From now on, for all connections: a link's own fault counts no more. */
  async set(fault: LinkFault): Promise<void> {
    const wasRefusing = this.fault.kind === 'refuse';
    this.fault = fault;
    if (fault.kind === 'refuse') {
      this.listener?.close();
      this.listener = undefined;
    }
    for (const link of this.links) link.set(fault);
    if (wasRefusing && fault.kind !== 'refuse') await this.listen();
  }

  watch(watcher: Watch): void {
    this.watcher = watcher;
  }

  async close(): Promise<void> {
    const closed = this.listener ? once(this.listener, 'close') : undefined;
    this.listener?.close();
    for (const link of this.links) link.end();
    await closed;
  }

  private async listen(): Promise<void> {
    // Half-open on purpose: each direction ends by itself.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.take(client));
    server.listen(this.listeningPort, '127.0.0.1');
    await once(server, 'listening');
    this.listener = server;
    this.listeningPort = (server.address() as AddressInfo).port;
  }

  private take(client: Socket): void {
    this.accepted += 1;
    const server = connect({ ...this.target, allowHalfOpen: true } as NetConnectOpts);
    const link: Link = new Link(client, server, this.accepted, (piece, direction) => this.watcher(piece, direction, link));
    this.links.add(link);
    client.once('close', () => this.links.delete(link));
    link.set(this.fault);
  }
}

/** One connection through the proxy. */
export class Link {
  readonly passed = { up: 0, down: 0 };
  private fault: LinkFault = PASS;
  private changed = Promise.withResolvers<void>();
  private readonly readers = new Set<() => void>();
  private cutAt = Infinity;

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    /** 1, 2, 3 … in the order in which they were accepted. */
    readonly ordinal: number,
    private readonly watch: (piece: Buffer, direction: Direction) => Promise<void> | void,
  ) {
    for (const socket of [client, server]) socket.on('error', () => this.end());
    client.once('close', () => this.end());
    server.once('close', () => this.end());
    void this.carry(client, server, 'up');
    void this.carry(server, client, 'down');
  }

  /** The client has ended it, or said its last; seen even where nothing is let through. */
  get isLeftByClient(): boolean {
    return this.client.readableEnded || this.client.destroyed;
  }

  /** For this connection alone. */
  set(fault: LinkFault): void {
    this.fault = fault;
    if (fault.kind === 'cut') this.cutAt = this.passed[fault.direction] + fault.after;
    if (fault.kind === 'refuse' || fault.kind === 'reset') this.reset();
    if (fault.kind === 'half-close') this.client.end();
    this.changed.resolve();
    this.changed = Promise.withResolvers();
    if (fault.kind === 'black-hole') for (const readOn of this.readers) readOn();
  }

  /** RST to both sides. */
  reset(): void {
    this.client.resetAndDestroy();
    this.server.destroy();
    this.changed.resolve();
  }

  end(): void {
    this.client.destroy();
    this.server.destroy();
    this.changed.resolve();
  }

  private async carry(from: Socket, to: Socket, direction: Direction): Promise<void> {
    let passing = Promise.resolve();
    try {
      for await (const piece of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        passing = passing.then(() => this.pass(piece, to, direction));
        await this.unlessDark(passing);
      }
      await passing;
      await this.untilOpen(to);
      if (!to.destroyed) to.end();
    } catch {
      // One of the two is gone: so is the other.
      this.end();
    }
  }

  /** Pieces wait for one another; in a black hole they are read all the same and kept, so that the end of a connection is seen. */
  private unlessDark(passing: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.readers.add(resolve);
      void passing.then(resolve, reject).then(() => this.readers.delete(resolve));
      if (this.fault.kind === 'black-hole') resolve();
    });
  }

  private async pass(piece: Buffer, to: Socket, direction: Direction): Promise<void> {
    await this.watch(piece, direction);
    await this.untilOpen(to);
    if (!to.destroyed) await this.forward(piece, to, direction);
  }

  private async untilOpen(to: Socket): Promise<void> {
    while (this.fault.kind === 'black-hole' && !to.destroyed) await this.changed.promise;
  }

  private async forward(piece: Buffer, to: Socket, direction: Direction): Promise<void> {
    const fault = this.fault;
    if (fault.kind === 'half-close' && direction === 'down') return;
    if (fault.kind === 'latency') await wait(fault.milliseconds);
    if (fault.kind === 'cut' && fault.direction === direction && this.passed[direction] + piece.length >= this.cutAt) {
      to.write(piece.subarray(0, this.cutAt - this.passed[direction]), () => this.reset());
      return;
    }
    if (fault.kind !== 'trickle') return this.write(piece, to, direction);
    const step = Math.max(1, Math.ceil(fault.bytesPerSecond / 50));
    for (let from = 0; from < piece.length && !to.destroyed; from += step) {
      await this.write(piece.subarray(from, from + step), to, direction);
      // Whoever switches it off lets the rest through at once.
      if (this.fault === fault) await Promise.race([wait((step * 1000) / fault.bytesPerSecond), this.changed.promise]);
    }
  }

  private async write(piece: Buffer, to: Socket, direction: Direction): Promise<void> {
    this.passed[direction] += piece.length;
    if (to.write(piece)) return;
    const room = new AbortController();
    await Promise.race(['drain', 'close'].map((event) => once(to, event, room)));
    room.abort();
  }
}
