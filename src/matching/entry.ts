import { accessKeysOf, isNegated, valueKeysOf } from '../search/access-keys.js';
import { clauseHolds } from '../search/clause-holds.js';
import type { Clause } from '../search/query.js';
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
  place: Place<Owner> | undefined;
}

/** Where an entry is filed, so that it can be taken out again. */
export type Place<Owner> =
  | { kind: 'keys'; keys: KeyChoice }
  | { kind: 'pairs'; leads: KeyChoice; partners: KeyChoice }
  | { kind: 'bound'; list: { remove(entry: Entry<Owner>): void } }
  | { kind: 'gate' };

/** Present for every change that leaves a resource behind: classic criteria never speak of a delete. */
export const LIVE = 1;

const NOTHING: readonly never[] = [];

/** Keys of one resource type mean nothing for another, so entries for resources of any type keep their clauses (`keyed` false). */
export function entryOf<Owner>(owner: Owner, type: string, gate: number, clauses: readonly Clause[], keyed = true): Entry<Owner> {
  const all: { rank: number; keys: KeyChoice }[] = [];
  const none: KeyChoice[] = [];
  const rest: Clause[] = [];
  for (const clause of clauses) {
    const keys = keyed ? valueKeysOf(clause) : undefined;
    if (keys === undefined) {
      rest.push(clause);
      // Found by a key, decided by the clause: the codes of a composite with a quantity, the presence that :missing=false asks.
      const found = keyed ? accessKeysOf(clause) : undefined;
      if (found !== undefined) all.push({ rank: rankOf(clause), keys: compact(found) });
    } else if (isNegated(clause)) none.push(compact(keys));
    else all.push({ rank: rankOf(clause), keys: compact(keys) });
  }
  all.sort((a, b) => a.rank - b.rank);
  return {
    owner,
    type,
    gate,
    all: all.length === 0 ? NOTHING : all.map(({ keys }) => keys),
    none: none.length === 0 ? NOTHING : none,
    rest: rest.length === 0 ? NOTHING : rest,
    tried: 0,
    place: undefined,
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
