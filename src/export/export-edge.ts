import type { Compartments } from '../search/compartments.js';
import type { CurrentParameters } from '../search/custom/current-parameters.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { Exports } from './exports.js';

/** What the controllers of exports share. */
export class ExportEdge {
  constructor(
    readonly exports: Exports,
    readonly semantics: SearchSemantics,
    readonly compartments: Compartments,
    readonly publicUrl: string,
    readonly parameters: Pick<CurrentParameters, 'follow'>,
  ) {}
}
