import type { DatabaseFigures, Figures, OwedPlace } from './database-figures.js';

const KEPT_MS = 5000;
/** A reading is kept for this many times what it took, so that it never costs more than a twentieth of one of the database's cores. */
const KEPT_TIMES = 20;
const WAIT_MS = 3000;

/**
 * The figures of the database as of some seconds ago: however many ask, one reading at a time is made, and nobody waits longer than
 * {@link WAIT_MS} for it.
 */
export class LatestFigures {
  private kept?: { figures: Figures; until: number };
  private reading?: Promise<Figures | undefined>;

  constructor(
    private readonly source: DatabaseFigures,
    private readonly places: () => readonly OwedPlace[],
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Undefined while the database is away or does not answer in time. */
  async get(): Promise<Figures | undefined> {
    if (this.kept && this.now() < this.kept.until) return this.kept.figures;
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), WAIT_MS);
    });
    return Promise.race([this.reading, late]).finally(() => clearTimeout(timer));
  }

  private async read(): Promise<Figures | undefined> {
    const begun = this.now();
    try {
      const figures = await this.source.read(this.places());
      const ended = this.now();
      this.kept = { figures, until: ended + Math.max(KEPT_MS, (ended - begun) * KEPT_TIMES) };
      return figures;
    } catch {
      // That it is away is what is told; why, those tell who work with it.
      this.kept = undefined;
      return undefined;
    }
  }
}
