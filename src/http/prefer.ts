export type ReturnPreference = 'minimal' | 'representation' | 'OperationOutcome';

/** `Prefer: return=…`; undefined where none, or none we know, is given. https://hl7.org/fhir/R4B/http.html#ops */
export function returnPreference(header: string | readonly string[] | undefined): ReturnPreference | undefined {
  const value = preference(header, 'return');
  return value === 'minimal' || value === 'representation' || value === 'OperationOutcome' ? value : undefined;
}

/** `Prefer: handling=strict|lenient` of a search; lenient where nothing is said. */
export function handlingPreference(header: string | readonly string[] | undefined): 'strict' | 'lenient' {
  return preference(header, 'handling') === 'strict' ? 'strict' : 'lenient';
}

/** Preferences are a list, in one header or several; the first of a name counts (RFC 7240). */
function preference(header: string | readonly string[] | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  const text = typeof header === 'string' ? header : header.join(',');
  for (const part of text.split(/[,;]/)) {
    const [key = '', value = ''] = part.split('=', 2);
    if (key.trim().toLowerCase() === name) return value.trim().replace(/^"(.*)"$/, '$1');
  }
  return undefined;
}
