import { isJsonObject, type JsonObject } from '../fhir/json-object.js';
import { rewriteReferences, type AddressKind } from '../fhir/references.js';
import { mapId, mapReference } from './map-id.js';
import type { SourceDefinition } from './source-definition.js';

/** On `meta`, one for each earlier stop of a resource that came through several hubs, oldest first. */
export const SOURCE_PATH = 'https://carillon.example/fhir/StructureDefinition/source-path';

/** A resource has gone through more hubs than anybody lines up on purpose. */
const MOST_STOPS = 8;

/**
 * Types that steer a hub instead of being data. Taking them in would let a source subscribe, or poll, in our name.
 */
const STEERING = new Set(['Subscription', 'SubscriptionTopic', 'SubscriptionStatus', 'Parameters', 'OperationOutcome']);

/** What the hub has no use for by its type alone; not an error. */
export function isSteering(type: string, resource: JsonObject | undefined): boolean {
  if (STEERING.has(type)) return true;
  if (type !== 'Endpoint' || resource === undefined) return false;
  return JSON.stringify(resource['extension'] ?? []).includes('https://carillon.example/fhir/');
}

/**
 * Whether a resource came to the source from here, or was at the source before and went a way round: such a one is dropped, or hubs
 * that poll each other would pass it on for ever, each time as a new resource. The second test still holds where hubs know each other
 * by other names than their own; it goes by the recorded path alone, as a source may well put its own address into `meta.source`.
 */
export function hasBeenHere(resource: JsonObject, source: SourceDefinition, ownBases: readonly string[]): boolean {
  const stops = stopsOf(resource);
  return (
    stops.length > MOST_STOPS ||
    stops.some((stop) => ownBases.some((base) => isUnder(stop, base))) ||
    pathOf(resource).some((stop) => isUnder(stop, source.address))
  );
}

/**
 * The resource as the hub keeps it: its id and its references to others of the same source mapped, `meta.source` naming the source,
 * and where it was before. Changes the resource given.
 */
export function localise(resource: JsonObject, source: SourceDefinition): JsonObject {
  const { idPrefix, address } = source;
  const stops = stopsOf(resource).map((stop) => ({ url: SOURCE_PATH, valueUrl: stop }));
  const type = String(resource['resourceType']);
  // A Bundle is a world of its own: its entries refer to one another by the addresses they bear in it, and it may be signed.
  if (type !== 'Bundle') rewriteReferences(resource, type, (kind, text) => mapAddress(kind, text, idPrefix, address));
  const { versionId: _versionId, lastUpdated: _lastUpdated, source: _source, extension, ...meta } = metaOf(resource);
  const others = (Array.isArray(extension) ? (extension as unknown[]) : []).filter((one) => !isStop(one));
  const extensions = [...others, ...stops];
  return {
    ...resource,
    id: mapId(idPrefix, String(resource['id'])),
    meta: { ...(extensions.length > 0 ? { extension: extensions } : {}), source: address, ...meta },
  };
}

/** Absolute URIs and canonicals are names, even where they begin like the source's address; a name does not change on the way. */
function mapAddress(kind: AddressKind, text: string, idPrefix: string, address: string): string | undefined {
  const isName = kind !== 'reference' && kind !== 'url' && kind !== 'xhtml';
  return isName && text.includes(':') ? undefined : mapReference(text, idPrefix, address);
}

/** Where the resource was before, oldest first: the recorded path, then its `meta.source`. */
function stopsOf(resource: JsonObject): string[] {
  const { source } = metaOf(resource);
  return typeof source === 'string' ? [...pathOf(resource), source] : pathOf(resource);
}

function pathOf(resource: JsonObject): string[] {
  const { extension } = metaOf(resource);
  return (Array.isArray(extension) ? (extension as unknown[]) : []).filter(isStop).map((stop) => stop.valueUrl);
}

function isStop(extension: unknown): extension is { url: string; valueUrl: string } {
  return isJsonObject(extension) && extension['url'] === SOURCE_PATH && typeof extension['valueUrl'] === 'string';
}

function isUnder(url: string, base: string): boolean {
  return url === base || url.startsWith(`${base}/`) || url.startsWith(`${base}#`);
}

function metaOf(resource: JsonObject): JsonObject {
  return isJsonObject(resource['meta']) ? resource['meta'] : {};
}
