import { Readiness } from '../http/readiness.js';
import type { Database } from './database.js';

const ANSWER_MILLISECONDS = 2_000;

/** Ready while the database answers in reasonable time. It was migrated before anybody could ask. */
export class DatabaseReadiness extends Readiness {
  constructor(private readonly database: Database) {
    super();
  }

  async missing(): Promise<string[]> {
    const answer = this.database.rows({ name: 'health', text: 'SELECT 1' }).then(
      () => [],
      () => ['database'],
    );
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<string[]>((resolve) => {
      timer = setTimeout(() => resolve(['database']), ANSWER_MILLISECONDS);
    });
    return Promise.race([answer, silence]).finally(() => clearTimeout(timer));
  }
}
