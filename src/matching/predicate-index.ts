import type { Clause } from '../search/query.js';
import type { ExtractedValues } from '../search/values.js';
import { ANY_TYPE } from '../topics/topic-definition.js';
import { BoundLists } from './bound-lists.js';
import {
  type Entry,
  entryHolds,
  entryOf,
  type KeyChoice,
  NOWHERE,
  PAIRED,
  type Place,
  type Predicate,
  predicateOf,
  UNDER_GATE,
  UNDER_KEYS,
} from './entry.js';
import { KeySet } from './key-set.js';
import { pairKey } from './pair-key.js';
import { type Posting, PostingTable } from './posting-table.js';

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
    return this.file(
      owner,
      type,
      gate,
      clauses.map((clause) => predicateOf(clause, keyed)),
    );
  }

  file(owner: Owner, type: string, gate: number, predicates: readonly Predicate[]): Entry<Owner> {
    const entry = entryOf(owner, type, gate, predicates);
    const index = this.indexOf(type);
    for (const { code } of predicates) if (code !== undefined) index.parameters.add(code);
    entry.place = index.file(entry);
    this.count(entry, 1);
    return entry;
  }

  remove(entry: Entry<Owner>): void {
    if (entry.place === NOWHERE) return;
    this.types.get(entry.type)?.take(entry);
    this.count(entry, -1);
    entry.place = NOWHERE;
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
    this.counters[pathOf(entry)] += by;
  }
}

function pathOf({ place, all, none, rest }: Entry<unknown>): 'keyed' | 'paired' | 'bounded' | 'unconditional' | 'residual' {
  if (place === UNDER_KEYS) return 'keyed';
  if (place === UNDER_GATE) return all.length + none.length + rest.length > 0 ? 'residual' : 'unconditional';
  return typeof place === 'number' ? 'paired' : 'bounded';
}

const NO_PARAMETERS: ReadonlySet<string> = new Set();

class TypeIndex<Owner> {
  size = 0;
  readonly parameters = new Set<string>();
  private readonly byKey = new PostingTable<Owner>();
  private readonly byPair = new PostingTable<Owner>();
  /** Keys that lead pairs, and how many. */
  private readonly leads = new Map<number, number>();
  private readonly byGate = new PostingTable<Owner>();
  private readonly byBound = new Map<number, BoundLists<Owner>>();

  file(entry: Entry<Owner>): Place<Owner> {
    this.size++;
    const [best] = entry.all;
    if (best === undefined) return this.fileWithoutKey(entry);
    if (this.longest(best) >= COMMON) {
      const place = this.bestPair(entry, best);
      if (place !== undefined) {
        eachPair(best, partnerOf(entry, place), (lead, partner) => {
          this.byPair.add(pairKey(lead, partner), entry);
          this.leads.set(lead, (this.leads.get(lead) ?? 0) + 1);
        });
        return place;
      }
    }
    each(best, (key) => this.byKey.add(key, entry));
    return UNDER_KEYS;
  }

  take(entry: Entry<Owner>): void {
    this.size--;
    const { place } = entry;
    if (typeof place !== 'number') place.remove(entry);
    else if (place === UNDER_GATE) this.byGate.remove(entry.gate, entry);
    else if (place === UNDER_KEYS) each(entry.all[0]!, (key) => this.byKey.remove(key, entry));
    else {
      eachPair(entry.all[0]!, partnerOf(entry, place), (lead, partner) => {
        this.byPair.remove(pairKey(lead, partner), entry);
        const left = (this.leads.get(lead) ?? 0) - 1;
        if (left > 0) this.leads.set(lead, left);
        else this.leads.delete(lead);
      });
    }
  }

  visit(change: IndexedChange, meet: (entry: Entry<Owner>) => void): void {
    const { byKey, leads } = this;
    for (const key of change.keys) {
      const posting = byKey.get(key);
      if (posting !== undefined) meetAll(posting, meet);
    }
    if (leads.size > 0) {
      for (const key of change.keys) if (leads.has(key)) this.visitPairs(key, change, meet);
    }
    for (const gate of change.gates) {
      const posting = this.byGate.get(gate);
      if (posting !== undefined) meetAll(posting, meet);
      this.byBound.get(gate)?.visit(change.values, meet);
    }
  }

  private visitPairs(lead: number, { keys, gates }: IndexedChange, meet: (entry: Entry<Owner>) => void): void {
    for (const partners of [keys, gates]) {
      for (const partner of partners) {
        const posting = this.byPair.get(pairKey(lead, partner));
        if (posting !== undefined) meetAll(posting, meet);
      }
    }
  }

  private fileWithoutKey(entry: Entry<Owner>): Place<Owner> {
    if (entry.rest.length > 0) {
      let bounds = this.byBound.get(entry.gate);
      if (bounds === undefined) this.byBound.set(entry.gate, (bounds = new BoundLists()));
      const list = bounds.add(entry);
      if (list !== undefined) return list;
    }
    this.byGate.add(entry.gate, entry);
    return UNDER_GATE;
  }

  private longest(keys: KeyChoice): number {
    let longest = 0;
    each(keys, (key) => (longest = Math.max(longest, this.byKey.lengthOf(key))));
    return longest;
  }

  /** The partner that, together with the first choice, is least crowded; the topic's gate will do where there is no other. */
  private bestPair(entry: Entry<Owner>, leads: KeyChoice): number | undefined {
    let best: number | undefined;
    let fewest = Infinity;
    for (let index = 1; index <= entry.all.length; index++) {
      const partner = partnerOf(entry, PAIRED + index);
      if (countOf(leads) * countOf(partner) > MOST_PAIRS) continue;
      let crowd = 0;
      eachPair(leads, partner, (lead, key) => (crowd += this.byPair.lengthOf(pairKey(lead, key))));
      if (crowd < fewest) {
        fewest = crowd;
        best = PAIRED + index;
      }
    }
    return best;
  }
}

function partnerOf({ all, gate }: Entry<unknown>, place: number): KeyChoice {
  return all[place - PAIRED] ?? gate;
}

function meetAll<Owner>(posting: Posting<Owner>, meet: (entry: Entry<Owner>) => void): void {
  if (!Array.isArray(posting)) meet(posting);
  else for (const entry of posting) meet(entry);
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
