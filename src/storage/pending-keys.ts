import type { Queryable } from './database.js';
import { SORT_IN_KEYS } from './sql/sort-in-keys.sql.js';

/**
 * New keys wait in a list beside the GIN index until there are 4 MB of them, which spares writers most of its cost; each search reads that list
 * whole. Where there are searches, it is therefore sorted in once a second: 340 pages took 1.1 ms of a search that takes 0.1 without them.
 */
export class PendingKeys {
  private next = 0;

  constructor(
    private readonly database: Queryable,
    private readonly now: () => number = Date.now,
  ) {}

  /** A search begins: sees to it that those after it find the list empty. Nobody waits for that, and it may fail. */
  searched(): void {
    if (this.now() < this.next) return;
    this.next = Infinity;
    void this.database
      .rows(SORT_IN_KEYS)
      .catch(() => undefined)
      .then(() => (this.next = this.now() + EVERY_MILLISECONDS));
  }
}

const EVERY_MILLISECONDS = 1000;
