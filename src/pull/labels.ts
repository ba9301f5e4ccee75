import { isJsonObject, type JsonObject } from '../fhir/json-object.js';

/** The sets in a Meta that `$meta-add` and `$meta-delete` are about. */
const CODED = ['security', 'tag'] as const;

/** A Meta as parsed exactly: what is in it is opaque but for what identifies an entry. */
export type Meta = JsonObject;

/**
 * The Meta with the profiles, tags and security labels of another. What is there already, by {@link identityOf}, stays as it is.
 * https://hl7.org/fhir/R4B/resource-operation-meta-add.html
 */
export function withLabels(meta: Meta, added: Meta): Meta {
  const grown = withList(meta, 'profile', [...listOf(meta, 'profile'), ...new Set(missing(meta, added, 'profile'))]);
  // Extensions of profiles stand in a list beside them, place by place.
  const beside = listOf(meta, '_profile');
  const placed = listOf(grown, 'profile').map((_, at) => beside[at] ?? null);
  return CODED.reduce(
    (all, name) => withList(all, name, distinct([...listOf(all, name), ...missing(all, added, name)], listOf(all, name).length)),
    beside.length === 0 ? grown : withList(grown, '_profile', placed),
  );
}

/** The Meta without the profiles, tags and security labels of another. https://hl7.org/fhir/R4B/resource-operation-meta-delete.html */
export function withoutLabels(meta: Meta, removed: Meta): Meta {
  const profiles = new Set(listOf(removed, 'profile'));
  const kept = listOf(meta, 'profile').map((profile) => profile === null || !profiles.has(profile));
  const stays = (_: unknown, at: number) => kept[at] !== false;
  const beside = listOf(meta, '_profile').filter(stays);
  const fewer = withList(withList(meta, 'profile', listOf(meta, 'profile').filter(stays)), '_profile', beside);
  const plain = beside.some((item) => item !== null) ? fewer : withList(fewer, '_profile', []);
  return CODED.reduce((all, name) => {
    const identities = new Set(listOf(removed, name).map(identityOf));
    return withList(
      all,
      name,
      listOf(all, name).filter((coding) => !identities.has(identityOf(coding))),
    );
  }, plain);
}

function missing(meta: Meta, added: Meta, name: string): unknown[] {
  const there = new Set(listOf(meta, name).map(identityOf));
  return listOf(added, name).filter((item) => item !== null && !there.has(identityOf(item)));
}

/** Without repetitions among what stands behind the first `settled`. */
function distinct(items: readonly unknown[], settled: number): unknown[] {
  return items.filter((item, at) => at < settled || items.findIndex((one) => identityOf(one) === identityOf(item)) === at);
}

/** A profile is its URL; a coding is its system and code, whatever its version and display. */
function identityOf(item: unknown): string {
  return isJsonObject(item) ? JSON.stringify([item['system'] ?? null, item['code'] ?? null]) : String(item);
}

function listOf(meta: Meta, name: string): unknown[] {
  const list = meta[name];
  return Array.isArray(list) ? (list as unknown[]) : [];
}

/** Members keep their order; an empty list is left out, as FHIR asks. */
function withList(meta: Meta, name: string, list: readonly unknown[]): Meta {
  const { [name]: found, ...rest } = meta;
  if (list.length === 0) return rest;
  return found === undefined ? { ...rest, [name]: list } : { ...meta, [name]: list };
}
