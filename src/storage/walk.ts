import type { MemoryOrder } from './memory-order.js';
import type { TestedLink } from './resolve-links.js';
import type { SearchPlan } from './search-plan.js';

/** A plan, and the links that its candidates are still to be tested for. */
export interface Walk {
  plan: SearchPlan;
  /** Of what is not in the order of an index. */
  order?: MemoryOrder;
  tested: readonly TestedLink[];
  /** Whether the index alone decides. */
  exact: boolean;
}
