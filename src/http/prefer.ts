export type ReturnPreference = 'minimal' | 'representation' | 'OperationOutcome';

/** `Prefer: return=…`; undefined where none, or none we know, is given. https://hl7.org/fhir/R4B/http.html#ops */
export function returnPreference(header: string | readonly string[] | undefined): ReturnPreference | undefined {
  if (header === undefined) return undefined;
  const text = typeof header === 'string' ? header : header.join(',');
  for (const part of text.split(/[,;]/)) {
    const [name = '', value = ''] = part.split('=', 2);
    if (name.trim().toLowerCase() !== 'return') continue;
    const wanted = value.trim().replace(/^"(.*)"$/, '$1');
    return wanted === 'minimal' || wanted === 'representation' || wanted === 'OperationOutcome' ? wanted : undefined;
  }
  return undefined;
}
