import { Agent, type Dispatcher } from 'undici';
import type { AddressPolicy } from './address-policy.js';
import { AddressRefused, guardedConnector, type Resolve } from './guarded-connector.js';

export interface OutboundSettings {
  policy: AddressPolicy;
  connectSeconds: number;
  connectionsPerOrigin: number;
  /** PEM of certificate authorities to trust instead of the usual ones. */
  ca?: string;
}

export interface OutboundRequest {
  method: 'GET' | 'POST' | 'PUT';
  url: URL;
  headers: readonly (readonly [name: string, value: string])[];
  body?: string | Buffer;
  /** For everything: connection, answer and its body. */
  timeoutMs: number;
  signal?: AbortSignal;
  /** Most bytes of the answer's body to read; what follows is cut off with the connection. */
  maxAnswerBytes?: number;
}

export interface OutboundAnswer {
  kind: 'answered';
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** As sent, not decompressed. */
  body: Buffer;
  /** Whether the body came to its end in time and within its bounds. */
  complete: boolean;
  milliseconds: number;
}

export interface OutboundFailure {
  kind: 'failed';
  fault: 'refused' | 'timeout' | 'aborted' | 'network';
  detail: string;
  milliseconds: number;
}

export const DEFAULT_ANSWER_BYTES = 64 * 1024;

/**
 * The only door for calls out of the hub: http and https, addresses checked where the socket connects, no redirects, every call bounded
 * in time and in bytes read. Never throws: what came of a call is a value. Once the head of an answer is there it counts as answered,
 * even if its body never ends.
 */
export class OutboundClient {
  private readonly agent: Agent;

  constructor(settings: OutboundSettings, resolve?: Resolve) {
    this.agent = new Agent({
      connections: settings.connectionsPerOrigin,
      pipelining: 1,
      connect: guardedConnector(settings.policy, { timeoutMs: settings.connectSeconds * 1000, ca: settings.ca }, resolve),
      // One clock for a whole call, ours.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: 32 * 1024,
    });
  }

  send(request: OutboundRequest): Promise<OutboundAnswer | OutboundFailure> {
    const { url } = request;
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      return Promise.resolve({
        kind: 'failed',
        fault: 'refused',
        detail: `${url.protocol} is not http or https`,
        milliseconds: 0,
      });
    }
    return new Promise((resolve) => {
      const call = new Call(request, resolve);
      try {
        this.agent.dispatch(
          {
            origin: url.origin,
            path: url.pathname + url.search,
            method: request.method,
            headers: request.headers.flat(),
            body: request.body ?? null,
          },
          call,
        );
      } catch (error) {
        call.onResponseError(undefined, error as Error);
      }
    });
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

class Call implements Dispatcher.DispatchHandler {
  private readonly started = performance.now();
  private readonly timer: NodeJS.Timeout;
  private readonly chunks: Buffer[] = [];
  private controller?: Dispatcher.DispatchController;
  private head?: { status: number; headers: OutboundAnswer['headers'] };
  private size = 0;
  private settled = false;
  private readonly abort = () => this.end(false, 'aborted', 'stopped by the hub');

  constructor(
    private readonly request: OutboundRequest,
    private readonly resolve: (outcome: OutboundAnswer | OutboundFailure) => void,
  ) {
    this.timer = setTimeout(() => this.end(false, 'timeout', `no answer within ${request.timeoutMs} ms`), request.timeoutMs);
    if (request.signal?.aborted) this.abort();
    else request.signal?.addEventListener('abort', this.abort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // It was waiting for a connection when its time ran out.
    if (this.settled) controller.abort(new Error('no longer wanted'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: OutboundAnswer['headers']): void {
    if (status >= 200) this.head = { status, headers };
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const room = (this.request.maxAnswerBytes ?? DEFAULT_ANSWER_BYTES) - this.size;
    this.chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    this.size += chunk.length;
    if (chunk.length > room) this.end(false, 'network', 'the answer is too long');
  }

  onResponseEnd(): void {
    this.end(true, 'network', 'no answer');
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const code = (error as NodeJS.ErrnoException).code;
    if (error instanceof AddressRefused) this.end(false, 'refused', error.message);
    else if (code === 'UND_ERR_CONNECT_TIMEOUT') this.end(false, 'timeout', 'no connection in time');
    else this.end(false, 'network', code ? `${code}: ${error.message}` : error.message);
  }

  private end(complete: boolean, fault: OutboundFailure['fault'], detail: string): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.timer);
    this.request.signal?.removeEventListener('abort', this.abort);
    const milliseconds = Math.round(performance.now() - this.started);
    this.resolve(
      this.head
        ? { kind: 'answered', ...this.head, body: Buffer.concat(this.chunks), complete, milliseconds }
        : { kind: 'failed', fault, detail, milliseconds },
    );
    if (!complete) this.controller?.abort(new Error(detail));
  }
}
