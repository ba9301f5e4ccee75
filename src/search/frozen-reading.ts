import { createHash } from 'node:crypto';
import { FhirError } from '../fhir/fhir-error.js';
import type { CustomDefinition } from './custom/custom-definition.js';
import { parameterReader, type Read } from './extract-values.js';
import type { ParameterRow, SearchDefinitions } from './search-definitions.js';
import { StandingSearch } from './standing-search.js';
import type { SearchParameter } from './values.js';
import type { ReadingContext } from './value-reader.js';

/** Sets of definitions that are kept read. */
const MOST_KEPT = 1_000;

/**
 * Custom parameters as they were when something that stands was written. Each goes by a code of its own, made from all that it says: so two
 * definitions of one parameter stand side by side, and keys, values and clauses of one are never those of the other.
 */
export class FrozenReading {
  private readonly searches = new Map<string, StandingSearch>();
  private readonly reads = new Map<string, Map<string, Read>>();

  constructor(
    private readonly official: SearchDefinitions,
    private readonly context: ReadingContext,
  ) {}

  /** How resources of a type are read by all that were met so far; those that come later are added. */
  readsOf(type: string): ReadonlyMap<string, Read> {
    return this.ofType(type);
  }

  /** @throws FhirError where a definition can no longer be read, as it could when it was frozen */
  search(definitions: readonly CustomDefinition[]): StandingSearch {
    const text = JSON.stringify(definitions);
    const known = this.searches.get(text);
    if (known !== undefined) return known;
    const rows: Record<string, ParameterRow[]> = {};
    for (const definition of definitions) {
      const frozen = `${definition.code}~${hashOf(JSON.stringify(definition))}`;
      for (const [type, row] of Object.entries(definition.rows)) {
        (rows[type] ??= []).push({ ...row, code: frozen, written: row.code });
      }
    }
    const all = this.official.with(rows);
    for (const type of Object.keys(rows)) {
      const reads = this.ofType(type);
      for (const parameter of all.parametersOf(type))
        if (parameter.custom === true && !reads.has(parameter.code)) reads.set(parameter.code, this.readOf(parameter));
    }
    const search = new StandingSearch(all, this.context.bases, hashOf(text));
    if (this.searches.size >= MOST_KEPT) this.searches.clear();
    this.searches.set(text, search);
    return search;
  }

  private readOf(parameter: SearchParameter): Read {
    try {
      return parameterReader(parameter, this.context);
    } catch (error) {
      const name = `${parameter.base}?${parameter.written ?? parameter.code}`;
      throw new FhirError('not-supported', `"${name}" cannot be read any more: ${(error as Error).message}`);
    }
  }

  private ofType(type: string): Map<string, Read> {
    let reads = this.reads.get(type);
    if (reads === undefined) this.reads.set(type, (reads = new Map()));
    return reads;
  }
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);
