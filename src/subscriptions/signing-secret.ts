import { keyIdOf } from '../secrets/sealed-text.js';

const FORM = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/;
const BYTES = { least: 24, most: 64 };

/**
 * What is wrong with a signing secret, without repeating it; undefined: nothing. One that is sealed was looked at before it was stored.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#symmetric-signatures
 */
export function signingSecretProblem(secret: unknown): string | undefined {
  if (typeof secret === 'string' && (keyIdOf(secret) !== undefined || isWithinBounds(signingKey(secret)))) return undefined;
  return `A signing secret is one valueString: whsec_ and the base64 of ${BYTES.least} to ${BYTES.most} bytes.`;
}

/** The bytes that sign. Undefined for a text that is no signing secret. */
export function signingKey(secret: string): Buffer | undefined {
  const encoded = FORM.exec(secret)?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64');
}

function isWithinBounds(key: Buffer | undefined): boolean {
  return key !== undefined && key.length >= BYTES.least && key.length <= BYTES.most;
}
