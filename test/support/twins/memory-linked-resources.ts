import type { Change } from '../../../src/fhir/change.js';
import { clauseHolds } from '../../../src/search/clause-holds.js';
import type { Link, LinkedQuery } from '../../../src/search/query.js';
import type { SearchSemantics } from '../../../src/search/search-semantics.js';
import type { ExtractedValues } from '../../../src/search/values.js';
import { LinkedResources, type LinkQuestion, type LinkVerdict } from '../../../src/subscriptions/linked-resources.js';

/** Links by walking everything, with no index. Trusted because it passes the same contract suite as the Postgres one. */
export class MemoryLinkedResources extends LinkedResources {
  constructor(
    /** What was written, in order. */
    private readonly log: readonly Change[],
    private readonly semantics: SearchSemantics,
  ) {
    super();
  }

  override async hold(questions: readonly LinkQuestion[]): Promise<readonly LinkVerdict[]> {
    return questions.map(({ type, id, values, links }) => links.every((link) => this.holds(type, id, values, link)));
  }

  private holds(type: string, id: string, values: ExtractedValues, link: Link): boolean {
    switch (link.kind) {
      case 'chain':
        return link.targets.some((target) =>
          this.matching(target).some((other) => refers(values, link.parameter.code, target.type, other.id)),
        );
      case 'has':
        return this.matching(link.source).some((other) => refers(this.valuesOf(other), link.parameter.code, type, id));
      case 'reach':
        throw new Error('Only a search knows what it has reached');
    }
  }

  private matching(query: LinkedQuery): Change[] {
    const current = new Map<string, Change>();
    for (const change of this.log) if (change.type === query.type) current.set(change.id, change);
    return [...current.values()].filter((change) => {
      if (change.body === null) return false;
      const values = this.valuesOf(change);
      return (
        query.clauses.every((clause) => clauseHolds(clause, values)) &&
        query.links.every((link) => this.holds(change.type, change.id, values, link))
      );
    });
  }

  private valuesOf({ type, id, at, body }: Change): ExtractedValues {
    return this.semantics.extract(type, JSON.parse(body ?? 'null'), { id, lastUpdated: at });
  }
}

function refers(values: ExtractedValues, code: string, type: string, id: string): boolean {
  const found = values.get(code);
  return found?.type === 'reference' && found.values.some((reference) => reference.type === type && reference.id === id);
}
