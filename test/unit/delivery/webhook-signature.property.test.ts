import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { signatureHeaders } from '../../../src/delivery/channels/webhook-signature.js';
import { signingKey, signingSecretProblem } from '../../../src/subscriptions/signing-secret.js';
import { signingSecret } from '../../support/secret-resources.js';

const secret = fc.uint8Array({ minLength: 24, maxLength: 64 }).map((bytes) => `whsec_${Buffer.from(bytes).toString('base64')}`);
const body = fc.string({ unit: 'grapheme' });

const verified = (by: string, text: string, headers: Record<string, string>) =>
  new Webhook(by).verify(text, headers, { jsonParse: false });
/** One time for all, so that what is signed twice is signed alike. */
const now = new Date();
const headersOf = (secrets: readonly string[], id: string, text: string | Buffer) =>
  ({ 'webhook-id': id, ...Object.fromEntries(signatureHeaders(secrets, id, text, now)) }) as Record<string, string>;

test('the library of Standard Webhooks verifies what is signed, with any of the secrets, and nothing with another', () => {
  fc.assert(
    fc.property(fc.array(secret, { minLength: 1, maxLength: 3 }), body, (secrets, written) => {
      const text = written.toWellFormed();
      const headers = headersOf(secrets, 's.1-2', text);
      for (const one of secrets) verified(one, text, headers);
      expect(headers['webhook-signature']!.split(' ')).toHaveLength(secrets.length);
      expect(() => verified(signingSecret(), text, headers)).toThrow('No matching signature');
      expect(headersOf(secrets, 's.1-2', Buffer.from(text))['webhook-signature']).toBe(headers['webhook-signature']);
    }),
    { numRuns: 50 },
  );
});

test('a changed byte of the body, the id or the time is noticed', () => {
  const key = signingSecret();
  const text = '{"display":"Größe","value":1.00}';
  const headers = headersOf([key], 's.1-1', text);
  verified(key, text, headers);
  for (let at = 0; at < text.length; at++)
    expect(() => verified(key, `${text.slice(0, at)}#${text.slice(at + 1)}`, headers)).toThrow('No matching signature');
  expect(() => verified(key, text, { ...headers, 'webhook-id': 's.1-2' })).toThrow('No matching signature');
  const later = String(Number(headers['webhook-timestamp']) + 1);
  expect(() => verified(key, text, { ...headers, 'webhook-timestamp': later })).toThrow('No matching signature');
});

test('without a secret nothing is added', () => {
  expect(signatureHeaders([], 'id', 'body', new Date())).toEqual([]);
});

test('a signing secret is whsec_ and base64 of 24 to 64 bytes; what is wrong is told without repeating it', () => {
  for (const bytes of [24, 25, 26, 32, 64]) expect(signingSecretProblem(signingSecret(bytes))).toBeUndefined();
  const good = signingSecret();
  for (const bad of [
    signingSecret(23),
    signingSecret(65),
    good.slice(6),
    `${good} `,
    `${good}=`,
    good.replace('=', ''),
    'whsec_',
    good.replace('_', '-'),
    undefined,
    7,
  ]) {
    const problem = signingSecretProblem(bad);
    expect(problem).toContain('24 to 64 bytes');
    if (typeof bad === 'string') expect(problem).not.toContain(bad.slice(6) || 'x');
  }
  expect(signingKey(good)).toHaveLength(32);
});
