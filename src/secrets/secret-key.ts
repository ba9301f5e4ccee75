import { createHash, randomBytes } from 'node:crypto';

/** A key of AES-256. Its id is worked out from it, so that two hubs with the same key call it the same. */
export interface SecretKey {
  /** 16 hexadecimal digits; says nothing about the key. */
  readonly id: string;
  readonly bytes: Buffer;
}

const KEY_BYTES = 32;

/** A key as written in a setting or a key file, base64 of 32 bytes; undefined for anything else. */
export function parseSecretKey(written: string): SecretKey | undefined {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(written)) return undefined;
  const bytes = Buffer.from(written, 'base64');
  return bytes.length === KEY_BYTES && bytes.toString('base64') === written ? keyOf(bytes) : undefined;
}

export function newSecretKey(): SecretKey {
  return keyOf(randomBytes(KEY_BYTES));
}

function keyOf(bytes: Buffer): SecretKey {
  return { id: createHash('sha256').update('carillon secret key\0').update(bytes).digest('hex').slice(0, 16), bytes };
}
