/** One measured row, as printed and as written to `results/`. */
export interface Figure {
  /** The row of the targets, or the bare limit beside it. */
  row: string;
  /** What ran, so that the figure can be got again. */
  ran: string;
  /** Per second. */
  rate?: number;
  p50?: number;
  p99?: number;
  /** Of p50, p99 and value. */
  unit?: 'ms' | 'µs' | 's' | 'MB' | 'bytes';
  /** A figure that is neither a rate nor a percentile. */
  value?: number;
  target?: string;
  /** What a reader has to know, such as a count that fell short. */
  note?: string;
  /** What went wrong, so that the row does not count: printed as FAILED, and the run ends so. */
  failed?: string;
  /** Kept in a file of its own beside the results: query plans. */
  text?: string;
}

export interface BenchOptions {
  /** A tenth of the size or less: to see that it runs, not to quote. */
  quick: boolean;
  subscribers: number;
  observations: number;
  /** A folder in which what was filled in stays, for the next run. */
  keep?: string;
}

export type Bench = (options: BenchOptions) => Promise<Figure[]>;

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function latency(values: readonly number[]): Pick<Figure, 'p50' | 'p99' | 'unit'> {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99), unit: 'ms' };
}
