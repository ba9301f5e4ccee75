import { FhirError } from '../fhir/fhir-error.js';
import type { CurrentParameters } from '../search/custom/current-parameters.js';
import { readDefinition } from '../search/custom/read-definition.js';
import { Owners } from '../search/custom/take-up.js';
import type { SearchSemantics } from '../search/search-semantics.js';

interface RuledDefinition {
  text: string;
  value: Record<string, unknown>;
}

/**
 * What an active SearchParameter must be to be stored: one that searches can use, beside all others. Those that are not active may hold what
 * they like.
 */
export class SearchParameterRule {
  readonly type = 'SearchParameter';

  constructor(
    private readonly semantics: SearchSemantics,
    private readonly current: Pick<CurrentParameters, 'follow'>,
  ) {}

  /** @throws FhirError 422 naming the element */
  async apply(next: RuledDefinition, id: string): Promise<RuledDefinition> {
    const read = readDefinition(next.value, this.semantics.definitions, this.semantics.bases);
    if (read.kind === 'unused') return next;
    await this.current.follow();
    const owners = new Owners();
    for (const other of this.semantics.catalog.custom.parameters) if (other.id !== id) owners.take(other.id, other.definition);
    const problem = owners.objection(id, read.definition);
    if (problem !== undefined) throw new FhirError('business-rule', `SearchParameter: ${problem}`, 'SearchParameter.code');
    return next;
  }
}
