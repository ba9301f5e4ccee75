import type { Socket as Wire } from 'node:net';
import { io, type Socket } from 'socket.io-client';
import WebSocket from 'ws';
import { readNotification, type Client } from '../../support/subscriber.js';
import { waitFor } from '../../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- they look into any notification */

/** Where a client of a socket keeps what it was told. */
export type Told = (name: string, bundle: any, bytes: number) => void;

/** A client that knows its last number, can be cut off at any moment and comes back. */
export interface SocketClient {
  readonly name: string;
  /** Number of the last event it has dealt with. */
  readonly last: number;
  /** How its last connection ended. */
  readonly ended: { code: number | string; reason: string } | undefined;
  /** Connects and is bound behind its last event; resolves when the hub has said so. */
  open(): Promise<void>;
  /** The connection breaks here and now: what is under way is lost. */
  cut(): void;
  /** From now on it does not read. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** On the FHIR websocket, for one Subscription. Without `says` it leaves it to the hub to know where it goes on. */
export class WebsocketClient implements SocketClient {
  last = 0;
  ended: SocketClient['ended'];
  private socket?: WebSocket;
  private greetings = 0;

  constructor(
    readonly name: string,
    private readonly hub: { url: string; client: Client },
    private readonly subscriptionId: string,
    private readonly told: Told,
    private readonly says = true,
  ) {}

  async open(): Promise<void> {
    const { client, url } = this.hub;
    const { body } = await client.send('GET', `Subscription/${this.subscriptionId}/$get-ws-binding-token`);
    const token = body.parameter.find((parameter: { name: string }) => parameter.name === 'token').valueString;
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`);
    this.socket = socket;
    this.ended = undefined;
    const before = this.greetings;
    socket.on('error', () => {});
    socket.on('close', (code, reason) => {
      if (this.socket === socket) this.ended = { code, reason: reason.toString() };
    });
    socket.on('message', (data: Buffer) => this.socket === socket && this.hear(data));
    socket.on('open', () =>
      socket.send(
        this.says
          ? JSON.stringify({ type: 'bind-with-token', payload: { token, after: this.last } })
          : `bind-with-token ${token}`,
      ),
    );
    await waitFor(() => this.greetings > before, { milliseconds: 60_000, what: `the handshake at ${this.name}` });
  }

  cut(): void {
    const { socket } = this;
    this.socket = undefined;
    wireOf(socket)?.resetAndDestroy();
  }

  pause(): void {
    wireOf(this.socket)?.pause();
  }

  resume(): void {
    wireOf(this.socket)?.resume();
  }

  close(): void {
    this.socket?.terminate();
  }

  private hear(data: Buffer): void {
    const bundle = JSON.parse(data.toString());
    const told = readNotification(bundle);
    if (told.type === 'handshake') this.greetings += 1;
    this.last = Math.max(this.last, ...told.events.map(({ number }) => Number(number)));
    this.told(this.name, bundle, data.length);
  }
}

/** On the live feed; `request` says what it wants. */
export class LiveFeedClient implements SocketClient {
  last = 0;
  ended: SocketClient['ended'];
  /** OperationOutcomes that it was sent. */
  readonly outcomes: any[] = [];
  private socket?: Socket;

  constructor(
    readonly name: string,
    private readonly url: string,
    private readonly request: object,
    private readonly told: Told,
  ) {}

  async open(): Promise<void> {
    const socket = io(`${this.url}/live`, { transports: ['websocket'], forceNew: true, reconnection: false });
    this.socket = socket;
    this.ended = undefined;
    socket.on('disconnect', (reason) => {
      if (this.socket === socket) this.ended = { code: reason, reason };
    });
    socket.on('outcome', (outcome) => this.outcomes.push(outcome));
    socket.on('notification', ({ type, last, bundle }) => {
      if (this.socket !== socket) return;
      if (type === 'event-notification') this.last = Math.max(this.last, last);
      this.told(this.name, bundle, 0);
    });
    await waitFor(() => socket.connected, { milliseconds: 60_000, what: `${this.name} to be connected` });
    const answer = await socket.timeout(60_000).emitWithAck('subscribe', { ...this.request, after: this.last });
    if (answer.outcome) throw new Error(`${this.name}: ${JSON.stringify(answer.outcome)}`);
  }

  cut(): void {
    const wire = this.wire;
    this.socket = undefined;
    wire?.resetAndDestroy();
  }

  pause(): void {
    this.wire?.pause();
  }

  resume(): void {
    this.wire?.resume();
  }

  close(): void {
    this.socket?.disconnect();
  }

  private get wire(): Wire | undefined {
    return wireOf((this.socket?.io.engine?.transport as unknown as { ws?: WebSocket } | undefined)?.ws);
  }
}

const wireOf = (socket: WebSocket | undefined) => (socket as unknown as { _socket?: Wire } | undefined)?._socket;
