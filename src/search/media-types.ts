/** The code system of media types, which FHIR's codes for them are from. */
const MEDIA_TYPES = 'urn:ietf:bcp:13';

/** `text/xml` of `text/xml; charset=UTF-8`: without parameters, in lower case, since neither case nor they change what it is. */
export function mediaTypeAlone(text: string): string {
  return (text.split(';', 1)[0] as string).trim().toLowerCase();
}

/** What `:below` finds a token by where it is a media type. https://hl7.org/fhir/R4B/search.html#mimetype */
export function mediaTypeOf({ system, code }: { system?: string; code?: string }): string | undefined {
  return system === MEDIA_TYPES && code !== undefined ? mediaTypeAlone(code) : undefined;
}
