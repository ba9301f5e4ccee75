import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { SecretKey } from './secret-key.js';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** No colon and nothing that JSON or HTTP would have to escape, so that it can stand where the plain text stood. */
const FORM = /^sealed\.v1\.([0-9a-f]{16})\.([A-Za-z0-9_-]{38,})$/;

/**
 * A text as it is kept: `sealed.v1.<key id>.<nonce, cipher text and tag in base64url>`. `place` is bound into it (as additional
 * authenticated data): it opens nowhere else.
 */
export function sealText(key: SecretKey, place: string, plain: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key.bytes, nonce).setAAD(Buffer.from(place));
  const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `sealed.v1.${key.id}.${sealed.toString('base64url')}`;
}

/** Undefined where the text was changed, was sealed under another key, or stands in another place than it was sealed for. */
export function openText(key: SecretKey, place: string, sealed: string): string | undefined {
  const [, keyId, encoded = ''] = FORM.exec(sealed) ?? [];
  if (keyId !== key.id) return undefined;
  const bytes = Buffer.from(encoded, 'base64url');
  // Unused bits of the last letter would let one cipher text be written in several ways.
  if (bytes.toString('base64url') !== encoded) return undefined;
  const decipher = createDecipheriv(CIPHER, key.bytes, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(place))
    .setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return undefined;
  }
}

/** The id of the key that a sealed text asks for; undefined for a text that is not sealed. */
export function keyIdOf(text: string): string | undefined {
  return FORM.exec(text)?.[1];
}
