import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { KeyRing, ListedKeys } from '../../src/secrets/key-ring.js';
import { newSecretKey, type SecretKey } from '../../src/secrets/secret-key.js';
import { SIGNING_SECRET } from '../../src/secrets/secret-places.js';

export const signingSecret = (bytes = 32) => `whsec_${randomBytes(bytes).toString('base64')}`;
export const signingExtension = (valueString: string) => ({ url: SIGNING_SECRET, valueString });

/** Keys of a setting; the first seals. */
export const ringOf = (...keys: SecretKey[]) =>
  new KeyRing(new ListedKeys(keys.length > 0 ? keys : [newSecretKey()], 'the test'));

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,15}$/);
/** As a client may write it in JSON: with characters of any kind, each of them maybe as an escape. */
const jsonString = fc
  .array(fc.tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }), fc.boolean()), { minLength: 1, maxLength: 12 })
  .map((pieces) => pieces.map(([text, escaped]) => (escaped ? escapedText(text) : JSON.stringify(text).slice(1, -1))).join(''));

function escapedText(text: string): string {
  return [...Array(text.length).keys()].map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');
}

export interface GivenSecrets {
  type: 'Subscription' | 'Endpoint';
  /** Minified JSON as a client sent it. */
  text: string;
  /** JSON source of its secrets. */
  secrets: string[];
}

const colon = fc.constantFrom(':', '\\u003a', '\\u003A');
const header = fc
  .tuple(name, colon, jsonString)
  .map(([named, separator, secret]) => ({ text: `"${named}${separator}${secret}"`, secret }));

/** Subscriptions and Endpoints with secrets written in any way JSON allows. */
export const givenSecrets: fc.Arbitrary<GivenSecrets> = fc.oneof(
  fc
    .tuple(fc.array(header, { minLength: 1, maxLength: 4 }), fc.uint8Array({ minLength: 24, maxLength: 64 }))
    .map(([headers, bytes]) => {
      const secret = `whsec_${Buffer.from(bytes).toString('base64')}`;
      const list = headers.map(({ text }) => text).join(',');
      return {
        type: 'Subscription' as const,
        text:
          `{"resourceType":"Subscription","text":{"header":["not: one"]},"x":1.00,"channel":{"type":"rest-hook","header":[null,${list}],` +
          `"extension":[{"url":"https://other.example","valueString":"open"},{"valueString":"${secret}","url":${JSON.stringify(SIGNING_SECRET)}}]}}`,
        secrets: [...headers.map((one) => one.secret), secret],
      };
    }),
  fc.array(header, { minLength: 1, maxLength: 4 }).map((headers) => ({
    type: 'Endpoint' as const,
    text: `{"resourceType":"Endpoint","name":"e: x","\\u0068eader":[${headers.map(({ text }) => text).join(',')}],"period":{"start":"2026"}}`,
    secrets: headers.map((one) => one.secret),
  })),
);
