/** One `parameter[:modifier]=value` of a filter, percent-decoded; `type` where the filter names the resource it applies to. */
export interface FilterTerm {
  type?: string;
  parameter: string;
  modifier?: string;
  value: string;
}

/**
 * Reads a filter-criteria string: `Type?p=v&q=w`, `Type.p=v` and `p=v`, `&` and repetition mean AND. `Type.p` is told from a chain by
 * its capital letter. Undefined: not of this form.
 */
export function parseFilter(filter: string): FilterTerm[] | undefined {
  const question = /^\/?([A-Z]\w*)\?(.*)$/s.exec(filter);
  const parts = (question?.[2] ?? filter).split('&').filter((part) => part !== '');
  if (parts.length === 0) return undefined;
  const terms: FilterTerm[] = [];
  for (const part of parts) {
    const match = /^(?:([A-Z]\w*)\.)?([\w-]+(?:\.[\w-]+)*)(?::([\w-]+))?=(.+)$/s.exec(decodeName(part));
    const [, dotted, parameter, modifier, value] = match ?? [];
    if (parameter === undefined || value === undefined) return undefined;
    const decoded = decodePercent(value);
    if (decoded === undefined) return undefined;
    terms.push({ type: question?.[1] ?? dotted, parameter, modifier, value: decoded });
  }
  return terms;
}

/**
 * One text for all spellings of the same filters, by their syntax alone: it must not depend on the topic, so that a group keeps its
 * fingerprint whatever happens to the topic.
 */
export function canonicalFilters(filters: readonly string[]): string[] {
  const terms = filters.flatMap((filter) => parseFilter(filter) ?? [{ parameter: filter, value: '' }]);
  return [...new Set(terms.map(termText))].sort();
}

function termText(term: FilterTerm): string {
  const values = splitValues(term.value).sort();
  return `${term.type === undefined ? '' : `${term.type}?`}${term.parameter}${term.modifier === undefined ? '' : `:${term.modifier}`}=${encodePart([...new Set(values)].join(','))}`;
}

/** At commas, but not at escaped ones; what is escaped stays as written. */
export function splitValues(value: string): string[] {
  const values: string[] = [];
  let start = 0;
  for (let at = 0; at < value.length; at++) {
    if (value[at] === '\\') at++;
    else if (value[at] === ',') {
      values.push(value.slice(start, at));
      start = at + 1;
    }
  }
  return [...values, value.slice(start)];
}

/** The name part may be encoded too (`value-quantity%3Amissing`), the `=` decides where it ends. */
function decodeName(part: string): string {
  const equals = part.indexOf('=');
  if (equals < 0) return part;
  return (decodePercent(part.slice(0, equals)) ?? part.slice(0, equals)) + part.slice(equals);
}

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function encodePart(text: string): string {
  return text.replace(/[%&]/g, encodeURIComponent);
}
