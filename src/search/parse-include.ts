import type { Include } from './query.js';
import type { SearchDefinitions } from './search-definitions.js';

/** Every type, every reference parameter. */
export const WILDCARD = '*';

const NAME = /^(_include|_revinclude)(?::(iterate|recurse))?$/;
const VALUE = /^([A-Za-z]+):([\w-]+|\*)(?::([A-Za-z]*))?$/;

/**
 * `_include[:iterate]=Type:parameter[:Target]`, `Type:*`, `*`; `:recurse` is the older word for `:iterate`. A string says why it means
 * nothing here. https://hl7.org/fhir/R4B/search.html#include
 */
export function parseInclude(definitions: SearchDefinitions, name: string, value: string): Include | string {
  const [, word, iterates] = NAME.exec(name) ?? [];
  if (word === undefined) return 'takes no modifier but :iterate';
  const shape = { reverse: word === '_revinclude', iterate: iterates !== undefined };
  if (value === WILDCARD) return { ...shape, source: WILDCARD, code: WILDCARD };
  const [, source = '', code = '', target] = VALUE.exec(value) ?? [];
  if (source === '') return 'does not have the form Type:parameter[:Target]';
  if (!definitions.isResourceType(source)) return `: there is no resource type '${source.slice(0, 60)}'`;
  if (target !== undefined && target !== '' && !definitions.isResourceType(target))
    return `: there is no resource type '${target.slice(0, 60)}'`;
  const typed = target === undefined || target === '' ? {} : { target };
  if (code === WILDCARD) return { ...shape, source, code, ...typed };
  const parameter = definitions.find(source, code);
  if (parameter?.type !== 'reference') return `: ${source} has no parameter '${code.slice(0, 60)}' that leads to resources`;
  if (typed.target !== undefined && !parameter.targets.includes(typed.target))
    return `: '${code}' of ${source} does not lead to ${typed.target}`;
  return { ...shape, source, code, ...typed };
}
