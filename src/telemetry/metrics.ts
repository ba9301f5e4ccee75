import { collectDefaultMetrics, Registry } from 'prom-client';
import { DeliveryRecorder } from './delivery-recorder.js';
import { MatchingRecorder } from './matching-recorder.js';
import { openMetricsText } from './open-metrics-text.js';
import { PollRecorder } from './poll-recorder.js';
import { PoolRecorder } from './pool-recorder.js';
import { RequestRecorder } from './request-recorder.js';
import { SocketRecorder } from './socket-recorder.js';

export type MetricsFormat = 'prometheus' | 'open-metrics';

/**
 * Everything this process counts and measures, by the stage that does so. Each stage is handed its own recorder; what only the database knows
 * is shown by FigureGauges. docs/operations.md says of every metric what it means. Labels are few and bounded: never an id, an address
 * or anything a client chose.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly requests = new RequestRecorder(this.registry);
  readonly pools = new PoolRecorder(this.registry);
  readonly polls = new PollRecorder(this.registry);
  readonly matching = new MatchingRecorder(this.registry);
  readonly delivery = new DeliveryRecorder(this.registry);
  readonly sockets = new SocketRecorder(this.registry);

  /** Node's own metrics come along: event loop, garbage collection, heap, file descriptors. */
  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  async text(format: MetricsFormat): Promise<string> {
    const text = await this.registry.metrics();
    return format === 'open-metrics' ? openMetricsText(text) : text;
  }
}
