/** A coding that answers are packed in; undefined: as they are. */
export type Coding = 'br' | 'gzip';

/** What is smaller gains less than the packing costs. */
export const LEAST_PACKED_BYTES = 1024;

/**
 * The coding that `Accept-Encoding` likes best of those the hub has; of two that are liked alike, brotli, which packs FHIR's JSON a
 * little smaller in about the same time. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
 */
export function chooseCoding(acceptEncoding: string | undefined): Coding | undefined {
  if (acceptEncoding === undefined) return undefined;
  const wishes = new Map<string, number>();
  for (const part of acceptEncoding.split(',')) {
    const [name = '', ...parameters] = part.split(';').map((each) => each.trim().toLowerCase());
    const q = parameters.find((each) => each.startsWith('q='))?.slice(2);
    const weight = q === undefined ? 1 : Number(q);
    if (name !== '') wishes.set(name === 'x-gzip' ? 'gzip' : name, Number.isNaN(weight) ? 0 : weight);
  }
  const wish = (coding: string) => wishes.get(coding) ?? wishes.get('*') ?? 0;
  const [br, gzip] = [wish('br'), wish('gzip')];
  if (Math.max(br, gzip) <= 0 || (wishes.get('identity') ?? 0) > Math.max(br, gzip)) return undefined;
  return br >= gzip ? 'br' : 'gzip';
}

/** Texts gain by packing; a stream of events would be held back by it. */
export function isPackable(contentType: string | undefined): boolean {
  return contentType !== undefined && /^(application\/([a-z.-]+\+)?(json|ndjson|xml)|text\/(?!event-stream))/i.test(contentType);
}
