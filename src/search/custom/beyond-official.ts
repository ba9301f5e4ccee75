import { WILDCARD } from '../parse-include.js';
import type { Link, LinkedQuery, Query } from '../query.js';
import type { SearchDefinitions } from '../search-definitions.js';

/** Whether an answer to the query depends on custom parameters. @param usable what the query was read by */
export function usesCustom(query: Query, usable: SearchDefinitions): boolean {
  if (inLinked(query) || query.sort.some(({ parameter }) => parameter.custom === true)) return true;
  return query.includes.some(({ source, code }) => {
    const types = source === WILDCARD ? usable.resourceTypes() : [source];
    return types.some((type) =>
      usable.parametersOf(type).some((parameter) => parameter.custom === true && (code === WILDCARD || code === parameter.code)),
    );
  });
}

function inLinked({ clauses, links }: LinkedQuery): boolean {
  return clauses.some(({ parameter }) => parameter.custom === true) || links.some(inLink);
}

function inLink(link: Link): boolean {
  switch (link.kind) {
    case 'chain':
      return link.parameter.custom === true || link.targets.some(inLinked);
    case 'has':
      return link.parameter.custom === true || inLinked(link.source);
    case 'reach':
      return false;
  }
}
