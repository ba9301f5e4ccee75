import type { Link } from '../search/query.js';
import type { ExtractedValues } from '../search/values.js';

/** Whether all of `links` hold of a resource, in the state that `values` are of. */
export interface LinkQuestion {
  type: string;
  id: string;
  values: ExtractedValues;
  links: readonly Link[];
}

/** `undecided`: it takes longer than anybody can wait for. */
export type LinkVerdict = boolean | 'undecided';

/** What other resources decide about one: chains follow the references of the state asked about, the others count as they are now. */
export abstract class LinkedResources {
  /** The verdicts in the order of the questions, which are asked together. @throws Error where nothing can be asked: try again */
  abstract hold(questions: readonly LinkQuestion[]): Promise<readonly LinkVerdict[]>;
}

/** All must hold: what does not, decides. */
export function all(verdicts: readonly LinkVerdict[]): LinkVerdict {
  if (verdicts.includes(false)) return false;
  return verdicts.includes('undecided') ? 'undecided' : true;
}

/** Any will do. */
export function any(verdicts: readonly LinkVerdict[]): LinkVerdict {
  if (verdicts.includes(true)) return true;
  return verdicts.includes('undecided') ? 'undecided' : false;
}
