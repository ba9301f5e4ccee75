import { createHash } from 'node:crypto';

const LONGEST_ID = 64;
/** 128 bits: no two ids of one source will ever meet by chance. */
const HASH_CHARACTERS = 32;

/**
 * The hub's id for a resource of a source: prefix and id, or prefix and a hash of the id where both together are too long for FHIR.
 * Always the same for the same two, so that references and later versions find it without a table.
 */
export function mapId(prefix: string, id: string): string {
  const plain = prefix + id;
  if (plain.length <= LONGEST_ID) return plain;
  return prefix + createHash('sha256').update(id).digest('hex').slice(0, HASH_CHARACTERS);
}

const LOCAL_REFERENCE = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?(#.*)?$/;

/**
 * Where a reference of the source leads in the hub: `Type/id`, relative or absolute under the source's base, gets the mapped id; its
 * version is dropped, since the hub numbers versions itself. Undefined: it leads elsewhere and stays as it is.
 */
export function mapReference(reference: string, prefix: string, address: string): string | undefined {
  const local = reference.startsWith(`${address}/`) ? reference.slice(address.length + 1) : reference;
  const match = LOCAL_REFERENCE.exec(local);
  return match === null ? undefined : `${match[1]}/${mapId(prefix, match[2]!)}${match[3] ?? ''}`;
}
