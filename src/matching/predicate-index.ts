import type { Clause } from '../search/query.js';
import type { ExtractedValues } from '../search/values.js';
import { ANY_TYPE } from '../topics/topic-definition.js';
import { BoundLists } from './bound-lists.js';
import { type Entry, entryHolds, entryOf, type KeyChoice } from './entry.js';
import { KeySet } from './key-set.js';

/** A change as the index sees it: what its resource is found under, and what else its clauses may look at. */
export interface IndexedChange {
  type: string;
  /** Equality keys of the resource, at least those of {@link PredicateIndex.parametersOf}. */
  keys: readonly number[];
  /** LIVE unless it is a delete, and the key of every topic that fired. */
  gates: readonly number[];
  /** Asked only when a candidate has predicates that keys cannot decide. */
  values: () => ExtractedValues;
}

/** How the index stands: for the operator, because only what has no access path costs every change. */
export interface IndexCounters {
  entries: number;
  /** Filed under an equality key. */
  keyed: number;
  /** Filed under a pair of keys, because one alone was too common. */
  paired: number;
  /** Filed under a bound of a range. */
  bounded: number;
  /** Nothing but their topic or type, no predicate: each visit is a match. */
  unconditional: number;
  /** Predicates, but no access path: tried for every change of their type or topic. */
  residual: number;
  /** Since the start. */
  changes: number;
  candidates: number;
  matches: number;
}

type Posting<Owner> = Entry<Owner> | Entry<Owner>[];

/** From this length on, newcomers with a second key are filed under the pair. */
const COMMON = 32;
/** OR lists multiply: a pair is not filed under more places than this. */
const MOST_PAIRS = 16;

/**
 * Finds the standing queries that a change matches without walking them: each is filed under its most selective equality, a change
 * looks up its own 20 to 40 keys and verifies what it finds. Cost follows candidates, not subscriptions (docs/adr/0004-predicate-index.md).
 */
export class PredicateIndex<Owner> {
  readonly counters: IndexCounters = {
    entries: 0,
    keyed: 0,
    paired: 0,
    bounded: 0,
    unconditional: 0,
    residual: 0,
    changes: 0,
    candidates: 0,
    matches: 0,
  };
  private readonly types = new Map<string, TypeIndex<Owner>>();
  private readonly present = new KeySet();

  /**
   * Files a conjunction: it matches changes of `type` with this gate of which all clauses hold. `keyed` false: the clauses were read for
   * another type, so their keys must not be used.
   */
  add(owner: Owner, type: string, gate: number, clauses: readonly Clause[], keyed = true): Entry<Owner> {
    const entry = entryOf(owner, type, gate, clauses, keyed);
    const index = this.indexOf(type);
    if (keyed) for (const { parameter } of clauses) index.parameters.add(parameter.code);
    entry.place = index.file(entry);
    this.count(entry, 1);
    return entry;
  }

  remove(entry: Entry<Owner>): void {
    if (entry.place === undefined) return;
    this.types.get(entry.type)?.take(entry);
    this.count(entry, -1);
    entry.place = undefined;
  }

  /** Files an entry of another index, which is given up: whoever moves all of them brings their parameters along first. */
  adopt(entry: Entry<Owner>): void {
    entry.tried = 0;
    entry.place = this.indexOf(entry.type).file(entry);
    this.count(entry, 1);
  }

  addParameters(other: PredicateIndex<Owner>): void {
    for (const [type, { parameters }] of other.types) for (const code of parameters) this.indexOf(type).parameters.add(code);
  }

  /** Whether a change of this type can match anything. */
  concerns(type: string): boolean {
    return (this.types.get(type)?.size ?? 0) + (this.types.get(ANY_TYPE)?.size ?? 0) > 0;
  }

  /**
   * The parameters whose keys decide anything for changes of this type: nothing else need be extracted. It only grows while the index
   * lives, because a code that is no longer asked costs little.
   */
  parametersOf(type: string): ReadonlySet<string> {
    return this.types.get(type)?.parameters ?? NO_PARAMETERS;
  }

  /** Owners of the entries that match, in no order; one that owns several matching entries comes once for each. */
  match(change: IndexedChange): Owner[] {
    const { present, counters } = this;
    present.fill(change.keys, change.gates);
    const stamp = ++counters.changes;
    const matched: Owner[] = [];
    const meet = (entry: Entry<Owner>): void => {
      if (entry.tried === stamp) return;
      entry.tried = stamp;
      counters.candidates++;
      if (entryHolds(entry, present, change.values)) matched.push(entry.owner);
    };
    this.types.get(change.type)?.visit(change, meet);
    this.types.get(ANY_TYPE)?.visit(change, meet);
    counters.matches += matched.length;
    return matched;
  }

  private indexOf(type: string): TypeIndex<Owner> {
    let index = this.types.get(type);
    if (index === undefined) this.types.set(type, (index = new TypeIndex()));
    return index;
  }

  private count(entry: Entry<Owner>, by: 1 | -1): void {
    this.counters.entries += by;
    const conditional = entry.all.length + entry.none.length + entry.rest.length > 0;
    switch (entry.place?.kind) {
      case 'keys':
        this.counters.keyed += by;
        break;
      case 'pairs':
        this.counters.paired += by;
        break;
      case 'bound':
        this.counters.bounded += by;
        break;
      default:
        this.counters[conditional ? 'residual' : 'unconditional'] += by;
    }
  }
}

const NO_PARAMETERS: ReadonlySet<string> = new Set();

class TypeIndex<Owner> {
  size = 0;
  readonly parameters = new Set<string>();
  private readonly byKey = new Map<number, Posting<Owner>>();
  private readonly byPair = new Map<number, Map<number, Posting<Owner>>>();
  private readonly byGate = new Map<number, Posting<Owner>>();
  private readonly byBound = new Map<number, BoundLists<Owner>>();

  file(entry: Entry<Owner>): Entry<Owner>['place'] {
    this.size++;
    const [best, ...others] = entry.all;
    if (best === undefined) return this.fileWithoutKey(entry);
    if (this.longest(best) >= COMMON) {
      const partner = this.bestPartner(best, others, entry.gate);
      if (partner !== undefined) {
        eachPair(best, partner, (lead, key) => {
          let partners = this.byPair.get(lead);
          if (partners === undefined) this.byPair.set(lead, (partners = new Map()));
          put(partners, key, entry);
        });
        return { kind: 'pairs', leads: best, partners: partner };
      }
    }
    each(best, (key) => put(this.byKey, key, entry));
    return { kind: 'keys', keys: best };
  }

  take(entry: Entry<Owner>): void {
    this.size--;
    const { place } = entry;
    switch (place?.kind) {
      case 'keys':
        each(place.keys, (key) => drop(this.byKey, key, entry));
        break;
      case 'pairs':
        eachPair(place.leads, place.partners, (lead, key) => {
          const partners = this.byPair.get(lead);
          if (partners === undefined) return;
          drop(partners, key, entry);
          if (partners.size === 0) this.byPair.delete(lead);
        });
        break;
      case 'bound':
        place.list.remove(entry);
        break;
      case 'gate':
        drop(this.byGate, entry.gate, entry);
        break;
      case undefined:
        throw new Error('An entry that was never filed cannot be taken out');
    }
  }

  visit(change: IndexedChange, meet: (entry: Entry<Owner>) => void): void {
    for (const key of change.keys) {
      const posting = this.byKey.get(key);
      if (posting !== undefined) meetAll(posting, meet);
    }
    if (this.byPair.size > 0) this.visitPairs(change, meet);
    for (const gate of change.gates) {
      const posting = this.byGate.get(gate);
      if (posting !== undefined) meetAll(posting, meet);
      this.byBound.get(gate)?.visit(change.values, meet);
    }
  }

  private visitPairs({ keys, gates }: IndexedChange, meet: (entry: Entry<Owner>) => void): void {
    for (const lead of keys) {
      const partners = this.byPair.get(lead);
      if (partners === undefined) continue;
      for (const key of keys) {
        const posting = partners.get(key);
        if (posting !== undefined) meetAll(posting, meet);
      }
      for (const gate of gates) {
        const posting = partners.get(gate);
        if (posting !== undefined) meetAll(posting, meet);
      }
    }
  }

  private fileWithoutKey(entry: Entry<Owner>): Entry<Owner>['place'] {
    if (entry.rest.length > 0) {
      let bounds = this.byBound.get(entry.gate);
      if (bounds === undefined) this.byBound.set(entry.gate, (bounds = new BoundLists()));
      const list = bounds.add(entry);
      if (list !== undefined) return { kind: 'bound', list };
    }
    put(this.byGate, entry.gate, entry);
    return { kind: 'gate' };
  }

  private longest(keys: KeyChoice): number {
    let longest = 0;
    each(keys, (key) => (longest = Math.max(longest, lengthOf(this.byKey.get(key)))));
    return longest;
  }

  /** The choice that, together with `leads`, is least crowded; the topic's gate will do where there is no other. */
  private bestPartner(leads: KeyChoice, others: readonly KeyChoice[], gate: number): KeyChoice | undefined {
    let best: KeyChoice | undefined;
    let fewest = Infinity;
    for (const partner of [...others, gate]) {
      if (countOf(leads) * countOf(partner) > MOST_PAIRS) continue;
      let crowd = 0;
      eachPair(leads, partner, (lead, key) => (crowd += lengthOf(this.byPair.get(lead)?.get(key))));
      if (crowd < fewest) {
        fewest = crowd;
        best = partner;
      }
    }
    return best;
  }
}

function put<Owner>(postings: Map<number, Posting<Owner>>, key: number, entry: Entry<Owner>): void {
  const posting = postings.get(key);
  if (posting === undefined) postings.set(key, entry);
  else if (Array.isArray(posting)) posting.push(entry);
  else postings.set(key, [posting, entry]);
}

function drop<Owner>(postings: Map<number, Posting<Owner>>, key: number, entry: Entry<Owner>): void {
  const posting = postings.get(key);
  if (posting === entry) {
    postings.delete(key);
    return;
  }
  if (!Array.isArray(posting)) return;
  const at = posting.indexOf(entry);
  const last = posting.pop();
  if (at < 0 || last === undefined) throw new Error('An entry is not where it was filed');
  if (last !== entry) posting[at] = last;
  const [only] = posting;
  if (posting.length === 1 && only !== undefined) postings.set(key, only);
}

function meetAll<Owner>(posting: Posting<Owner>, meet: (entry: Entry<Owner>) => void): void {
  if (!Array.isArray(posting)) meet(posting);
  else for (const entry of posting) meet(entry);
}

function lengthOf(posting: Posting<unknown> | undefined): number {
  return posting === undefined ? 0 : Array.isArray(posting) ? posting.length : 1;
}

function countOf(keys: KeyChoice): number {
  return typeof keys === 'number' ? 1 : keys.length;
}

function each(keys: KeyChoice, use: (key: number) => void): void {
  if (typeof keys === 'number') use(keys);
  else for (const key of keys) use(key);
}

function eachPair(leads: KeyChoice, partners: KeyChoice, use: (lead: number, partner: number) => void): void {
  each(leads, (lead) => each(partners, (partner) => use(lead, partner)));
}
