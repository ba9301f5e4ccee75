import { accessKeysOf, isNegated, valueKeysOf } from '../search/access-keys.js';
import { clauseHolds } from '../search/clause-holds.js';
import { type Condition, isLinked, type WrittenLink } from '../search/conditions.js';
import { parameterKeys } from '../search/parameter-keys.js';
import type { Clause, Link } from '../search/query.js';
import type { ExtractedValues } from '../search/values.js';
import type { KeySet } from './key-set.js';

/** One equality key, or several of which any will do. */
export type KeyChoice = number | readonly number[];

/**
 * A conjunction as the index keeps it: what equality keys can decide is kept as keys alone (most filters need nothing else), the rest as
 * clauses. `gate` is the key of the topic that must have fired, or {@link LIVE} for criteria on the resource itself.
 */
export interface Entry<Owner> {
  readonly owner: Owner;
  readonly type: string;
  readonly gate: number;
  /** Any one key of each, or it does not match; the most selective first. */
  readonly all: readonly KeyChoice[];
  /** None of these keys. */
  readonly none: readonly KeyChoice[];
  readonly rest: readonly Clause[];
  /** Number of the last change it was tried for: an entry filed under several keys is tried once. */
  tried: number;
  place: Place<Owner>;
}

/**
 * Where an entry is filed, so that it can be taken out again: under its first choice of keys, under its gate, under pairs of its first
 * choice and another ({@link PAIRED} and the other's place in `all`; one past the last is the gate), or in a list of bounds.
 */
export type Place<Owner> = number | { remove(entry: Entry<Owner>): void };
export const NOWHERE = -1;
export const UNDER_KEYS = 0;
export const UNDER_GATE = 1;
export const PAIRED = 1;

/** One clause as entries are made of it; the same object may serve any number of them. */
export interface Predicate {
  /** Whose keys it needs of a change; undefined: none. */
  readonly code: string | undefined;
  /** Smaller is more selective. */
  readonly rank: number;
  /** Keys it is found by. */
  readonly found: KeyChoice | undefined;
  /** Keys none of which may be there. */
  readonly none: KeyChoice | undefined;
  /** What keys cannot decide. */
  readonly rest: Clause | undefined;
  /** What only other resources decide: the entry holds by the rest alone, and whoever owns it asks. */
  readonly link: Link | undefined;
}

/** Present for every change that leaves a resource behind: classic criteria never speak of a delete. */
export const LIVE = 1;

const NOTHING: readonly never[] = [];

/** Keys of one resource type mean nothing for another, so entries for resources of any type keep their clauses (`keyed` false). */
export function predicateOf(condition: Condition, keyed = true): Predicate {
  if (isLinked(condition)) return predicateOfLink(condition, keyed);
  const clause = condition;
  const nothing = {
    code: keyed ? clause.parameter.code : undefined,
    rank: 0,
    found: undefined,
    none: undefined,
    rest: undefined,
    link: undefined,
  };
  if (!keyed) return { ...nothing, rest: clause };
  const keys = valueKeysOf(clause);
  if (keys !== undefined) {
    return isNegated(clause) ? { ...nothing, none: compact(keys) } : { ...nothing, rank: rankOf(clause), found: compact(keys) };
  }
  // Found by a key, decided by the clause: the codes of a composite with a quantity, the presence that :missing=false asks.
  const found = accessKeysOf(clause);
  return { ...nothing, rank: rankOf(clause), found: found && compact(found), rest: clause };
}

/**
 * The local part of a link: what begins a chain must be there. Where nothing local is asked, "none of no keys" tells the entry from those
 * that match without a test.
 */
function predicateOfLink({ link }: WrittenLink, keyed: boolean): Predicate {
  const isChain = keyed && link.kind === 'chain';
  return {
    code: isChain ? link.parameter.code : undefined,
    rank: RANK_OF_PRESENCE,
    found: isChain ? parameterKeys(link.parameter).present : undefined,
    none: isChain ? undefined : NOTHING,
    rest: undefined,
    link,
  };
}

export function entryOf<Owner>(owner: Owner, type: string, gate: number, predicates: readonly Predicate[]): Entry<Owner> {
  const all: Predicate[] = [];
  const none: KeyChoice[] = [];
  const rest: Clause[] = [];
  for (const predicate of predicates) {
    if (predicate.found !== undefined) all.push(predicate);
    if (predicate.none !== undefined) none.push(predicate.none);
    if (predicate.rest !== undefined) rest.push(predicate.rest);
  }
  if (all.length > 1) all.sort((a, b) => a.rank - b.rank);
  return {
    owner,
    type,
    gate,
    all: all.length === 0 ? NOTHING : all.map(({ found }) => found!),
    none: none.length === 0 ? NOTHING : none,
    rest: rest.length === 0 ? NOTHING : rest,
    tried: 0,
    place: NOWHERE,
  };
}

/** Whether every predicate of the entry holds. */
export function entryHolds(entry: Entry<unknown>, keys: KeySet, values: () => ExtractedValues): boolean {
  if (!keys.has(entry.gate)) return false;
  for (const choice of entry.all) if (!keys.hasAny(choice)) return false;
  for (const choice of entry.none) if (keys.hasAny(choice)) return false;
  for (const clause of entry.rest) if (!clauseHolds(clause, values())) return false;
  return true;
}

function compact(keys: readonly number[]): KeyChoice {
  const [only] = keys;
  return keys.length === 1 && only !== undefined ? only : [...new Set(keys)];
}

/** How few changes an equality on the parameter is likely to let through: lower is fewer. */
const RANKS: Readonly<Record<string, number>> = {
  _id: 0,
  identifier: 1,
  patient: 2,
  subject: 2,
  beneficiary: 2,
  encounter: 3,
  url: 3,
  code: 7,
  type: 8,
  category: 9,
  class: 9,
  intent: 10,
  status: 10,
  _profile: 10,
  _tag: 9,
  _security: 10,
  gender: 10,
  active: 11,
};
const RANK_OF_REFERENCE = 4;
const RANK_OF_OTHERS = 6;
const RANK_OF_PRESENCE = 12;

function rankOf(clause: Clause): number {
  if (clause.modifier === 'missing') return RANK_OF_PRESENCE;
  return RANKS[clause.parameter.code] ?? (clause.parameter.type === 'reference' ? RANK_OF_REFERENCE : RANK_OF_OTHERS);
}
