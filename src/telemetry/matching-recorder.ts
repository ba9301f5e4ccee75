import { Counter, Gauge, type Registry } from 'prom-client';

/** How the standing queries of this process are filed, and how often they were looked at closely since they were. */
export interface IndexCounts {
  candidates: number;
  subscriptions: number;
  groups: number;
  keyed: number;
  paired: number;
  bounded: number;
  unconditional: number;
  residual: number;
}

const PATHS = ['keyed', 'paired', 'bounded', 'unconditional', 'residual'] as const;
const STEPS = ['extract', 'match', 'commit'] as const;

/** What matching does in this process, while it has the right to. */
export class MatchingRecorder {
  private readonly changes: Counter;
  private readonly events: Counter;
  private readonly seconds: Record<(typeof STEPS)[number], Counter.Internal>;
  private indexSize: () => IndexCounts | undefined = () => undefined;

  constructor(registry: Registry) {
    const counter = (name: string, help: string) => new Counter({ name, help, registers: [registry] });
    this.changes = counter('carillon_matched_changes_total', 'Changes that this process has matched');
    this.events = counter('carillon_recorded_events_total', 'Events that this process has recorded, one for each filter group');
    const seconds = new Counter({
      name: 'carillon_matching_seconds_total',
      help: 'Time of matching by step: extract values, match (extraction included), commit',
      labelNames: ['step'],
      registers: [registry],
    });
    this.seconds = Object.fromEntries(STEPS.map((step) => [step, seconds.labels({ step })])) as typeof this.seconds;
    for (const step of STEPS) this.seconds[step].inc(0);
    this.showIndex(registry);
  }

  /** A slice of the log was matched. */
  matched({ changes, events, milliseconds }: { changes: number; events: number; milliseconds: number }): void {
    this.changes.inc(changes);
    this.events.inc(events);
    this.seconds.match.inc(milliseconds / 1000);
  }

  /** The values of a resource were extracted, as a part of matching. */
  extracted(milliseconds: number): void {
    this.seconds.extract.inc(milliseconds / 1000);
  }

  committed(milliseconds: number): void {
    this.seconds.commit.inc(milliseconds / 1000);
  }

  /** Where the size of the index is to be looked up; undefined while there is none. */
  indexIs(read: () => IndexCounts | undefined): void {
    this.indexSize = read;
  }

  private showIndex(registry: Registry): void {
    const sizeOf = () => this.indexSize();
    const size = (name: string, help: string, pick: (size: IndexCounts) => number) =>
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          const found = sizeOf();
          if (found) this.set(pick(found));
          else this.remove();
        },
      });
    size(
      'carillon_index_subscriptions',
      'Subscriptions known to the index of this process',
      ({ subscriptions }) => subscriptions,
    );
    size('carillon_index_groups', 'Filter groups in the index of this process', ({ groups }) => groups);
    new Counter({
      name: 'carillon_match_candidates_total',
      help: 'Standing queries looked at closely since the index was built; the fewer a change the better',
      registers: [registry],
      collect() {
        this.reset();
        this.inc(sizeOf()?.candidates ?? 0);
      },
    });
    new Gauge({
      name: 'carillon_index_entries',
      help: 'Standing queries in the index of this process by how they are found; residual ones are tried for every change',
      labelNames: ['path'],
      registers: [registry],
      collect() {
        this.reset();
        const found = sizeOf();
        if (found) for (const path of PATHS) this.set({ path }, found[path]);
      },
    });
  }
}
