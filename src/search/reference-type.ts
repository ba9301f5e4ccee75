import type { JsonObject } from '../fhir/json-object.js';

const TYPE_AND_ID = /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;

/**
 * The resource type a Reference (or a bare URL) leads to, from its own text: what `resolve() is Patient` needs, without fetching. A
 * fragment is looked up among the contained resources; a logical reference may say its type.
 */
export function typeOfReference(reference: unknown, resource: unknown): string | undefined {
  if (typeof reference === 'string') return TYPE_AND_ID.exec(reference)?.[1];
  const { reference: url, type } = reference as { reference?: unknown; type?: unknown };
  if (typeof url === 'string') {
    if (url.startsWith('#')) return typeOfContained(url.slice(1), resource as JsonObject);
    const found = TYPE_AND_ID.exec(url)?.[1];
    if (found) return found;
  }
  return typeof type === 'string' ? type : undefined;
}

function typeOfContained(id: string, resource: JsonObject): string | undefined {
  if (id === '') return resource.resourceType as string | undefined;
  if (!Array.isArray(resource.contained)) return undefined;
  const found = (resource.contained as JsonObject[]).find((contained) => contained?.id === id);
  return found?.resourceType as string | undefined;
}
