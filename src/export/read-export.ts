import type { Face } from '../fhir/change.js';
import { isTypeOfFace } from '../fhir/face-types.js';
import { FhirError } from '../fhir/fhir-error.js';
import { NEVER_STORED } from '../fhir/never-stored.js';
import type { Compartments } from '../search/compartments.js';
import type { Query } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { ExportDefinition, ExportLevel } from './export-definition.js';
import type { ExportParameter } from './export-parameters.js';

const PARAMETERS = ['_outputFormat', '_since', '_type', '_typeFilter'];
/** How the answer to the request looks, which was seen to. */
const OF_THE_ANSWER = new Set(['_format', '_pretty']);
const OUTPUT_FORMATS = new Set(['application/fhir+ndjson', 'application/ndjson', 'ndjson']);
const INSTANT =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?(Z|[+-](0\d|1[0-4]):[0-5]\d)$/;
const MOST_FILTERS = 100;

/**
 * What is to be exported, out of the parameters of the request. Nothing is guessed or left out: an export that held more or less than was
 * asked for would be noticed late.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#query-parameters
 * @throws FhirError 400 naming the parameter
 */
export function readExport(
  parameters: readonly ExportParameter[],
  { face, level }: { face: Face; level: ExportLevel },
  semantics: SearchSemantics,
  compartments: Compartments,
): ExportDefinition {
  for (const [name] of parameters) {
    if (!PARAMETERS.includes(name) && !OF_THE_ANSWER.has(name))
      throw new FhirError(
        'not-supported',
        `$export takes ${PARAMETERS.join(', ')}, not "${name.slice(0, 100)}"`,
        name.slice(0, 100),
      );
  }
  checkFormat(single(parameters, '_outputFormat'));
  const since = instantOf(single(parameters, '_since'));
  const belonging = new Set(['Patient', ...compartments.typesOf('Patient')]);
  const possible = new Set(
    semantics.definitions
      .resourceTypes()
      .filter((type) => isTypeOfFace(type, face) && !NEVER_STORED.has(type))
      .filter((type) => level.kind === 'system' || belonging.has(type)),
  );
  const asked = all(parameters, '_type')
    .flatMap((list) => list.split(','))
    .map((type) => type.trim());
  for (const type of asked) if (!possible.has(type)) throw noSuchType(type, level);
  const types = asked.length === 0 ? possible : new Set(asked);
  const filters = all(parameters, '_typeFilter').flatMap((list) => filtersOf(list, types, semantics));
  if (filters.length > MOST_FILTERS)
    throw new FhirError('too-costly', `_typeFilter has more than ${String(MOST_FILTERS)} queries`, '_typeFilter', {
      status: 400,
    });
  return { face, level, types: [...types].sort(), filters, ...(since === undefined ? {} : { since }) };
}

/** The query of a filter, as it was checked when the export was asked for. Relative dates count from `now`. */
export function readFilter(semantics: SearchSemantics, { type, query }: { type: string; query: string }, now?: number): Query {
  return semantics.parse(type, query, { handling: 'strict', withoutIndex: true, ...(now === undefined ? {} : { now }) });
}

function all(parameters: readonly ExportParameter[], wanted: string): string[] {
  return parameters.flatMap(([name, value]) => (name === wanted ? [value] : []));
}

function single(parameters: readonly ExportParameter[], wanted: string): string | undefined {
  const values = all(parameters, wanted);
  if (values.length > 1) throw new FhirError('value', `${wanted} is given more than once`, wanted);
  return values[0];
}

function checkFormat(format: string | undefined): void {
  // A plus sign that was not percent-encoded arrives as a space.
  if (format === undefined || OUTPUT_FORMATS.has(format.replace(' ', '+'))) return;
  throw new FhirError('not-supported', `Exports are made as ${[...OUTPUT_FORMATS].join(', ')}`, '_outputFormat');
}

/** @throws FhirError 400 */
function instantOf(written: string | undefined): string | undefined {
  if (written === undefined) return undefined;
  const text = written.replace(' ', '+');
  const time = INSTANT.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time))
    throw new FhirError(
      'value',
      '_since is an instant such as 2026-01-31T12:00:00.000+01:00 (a plus sign in a URL is %2B)',
      '_since',
    );
  return new Date(time).toISOString();
}

function noSuchType(type: string, level: ExportLevel): FhirError {
  const shown = type.slice(0, 100);
  return new FhirError(
    'not-supported',
    level.kind === 'system'
      ? `"${shown}" is not a resource type of this base`
      : `"${shown}" is not a resource type in the compartment of a Patient`,
    '_type',
  );
}

/** Several queries in one value are separated by commas; a comma inside a query is no place where a type and a ? follow. */
const BETWEEN_FILTERS = /,(?=[A-Z][A-Za-z]{1,63}\?)/;
const FILTER = /^([A-Z][A-Za-z]{1,63})\?(.+)$/s;

/** Parameters that shape the answer of a search, and say nothing about which resources are meant. */
const SHAPES =
  /^_(sort|count|total|summary|elements|include|revinclude|contained|containedType|score|maxresults|format|pretty)(:|$)/;

function filtersOf(list: string, types: ReadonlySet<string>, semantics: SearchSemantics): { type: string; query: string }[] {
  return list.split(BETWEEN_FILTERS).map((text) => {
    const [, type, query] = FILTER.exec(text.trim()) ?? [];
    if (type === undefined || query === undefined) throw refusedFilter('is a search such as Observation?status=final', text);
    if (!types.has(type)) throw refusedFilter(`is about ${type}, which is not among the types of this export`, text);
    checkFilter(semantics, { type, query }, text);
    return { type, query };
  });
}

/** @throws FhirError 400 where the query is none that one resource can be tested by */
function checkFilter(semantics: SearchSemantics, filter: { type: string; query: string }, text: string): void {
  let query: Query;
  try {
    query = readFilter(semantics, filter);
  } catch (error) {
    if (error instanceof FhirError) throw refusedFilter(`cannot be used: ${error.message}`, text);
    throw error;
  }
  const shaping = query.used.find(([name]) => SHAPES.test(name));
  if (shaping !== undefined) throw refusedFilter(`selects resources; ${shaping[0].slice(0, 60)} does not`, text);
}

function refusedFilter(why: string, text: string): FhirError {
  return new FhirError('value', `_typeFilter "${text.slice(0, 100)}" ${why}`, '_typeFilter');
}
