import { FhirError } from '../../fhir/fhir-error.js';
import { parseReference, rewriteReferences } from '../../fhir/references.js';
import { clauseHolds } from '../../search/clause-holds.js';
import type { CurrentParameters } from '../../search/custom/current-parameters.js';
import type { SearchSemantics } from '../../search/search-semantics.js';
import type { MatchingResources } from '../matching-resources.js';
import { type BundleEntry, entryPath } from './bundle-entries.js';
import type { PlannedWrite } from './plan-transaction.js';

/**
 * References like `Patient?identifier=a|1`, resolved on the state that the transaction leaves behind: what is stored and what the
 * transaction itself creates or updates counts, what it deletes does not. Exactly one resource must match.
 * https://hl7.org/fhir/R4B/http.html#trules
 */
export class ConditionalReferences {
  constructor(
    private readonly resources: MatchingResources,
    private readonly semantics: SearchSemantics,
    private readonly parameters: CurrentParameters,
  ) {}

  /**
   * Text of the reference → `Type/id`.
   * @param writes without the creates that found their resource
   * @throws FhirError 412 naming the entry
   */
  async resolve(writes: readonly PlannedWrite[]): Promise<Map<string, string>> {
    const resolved = new Map<string, string>();
    for (const { entry, type } of writes) {
      for (const text of this.conditionalIn(entry, type)) {
        if (!resolved.has(text)) resolved.set(text, await this.one(text, entry, writes));
      }
    }
    return resolved;
  }

  private conditionalIn(entry: BundleEntry, type: string): Set<string> {
    const texts = new Set<string>();
    // Looking for the one letter first spares most resources the walk.
    if (entry.resource === undefined || !entry.resource.text.includes('?')) return texts;
    rewriteReferences(entry.resource.value, type, (kind, text) => {
      if (kind === 'reference' && parseReference(text, this.semantics.bases).kind === 'conditional') texts.add(text);
      return undefined;
    });
    return texts;
  }

  private async one(text: string, entry: BundleEntry, writes: readonly PlannedWrite[]): Promise<string> {
    const reference = parseReference(text, this.semantics.bases);
    if (reference.kind !== 'conditional') throw new Error('Not a conditional reference');
    const where = entryPath(entry.index, 'resource');
    const touched = writes.filter((write) => write.type === reference.type);
    const touchedIds = new Set(touched.map((write) => write.id));
    const ids = await this.parameters.ask(
      () => this.semantics.parse(reference.type, reference.query, { handling: 'strict' }),
      (query) => [query],
      async (query) => {
        if (query.clauses.length === 0) throw new FhirError('value', `The reference ${shown(text)} has no condition`, where);
        const inStore = await this.resources.findIds(query, 2 + touched.length);
        const inTransaction = touched.filter((write) => {
          if (write.entry.resource === undefined) return false;
          const identity = { id: write.id, lastUpdated: new Date() };
          const values = this.semantics.extract(write.type, write.entry.resource.value, identity);
          return query.clauses.every((clause) => clauseHolds(clause, values));
        });
        return [...inStore.filter((id) => !touchedIds.has(id)), ...inTransaction.map((write) => write.id)];
      },
    );
    if (ids.length === 1) return `${reference.type}/${ids[0]}`;
    const problem = ids.length === 0 ? 'matches no resource' : 'matches more than one resource';
    throw new FhirError(ids.length === 0 ? 'not-found' : 'multiple-matches', `The reference ${shown(text)} ${problem}`, where, {
      status: 412,
    });
  }
}

function shown(text: string): string {
  return text.slice(0, 200);
}
