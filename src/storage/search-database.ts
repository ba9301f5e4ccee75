import { Database } from './database.js';

/**
 * The connections that searches may use, apart from the others: however many slow searches are asked for, writes, reads by id and delivery
 * find a free one. The server cancels a statement that exceeds the time budget.
 */
export class SearchDatabase extends Database {
  constructor(url: string, connections: number, onIdleError: (error: Error) => void, budgetMilliseconds: number) {
    super(url, connections, onIdleError, {
      statement_timeout: budgetMilliseconds,
      // A search wants one page soon. Estimates for rare keys are far too high (the statistics know only the most common ones), and on them
      // the planner would compile, start workers or read a whole table: 22 to 138 ms where an index needs 1 to 3.
      jit: 'off',
      enable_seqscan: 'off',
      max_parallel_workers_per_gather: 0,
      random_page_cost: 1.1,
    });
  }
}
