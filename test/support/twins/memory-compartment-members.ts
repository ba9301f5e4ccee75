import type { Change } from '../../../src/fhir/change.js';
import { CompartmentMembers, type MembersAsked } from '../../../src/pull/compartment-members.js';
import { equalityKeysOf } from '../../../src/search/index-rows.js';
import type { SearchSemantics } from '../../../src/search/search-semantics.js';
import type { DateValue } from '../../../src/search/values.js';
import { currentOf } from './current-of.js';

/** Compartments in memory: looks at all there is. Trusted because it passes the same contract suite as the Postgres one. */
export class MemoryCompartmentMembers extends CompartmentMembers {
  constructor(
    private readonly log: readonly Change[],
    private readonly semantics: SearchSemantics,
  ) {
    super();
  }

  override async page({ keys, since, care, after, limit }: MembersAsked): Promise<Change[]> {
    return currentOf(this.log)
      .filter((change) => {
        const values = this.semantics.extract(change.type, JSON.parse(change.body!), {
          id: change.id,
          lastUpdated: change.at,
        });
        const own = equalityKeysOf(values);
        if (!keys.some((key) => own.has(key)) || (since !== undefined && change.at < since)) return false;
        if (after !== undefined && compared(nameOf(change), after) <= 0) return false;
        const codes = care?.dates.filter(({ type }) => type === change.type).map(({ code }) => code) ?? [];
        const dates = codes.flatMap((code) => (values.get(code)?.values ?? []) as DateValue[]);
        return (
          care === undefined ||
          dates.length === 0 ||
          dates.some(({ low, high }) => low < care.period.high && high > care.period.low)
        );
      })
      .sort((a, b) => compared(nameOf(a), nameOf(b)))
      .slice(0, limit);
  }
}

function nameOf({ type, id }: Change): string {
  return `${type}/${id}`;
}

/** By type, then by id. */
function compared(a: string, b: string): number {
  const [typeA = '', idA = ''] = a.split('/');
  const [typeB = '', idB = ''] = b.split('/');
  if (typeA !== typeB) return typeA < typeB ? -1 : 1;
  return idA === idB ? 0 : idA < idB ? -1 : 1;
}
