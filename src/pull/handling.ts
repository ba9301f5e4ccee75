/** `Prefer: handling=strict|lenient` of a search; lenient where nothing is said. https://hl7.org/fhir/R4B/search.html#errors */
export function handlingPreference(header: string | readonly string[] | undefined): 'strict' | 'lenient' {
  const text = typeof header === 'string' ? header : (header ?? []).join(',');
  return /(?:^|[,;])\s*handling\s*=\s*"?strict"?\s*(?:[,;]|$)/i.test(text) ? 'strict' : 'lenient';
}
