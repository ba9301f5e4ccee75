import { FhirError } from '../fhir/fhir-error.js';
import { refusedMethod } from '../http/refused-route.js';

/** How an answer looks has nothing to do with what is written. */
const PRESENTATION: ReadonlySet<string> = new Set(['_format', '_pretty']);
/** They pick from or shape what a search found; a write that heeded or ignored them would do something else than it says. */
const SHAPING: ReadonlySet<string> = new Set([
  '_contained',
  '_containedType',
  '_count',
  '_elements',
  '_include',
  '_maxresults',
  '_page',
  '_revinclude',
  '_score',
  '_sort',
  '_summary',
  '_total',
]);

/**
 * The condition of `PUT`, `PATCH` or `DELETE [type]?condition`, as it stands in the address.
 * @throws FhirError 405 where there is none, 400 for parameters that select nothing
 */
export function urlCondition(method: string, url: string): string {
  const condition = conditionOf(url);
  if (condition === '') throw refusedMethod(method, ['GET', 'HEAD', 'POST'], 'without an id or a condition');
  return condition;
}

/** The same for the address of a Bundle's entry; '' where it has no condition. @throws FhirError 400 */
export function conditionOf(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? '' : selecting(url.slice(at + 1));
}

/**
 * The condition of `If-None-Exist`; undefined where there is none. Node joins the lines of a header by commas, which would make alternatives
 * of what two lines ask for.
 * @throws FhirError 400
 */
export function headerCondition(rawHeaders: readonly string[]): string | undefined {
  const [first, ...others] = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === 'if-none-exist');
  if (others.length > 0) throw new FhirError('value', 'If-None-Exist is given more than once', 'If-None-Exist');
  return first === undefined ? undefined : entryCondition(first);
}

/** The same for `ifNoneExist` of a Bundle's entry. @throws FhirError 400 */
export function entryCondition(text: string): string {
  return selecting(text.trim());
}

function selecting(query: string): string {
  const parts = query.split('&').filter((part) => part !== '' && !PRESENTATION.has(nameOf(part)));
  for (const part of parts) {
    const name = nameOf(part);
    if (!SHAPING.has(name)) continue;
    throw new FhirError('value', `${name} selects nothing, so it can be no part of a condition`, name);
  }
  return parts.join('&');
}

/** Without its modifier. */
function nameOf(part: string): string {
  const [name = ''] = part.split('=', 1);
  try {
    return decodeURIComponent(name).split(':', 1)[0]!;
  } catch {
    return name;
  }
}
