import { FhirError } from '../fhir/fhir-error.js';
import { isNegated, valueKeysOf } from './access-keys.js';
import { writtenLinks } from './conditions.js';
import type { Clause, Link, Query } from './query.js';

/**
 * Refuses links that cannot be tested for one change after another: a chain is read from target to target and may ask anything, but
 * who refers by `_has` is asked of the index alone, since there may be very many, and that goes by custom parameters as they are today.
 * @throws FhirError 400 naming the parameter
 */
export function checkStandingLinks(query: Pick<Query, 'links' | 'used'>): void {
  for (const { link, written } of writtenLinks(query)) {
    const problem = problemOf(link);
    if (problem === undefined) continue;
    const name = written.slice(0, written.indexOf('=')).slice(0, 100);
    throw new FhirError('not-supported', `parameter '${name}' ${problem}`, name);
  }
}

/** Whether the stored index tells, without the resource, where a clause holds. */
export function isDecidedByIndex(clause: Clause): boolean {
  if (clause.parameter.code === '_id' || valueKeysOf(clause) !== undefined) return true;
  return !isNegated(clause) && clause.values.every(({ type }) => INDEXED.has(type));
}

const INDEXED: ReadonlySet<string> = new Set(['missing', 'date', 'number', 'quantity', 'string']);

function problemOf(link: Link): string | undefined {
  switch (link.kind) {
    case 'reach':
      return undefined;
    case 'chain':
      return link.targets
        .flatMap(({ links }) => links)
        .map(problemOf)
        .find((problem) => problem !== undefined);
    case 'has':
      if (link.parameter.custom === true || link.source.clauses.some(({ parameter }) => parameter.custom === true))
        return 'asks behind _has by a parameter that a client defined, which is not tested for each change';
      if (link.source.links.length > 0) return 'follows a further link behind _has, which is not tested for each change';
      return link.source.clauses.every(isDecidedByIndex)
        ? undefined
        : 'asks behind _has what the index cannot decide, which is not tested for each change';
  }
}
