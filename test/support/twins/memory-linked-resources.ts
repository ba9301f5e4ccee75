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
          this.matching(target).some((other) => refers(values, link.parameter.code, { ...other, ...bornBy(other.body) })),
        );
      case 'has': {
        const own = { url: textsOf(values, 'url')[0], businessVersion: textsOf(values, 'version')[0] };
        return this.matching(link.source).some((other) =>
          refers(this.valuesOf(other), link.parameter.code, { type, id, ...own }),
        );
      }
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

interface Bearer {
  type: string;
  id: string;
  url?: string | undefined;
  businessVersion?: string | undefined;
}

function refers(values: ExtractedValues, code: string, to: Bearer): boolean {
  const found = values.get(code);
  if (found?.type !== 'reference') return false;
  return found.values.some(({ type, id, url, version }) => {
    if (type !== undefined) return type === to.type && id === to.id;
    return url !== undefined && url === to.url && [undefined, '', to.businessVersion].includes(version);
  });
}

function bornBy(body: string | null): Pick<Bearer, 'url' | 'businessVersion'> {
  const { url, version } = JSON.parse(body ?? '{}') as { url?: string; version?: string };
  return { url, businessVersion: version };
}

function textsOf(values: ExtractedValues, code: string): (string | undefined)[] {
  const found = values.get(code);
  if (found?.type === 'uri') return [...found.values];
  return found?.type === 'token' ? found.values.map((token) => token.code) : [];
}
