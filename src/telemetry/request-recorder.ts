import { Counter, Histogram, type Registry } from 'prom-client';

/** Seconds that a request or an attempt may take. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Requests that clients make. */
export class RequestRecorder {
  private readonly requests: Counter;
  private readonly seconds: Histogram;
  /** By interaction: looking a label up costs more than counting. */
  private readonly children = new Map<string, { seconds: Histogram.Internal<string>; ofClass: Map<number, Counter.Internal> }>();

  constructor(registry: Registry) {
    this.requests = new Counter({
      name: 'carillon_requests_total',
      help: 'FHIR requests answered, by interaction and class of the status; entries of a batch count, too',
      labelNames: ['interaction', 'status'],
      registers: [registry],
    });
    this.seconds = new Histogram({
      name: 'carillon_request_seconds',
      help: 'Time from the arrival of a FHIR request to the end of its answer, by interaction',
      labelNames: ['interaction'],
      buckets: DURATION_BUCKETS,
      registers: [registry],
    });
  }

  /** `interaction` is one of a bounded set. */
  answered(interaction: string, status: number, milliseconds: number): void {
    let child = this.children.get(interaction);
    if (!child) this.children.set(interaction, (child = { seconds: this.seconds.labels({ interaction }), ofClass: new Map() }));
    const statusClass = Math.floor(status / 100);
    let count = child.ofClass.get(statusClass);
    if (!count) {
      count = this.requests.labels({ interaction, status: `${statusClass}xx` });
      child.ofClass.set(statusClass, count);
    }
    count.inc();
    child.seconds.observe(milliseconds / 1000);
  }
}
