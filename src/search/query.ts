import type { TextQuery } from './full-text/text-query.js';
import type { CodingKey } from './terminology.js';
import type { DateValue, NumberValue, PositionValue, SearchParameter } from './values.js';

/** Comparators before a number, date or quantity: https://hl7.org/fhir/R4B/search.html#prefix */
export type Comparator = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb' | 'ap';

export type Modifier =
  | 'missing'
  | 'exact'
  | 'contains'
  | 'not'
  | 'text'
  | 'identifier'
  | 'above'
  | 'below'
  | 'of-type'
  | 'in'
  | 'not-in'
  /** `subject:Patient=…`: the type stands in {@link Clause.targetType}. */
  | 'type';

/** One value of an OR list, already parsed for its parameter's type. */
export type ClauseValue =
  | { type: 'missing'; missing: boolean }
  /** `code`, `system|code`, `|code` (system = '') and `system|` (code absent). */
  | { type: 'token'; system?: string; code?: string }
  | { type: 'token-text'; folded: string }
  | { type: 'of-type'; system: string; code: string; value: string }
  /** One of several codes: of a value set, or above or below a code. `text` is what they were listed from. */
  | { type: 'codings'; keys: ReadonlySet<CodingKey>; text: string }
  /** Local references carry every (type, id) the value may mean; `url` is set for absolute and canonical ones. */
  | { type: 'reference'; candidates: readonly { type: string; id: string }[]; url?: string; version?: string }
  | { type: 'uri'; uri: string }
  | { type: 'string'; folded: string; exact: string }
  /** For `ap` the range is already widened. `text` is the date as written, without its prefix. */
  | { type: 'date'; comparator: Comparator; range: DateValue; text: string }
  /**
   * `range` is the implicit precision range of what was written (`100` = [99.5, 100.5), half-open), `value` its number; only eq, ne
   * and ap (whose range is already widened, closed) look at the range. `text` is the number as written, without its prefix.
   */
  | { type: 'number'; comparator: Comparator; value: number; range: NumberValue; text: string }
  /** `system` absent: `code` is compared with the code and with the unit, whatever the system. Both absent: any unit. */
  | { type: 'quantity'; comparator: Comparator; value: number; range: NumberValue; text: string; system?: string; code?: string }
  /** `text` is the value as written, its unit and distance filled in. */
  | { type: 'near'; center: PositionValue; kilometers: number; text: string }
  | { type: 'composite'; parts: readonly ClauseValue[] }
  /** Of `_text` and `_content`. */
  | { type: 'full-text'; query: TextQuery };

/** One `name[:modifier]=a,b,c` of a query: a predicate that holds where any of its values matches. */
export interface Clause {
  parameter: SearchParameter;
  modifier?: Modifier;
  targetType?: string;
  values: readonly ClauseValue[];
}

/** Resources of one type that are known by id, or by having at least one of some equality keys. */
export interface Reach {
  ids: readonly string[];
  keys: readonly number[];
}

/**
 * A condition on what a resource is linked with: `chain` holds where `parameter` refers to a match of one of `targets`, `has` where a match of
 * `source` refers to the resource by `parameter` (one of the source's own), `reach` where the resource is one of those. Links are references by
 * type and id, whatever version they name, and canonicals, to the business version they name or to all; contained resources and other
 * servers' addresses are not followed.
 * https://hl7.org/fhir/R4B/search.html#chaining https://hl7.org/fhir/R4B/search.html#has
 */
export type Link =
  | { kind: 'chain'; parameter: SearchParameter; targets: readonly LinkedQuery[] }
  | { kind: 'has'; parameter: SearchParameter; source: LinkedQuery }
  | { kind: 'reach'; reach: Reach };

/** What must hold of a resource at the other end of a link. */
export type LinkedQuery = Pick<Query, 'type' | 'clauses' | 'links'>;

/** What goes along with the matches: what they refer to, or (`reverse`) what refers to them. */
export interface Include {
  reverse: boolean;
  /** Also for what was itself included. */
  iterate: boolean;
  /** Type of the resource that refers, or `*`. */
  source: string;
  /** A reference parameter of it, or `*`. */
  code: string;
  /** Only resources of this type are referred to. */
  target?: string;
}

export interface SortKey {
  parameter: SearchParameter;
  descending: boolean;
}

/** What of each resource an answer holds, where not all of it. https://hl7.org/fhir/R4B/search.html#summary */
export type Subset = { kind: 'summary' } | { kind: 'text' } | { kind: 'data' } | { kind: 'elements'; names: readonly string[] };

/** A parsed query: all clauses and all links must hold. */
export interface Query {
  type: string;
  clauses: readonly Clause[];
  /** Conditions that look at other resources; empty where the parser was not told to take them. */
  links: readonly Link[];
  sort: readonly SortKey[];
  includes: readonly Include[];
  count?: number;
  total?: 'none' | 'estimate' | 'accurate';
  /** `_summary=count` or `_count=0`. */
  countOnly: boolean;
  /** `_summary` or `_elements`. */
  subset?: Subset;
  /** The pairs that were understood, as written, for the `self` link. */
  used: readonly (readonly [string, string])[];
  /** Names that were not understood and left out (lenient handling only). */
  ignored: readonly string[];
}
