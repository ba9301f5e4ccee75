import { Gauge, type Registry } from 'prom-client';
import type { Figures } from './database-figures.js';
import type { LatestFigures } from './latest-figures.js';

type Labelled = readonly (readonly [label: string, value: number])[];

/**
 * What only the database knows, as gauges that each process shows alike (but for what says "this process"). While it is away they show
 * nothing rather than something old.
 */
export class FigureGauges {
  constructor(
    private readonly registry: Registry,
    private readonly latest: LatestFigures,
  ) {
    this.plain('carillon_database_up', 'Whether PostgreSQL answered this scrape', (figures) => (figures ? 1 : 0));
    this.labelled('carillon_subscriptions', 'Subscriptions by status', 'status', ({ subscriptions }) => [...subscriptions]);
    this.labelled(
      'carillon_oldest_owed_seconds',
      'Age of the oldest event owed to a subscription that this process serves',
      'channel',
      ({ oldestOwedSeconds }) => [...oldestOwedSeconds],
    );
    this.plain('carillon_dead_letters', 'Events set aside and neither taken nor mended since', (figures) => figures?.deadLetters);
    this.plain('carillon_replays', 'Requests to send events again that are not through', (figures) => figures?.replays);
    this.labelled('carillon_shards', 'Shards of subscriptions, held by a living process or free', 'state', ({ shards }) => [
      ['held', shards.held],
      ['free', shards.free],
    ]);
    this.labelled('carillon_matching_leases', 'Rights to match, by who holds them', 'holder', ({ matching }) => [
      ['this', matching.own],
      ['other', matching.others],
      ['nobody', matching.nobody],
    ]);
    this.plain('carillon_processes', 'Hubs that are alive on this database', (figures) => figures?.processes);
    this.plain(
      'carillon_log_unmatched_changes',
      'Changes stored and not matched yet, counted up to 100000',
      (figures) => figures?.unmatched.changes,
    );
    this.plain('carillon_log_unmatched_seconds', 'Age of the oldest of them', (figures) => figures?.unmatched.seconds);
    this.plain(
      'carillon_full_text_unindexed_changes',
      'Changes stored and not in the full-text index yet, counted up to 100000',
      (figures) => figures?.unindexed.changes,
    );
    this.plain('carillon_full_text_unindexed_seconds', 'Age of the oldest of them', (figures) => figures?.unindexed.seconds);
    this.plain(
      'carillon_log_horizon_seconds',
      'Age of the oldest transaction that writes, below which the log is settled',
      (figures) => figures && (figures.horizon?.seconds ?? 0),
    );
    this.plain(
      'carillon_log_horizon_blocking_pid',
      'Process id in PostgreSQL of that transaction once it is a second old; 0 for none, -1 for one without a process of its own',
      (figures) => figures && (figures.horizon && figures.horizon.seconds >= 1 ? figures.horizon.pid : 0),
    );
    this.labelled('carillon_sources', 'Sources that are polled, by how the last poll went', 'state', ({ sources }) => [
      ['well', sources.well],
      ['failing', sources.failing],
    ]);
    this.plain(
      'carillon_source_lag_seconds',
      'Longest time since a source was last read with success',
      (figures) => figures?.sources.lagSeconds,
    );
    this.labelled('carillon_search_parameters', 'Search parameters that clients defined', 'state', ({ searchParameters }) => [
      ['usable', searchParameters.usable],
      ['indexing', searchParameters.indexing],
    ]);
    this.plain(
      'carillon_reindex_resources_left',
      'Resources that are still to be indexed anew by the walks under way',
      (figures) => figures?.searchParameters.left,
    );
  }

  private plain(name: string, help: string, pick: (figures: Figures | undefined) => number | undefined): void {
    const { latest, registry } = this;
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        const value = pick(await latest.get());
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  }

  private labelled(name: string, help: string, label: string, pick: (figures: Figures) => Labelled): void {
    const { latest, registry } = this;
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      async collect() {
        const figures = await latest.get();
        this.reset();
        for (const [of, value] of figures ? pick(figures) : []) this.set({ [label]: of }, value);
      },
    });
  }
}
