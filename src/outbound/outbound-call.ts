import type { Dispatcher } from 'undici';
import { AnswerBody } from './answer-body.js';
import { faultText, isTlsFault } from './fault-text.js';
import type { OutboundAnswer, OutboundFailure, OutboundRequest } from './outbound-exchange.js';

/** Answers `1xx` before the one that counts; a polite server sends one or two. */
const MOST_INTERIM = 16;

export interface CallBounds {
  /** Until the head of the answer; no longer than the whole call. */
  headMs: number;
  mostBodyBytes: number;
}

/**
 * One call from its start to its outcome, which comes exactly once, and in time. undici may run it twice over (`again`): both runs share
 * the clock.
 */
export class OutboundCall implements Dispatcher.DispatchHandler {
  private readonly started = performance.now();
  private readonly timers: NodeJS.Timeout[];
  private readonly body: AnswerBody;
  private controller?: Dispatcher.DispatchController;
  private head?: { status: number; headers: OutboundAnswer['headers'] };
  private interim = 0;
  private settled = false;
  private readonly abort = () => this.end(false, 'aborted', 'stopped by the hub');

  constructor(
    private readonly request: Pick<OutboundRequest, 'timeoutMs' | 'signal'>,
    { headMs, mostBodyBytes }: CallBounds,
    private readonly resolve: (outcome: OutboundAnswer | OutboundFailure) => void,
    /** Sends the request once more, over another connection. */
    private again?: () => void,
  ) {
    const { timeoutMs, signal } = request;
    this.body = new AnswerBody(mostBodyBytes);
    this.timers = [setTimeout(() => this.end(false, 'timeout', `no answer within ${timeoutMs} ms`), timeoutMs)];
    if (headMs < timeoutMs) this.timers.push(setTimeout(() => this.endHeadless(headMs), headMs));
    if (signal?.aborted) this.abort();
    else signal?.addEventListener('abort', this.abort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // It was waiting for a connection when its time ran out.
    if (this.settled) controller.abort(new Error('no longer wanted'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: OutboundAnswer['headers']): void {
    if (status >= 200) this.head = { status, headers };
    else if (++this.interim > MOST_INTERIM) this.end(false, 'network', 'interim answers without end');
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.body.add(chunk)) this.end(false, 'network', 'the answer is too long');
  }

  onResponseEnd(): void {
    this.end(true, 'network', 'no answer');
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: NodeJS.ErrnoException): void {
    if (this.settled) return;
    const { again } = this;
    if (error.code === 'CLOSED_WHILE_IDLE' && again !== undefined && this.head === undefined && this.interim === 0) {
      this.again = undefined;
      again();
      return;
    }
    if (error.code === 'ADDRESS_REFUSED') this.end(false, 'refused', error.message);
    else if (error.code === 'CONNECT_TIMEOUT') this.end(false, 'timeout', error.message);
    else this.end(false, isTlsFault(error) ? 'tls' : 'network', faultText(error));
  }

  private endHeadless(headMs: number): void {
    if (this.head === undefined) this.end(false, 'timeout', `no head of an answer within ${headMs} ms`);
  }

  private end(complete: boolean, fault: OutboundFailure['fault'], detail: string): void {
    if (this.settled) return;
    this.settled = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.request.signal?.removeEventListener('abort', this.abort);
    const milliseconds = Math.round(performance.now() - this.started);
    this.resolve(
      this.head
        ? { kind: 'answered', ...this.head, body: this.body.bytes, complete, milliseconds }
        : { kind: 'failed', fault, detail, milliseconds },
    );
    if (!complete) this.controller?.abort(new Error(detail));
  }
}
