import type { KeyRing } from './key-ring.js';
import { keyIdOf, openText, sealText } from './sealed-text.js';
import { replaceSecrets, type SecretPlace, secretPlaces } from './secret-places.js';

/** A resource whose secrets are sealed, all under one key. */
export interface SealedResource {
  text: string;
  keyId: string;
}

/** What is sealed cannot be opened: its key is not at hand, or it was changed or moved. */
export class SecretUnreadable extends Error {
  override readonly name = 'SecretUnreadable';
}

/** What stands where a secret is not shown. */
export const MASK = '***';

/**
 * Seals, opens and masks the secrets of Subscriptions and Endpoints in their JSON text. Nothing but the secrets changes: what was sealed
 * and is opened again is the text that was given, byte for byte. Texts of other types pass as they are, unread.
 */
export class Vault {
  constructor(private readonly keys: KeyRing) {}

  /** Every secret sealed as a plain one, whatever it looks like. Undefined: there is none. */
  seal(type: string, id: string, text: string): SealedResource | undefined {
    const places = secretPlaces(type, text);
    if (places.length === 0) return undefined;
    const key = this.keys.sealing();
    const sealed = replaceSecrets(text, places, (plain, place) => sealText(key, placeName(type, id, place), plain));
    return { text: sealed, keyId: key.id };
  }

  /** @throws SecretUnreadable */
  open(type: string, id: string, text: string): string {
    const places = secretPlaces(type, text);
    if (places.length === 0) return text;
    return replaceSecrets(text, places, (secret, place) => this.openOne(placeName(type, id, place), secret));
  }

  /**
   * A stored text as it may be stored again: as it is where its secrets are sealed under the key that seals now, else sealed anew. Undefined
   * where it has no secrets. @throws SecretUnreadable
   */
  renew(type: string, id: string, text: string): SealedResource | undefined {
    const places = secretPlaces(type, text);
    if (places.length === 0) return undefined;
    const keyId = this.keys.sealing().id;
    if (places.every(({ start, end }) => keyIdOf(text.slice(start, end)) === keyId)) return { text, keyId };
    return this.seal(type, id, this.open(type, id, text));
  }

  private openOne(place: string, secret: string): string {
    const keyId = keyIdOf(secret);
    // Written by a release that did not seal.
    if (keyId === undefined) return secret;
    const key = this.keys.opening(keyId);
    if (key === undefined) throw new SecretUnreadable(`The key ${keyId} that ${place} is sealed under is not at hand`);
    const plain = openText(key, place, secret);
    if (plain === undefined) throw new SecretUnreadable(`What is sealed at ${place} was changed, or belongs elsewhere`);
    return plain;
  }
}

/** The text with a mask in the place of each secret: `Authorization: ***`. Needs no key. */
export function maskSecrets(type: string, text: string): string {
  const places = secretPlaces(type, text);
  if (places.length === 0) return text;
  return replaceSecrets(text, places, (_secret, { element, expression }) =>
    element !== expression && element.endsWith(':') ? ` ${MASK}` : MASK,
  );
}

const placeName = (type: string, id: string, { element }: SecretPlace) => `${type}/${id}/${element}`;
