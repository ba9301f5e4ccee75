import { printTextQuery } from './full-text/text-query.js';
import { readsAsLink } from './parse-link.js';
import { encodeForQuery, escapeValue } from './query-text.js';
import type { Clause, ClauseValue, Query } from './query.js';

/**
 * One text for all spellings of the same filter: clauses and the values of each in a fixed order, repeats once, references in their
 * local form; links as they were written. Equal texts mean equal matches, so they share one filter group; the text parses back to the
 * same query.
 */
export function canonicalQuery(query: Query): string {
  const links = query.links.length === 0 ? [] : query.used.filter(([name]) => readsAsLink(name)).map(printLink);
  const clauses = [...new Set([...query.clauses.map(printClause), ...links])].sort();
  return clauses.length === 0 ? query.type : `${query.type}?${clauses.join('&')}`;
}

/** One clause as it would stand in a query string. */
export function printClause(clause: Clause): string {
  const { parameter, modifier, targetType, values } = clause;
  const suffix = modifier === undefined ? '' : modifier === 'type' ? `:${targetType}` : `:${modifier}`;
  const printed = [...new Set(values.map((value) => printValue(value, clause)))].sort();
  return `${parameter.written ?? parameter.code}${suffix}=${encodeForQuery(printed.join(','))}`;
}

function printLink([name, value]: readonly [string, string]): string {
  return `${encodeForQuery(name)}=${encodeForQuery(value)}`;
}

function printValue(value: ClauseValue, clause: Clause): string {
  switch (value.type) {
    case 'missing':
      return String(value.missing);
    case 'token':
      return printToken(value.system, value.code);
    case 'token-text':
      return escapeValue(value.folded);
    case 'codings':
      return value.text;
    case 'of-type':
      return [value.system, value.code, value.value].map(escapeValue).join('|');
    case 'reference':
      return printReference(value);
    case 'uri':
      return escapeValue(value.uri);
    case 'string':
      return escapeValue(clause.modifier === 'exact' ? value.exact : value.folded);
    case 'date':
    case 'number':
      return prefix(value.comparator) + value.text;
    case 'quantity': {
      const number = prefix(value.comparator) + value.text;
      return value.code === undefined ? number : `${number}|${escapeValue(value.system ?? '')}|${escapeValue(value.code)}`;
    }
    case 'near':
      return value.text;
    case 'full-text':
      return printTextQuery(value.query);
    case 'composite':
      return value.parts.map((part) => printValue(part, { ...clause, modifier: undefined })).join('$');
  }
}

function printToken(system: string | undefined, code: string | undefined): string {
  if (system === undefined) return escapeValue(code ?? '');
  return `${escapeValue(system)}|${escapeValue(code ?? '')}`;
}

/** Several candidates have one id: it was written without a type. */
function printReference({ candidates, url, version }: ClauseValue & { type: 'reference' }): string {
  const [first] = candidates;
  if (first === undefined) return escapeValue(version === undefined ? (url ?? '') : `${url}|${version}`);
  if (candidates.length > 1) return first.id;
  return `${first.type}/${first.id}${version === undefined ? '' : `/_history/${version}`}`;
}

function prefix(comparator: string): string {
  return comparator === 'eq' ? '' : comparator;
}
