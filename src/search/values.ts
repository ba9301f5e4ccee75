import type { WordPlaces } from './full-text/resource-words.js';

/** Kinds of search parameter, https://hl7.org/fhir/R4B/search.html#ptypes */
export type SearchParameterType =
  'number' | 'date' | 'string' | 'token' | 'reference' | 'composite' | 'quantity' | 'uri' | 'special';

/** A search parameter as the hub knows it: an official definition, compiled from the definitions package. */
export interface SearchParameter {
  /** Name in a query, for example `value-quantity`. */
  code: string;
  /** Resource type it is used on; a definition with several bases gives one SearchParameter for each. */
  base: string;
  url: string;
  type: SearchParameterType;
  /** FHIRPath, already cut down to the union members that apply to `base`. */
  expression: string;
  /** Allowed types of a reference parameter. */
  targets: readonly string[];
  /** Parts of a composite, in order: the definition each part refers to and its expression relative to the composite's. */
  components: readonly { url: string; type: SearchParameterType; expression: string }[];
  /** Defined by a client. */
  custom?: boolean;
  /** Name in a query where `code` is another: of a definition that was kept as it once was. */
  written?: string;
}

export interface TokenValue {
  system?: string;
  code?: string;
  /** Coding.display, CodeableConcept.text or Identifier.type.text, for `:text`. */
  text?: string;
  /** Codings of Identifier.type, for `:of-type`. */
  typeCodings?: readonly { system?: string; code?: string }[];
}

export interface ReferenceValue {
  /** Set for references that name a resource of this hub, relative or absolute under one of its bases. */
  type?: string;
  id?: string;
  /** The reference as written when it leads elsewhere: absolute URL, `urn:`, canonical (without `|version`), `#contained` is left out. */
  url?: string;
  /** Version part of a version-specific or canonical reference. */
  version?: string;
  /** Reference.identifier, for `:identifier`. */
  identifier?: TokenValue;
}

/** Milliseconds since 1970, half-open [low, high): `2013-01` is the whole month; an open end is ±Infinity. */
export interface DateValue {
  low: number;
  high: number;
}

/** Closed range; a plain number has low = high; an open end is ±Infinity. */
export interface NumberValue {
  low: number;
  high: number;
}

export interface QuantityValue extends NumberValue {
  system?: string;
  code?: string;
  /** Human unit, compared like a code where the query names no system. */
  unit?: string;
}

export interface StringValue {
  exact: string;
  /** Lower case, accents and surplus white space removed: what plain and `:contains` searches compare. */
  folded: string;
}

/** Where on the earth a Location is, in degrees of WGS84. */
export interface PositionValue {
  latitude: number;
  longitude: number;
}

/** The values that one parameter has in one resource. Absent = the parameter is missing there. */
export type ParameterValues =
  | { type: 'token'; values: readonly TokenValue[] }
  | { type: 'reference'; values: readonly ReferenceValue[] }
  | { type: 'uri'; values: readonly string[] }
  | { type: 'string'; values: readonly StringValue[] }
  | { type: 'date'; values: readonly DateValue[] }
  | { type: 'number'; values: readonly NumberValue[] }
  | { type: 'quantity'; values: readonly QuantityValue[] }
  | { type: 'special'; values: readonly PositionValue[] }
  | { type: 'composite'; values: readonly (readonly ParameterValues[])[] }
  /** Of `_text` and `_content`: the words of the resource, as one value. */
  | { type: 'full-text'; values: readonly WordPlaces[] };

/** All search values of one resource by parameter code, `_id`, `_lastUpdated`, `_tag`, `_profile`, `_security`, `_source` included. */
export interface ExtractedValues {
  resourceType: string;
  get(code: string): ParameterValues | undefined;
  /** All but `_text` and `_content`, which are not kept by the hub's own index. */
  entries(): Iterable<[string, ParameterValues]>;
}

/** What the store keeps of one resource so that searches find it (tables `resource`, `search_*`). */
export interface IndexRows {
  /** Distinct {@link equalityKey}s: token, reference, uri and exact forms, and one for each parameter present (for `:missing`). */
  keys: number[];
  dates: { param: number; low: number; high: number }[];
  numbers: { param: number; low: number; high: number }[];
  quantities: { param: number; low: number; high: number; unitKeys: number[] }[];
  strings: { param: number; folded: string; exact: string }[];
}
