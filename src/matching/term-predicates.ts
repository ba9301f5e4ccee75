import { type Condition, conditionsOf, isLinked } from '../search/conditions.js';
import type { StandingSearch } from '../search/standing-search.js';
import { type Predicate, predicateOf } from './entry.js';

/** Terms kept for each parameter. */
const MOST_OF_A_NAME = 4096;

interface KnownTerms {
  readonly byText: Map<string, readonly Predicate[]>;
  hits: number;
}

/**
 * Predicates by the text they are written in: a million filters say `status=final` and name the same few thousand codes, so most terms need
 * not be read again, and those who say the same share the outcome. Parameters whose value differs for nearly everyone, a patient say, are
 * found out and no longer looked up.
 */
export class TermPredicates {
  private readonly byScope = new Map<string, Map<string, KnownTerms>>();

  /** Of one term, `name=value`; `read` parses what is not known yet. `scope` tells types apart, and what they are read by. */
  of(scope: string, term: string, read: () => readonly Condition[]): readonly Predicate[] {
    let byName = this.byScope.get(scope);
    if (byName === undefined) this.byScope.set(scope, (byName = new Map<string, KnownTerms>()));
    const equals = term.indexOf('=');
    const name = equals < 0 ? term : term.slice(0, equals);
    const known = byName.get(name);
    const isFull = known !== undefined && known.byText.size >= MOST_OF_A_NAME;
    if (known !== undefined && !(isFull && known.hits < MOST_OF_A_NAME)) {
      const found = known.byText.get(term);
      if (found !== undefined) {
        known.hits++;
        return found;
      }
    }
    const conditions = read();
    const predicates = conditions.map((condition) => predicateOf(condition));
    if (isFull || conditions.some(isOneOfItsKind)) return predicates;
    if (known === undefined) byName.set(name, { byText: new Map([[term, predicates]]), hits: 0 });
    else known.byText.set(term, predicates);
    return predicates;
  }

  clear(): void {
    this.byScope.clear();
  }
}

/** A canonical query, as definitions of groups keep it: pairs are told apart by `&` alone. */
export function predicatesOfCriteria(
  criteria: string,
  search: StandingSearch,
  known: TermPredicates,
): { type: string; predicates: Predicate[] } {
  const question = criteria.indexOf('?');
  const type = question < 0 ? criteria : criteria.slice(0, question);
  if (!search.definitions.isResourceType(type)) {
    const query = search.parseCriteria(criteria);
    return { type: query.type, predicates: conditionsOf(query).map((condition) => predicateOf(condition)) };
  }
  const predicates: Predicate[] = [];
  if (question >= 0) {
    const scope = search.name === '' ? type : `${type} ${search.name}`;
    for (const term of criteria.slice(question + 1).split('&'))
      for (const predicate of known.of(scope, term, () => conditionsOf(search.parseTerms(type, term, { links: true }))))
        predicates.push(predicate);
  }
  return { type, predicates };
}

/** `ap` of a date reaches the wider, the further the date is away; names of links are without number. */
function isOneOfItsKind(condition: Condition): boolean {
  return isLinked(condition) || condition.values.some((value) => value.type === 'date' && value.comparator === 'ap');
}
