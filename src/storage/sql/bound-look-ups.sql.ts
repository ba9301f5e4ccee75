import type { Sql } from '../database.js';

/** For the rest of the transaction: statements are cancelled after $1 milliseconds, and planned as look-ups (see SearchDatabase). */
export const BOUND_LOOK_UPS: Sql = {
  name: 'bound-look-ups',
  text: `
  SELECT set_config('statement_timeout', $1::text, true), set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true),
    set_config('max_parallel_workers_per_gather', '0', true), set_config('random_page_cost', '1.1', true)`,
};
