import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseJson } from '../../../src/fhir/json-text.js';
import { keyIdOf } from '../../../src/secrets/sealed-text.js';
import { newSecretKey } from '../../../src/secrets/secret-key.js';
import { maskSecrets, SecretUnreadable, Vault } from '../../../src/secrets/vault.js';
import { givenSecrets, ringOf, signingExtension } from '../../support/secret-resources.js';

const old = newSecretKey();
const next = newSecretKey();
const vault = new Vault(ringOf(old));

const wordsIn = (text: string) => new Set(text.match(/[^"\\,:{}[\]]{8,}/g) ?? []);

test('what was sealed and is opened again is what was given, byte for byte', () => {
  fc.assert(
    fc.property(givenSecrets, ({ type, text }) => {
      const sealed = vault.seal(type, 'a', text)!;
      expect(sealed.keyId).toBe(old.id);
      expect(vault.open(type, 'a', sealed.text)).toBe(text);
      // Texts that the hub itself prints anew in between.
      const printed = JSON.stringify(JSON.parse(sealed.text));
      expect(JSON.parse(vault.open(type, 'a', printed))).toEqual(JSON.parse(text));
    }),
  );
});

test('nothing of a secret is left in what is stored or masked, and everything else is', () => {
  fc.assert(
    fc.property(givenSecrets, ({ type, text, secrets }) => {
      const stored = vault.seal(type, 'a', text)!.text;
      const masked = maskSecrets(type, stored);
      expect(maskSecrets(type, text)).toBe(masked);
      for (const word of secrets.flatMap((secret) => [...wordsIn(secret)])) {
        expect(stored.includes(word)).toBe(false);
        expect(masked.includes(word)).toBe(false);
      }
      expect(parseJson(Buffer.from(masked)).text).toBe(masked);
      const names = [...masked.matchAll(/"([A-Za-z][\w-]*)(?::|\\u003a|\\u003A) \*\*\*"/g)];
      expect(names.length + (type === 'Subscription' ? 1 : 0)).toBe(secrets.length);
    }),
  );
});

test('a stored text stays as it is until another key seals; then it is sealed under that', () => {
  fc.assert(
    fc.property(givenSecrets, ({ type, text }) => {
      const stored = vault.seal(type, 'a', text)!;
      expect(vault.renew(type, 'a', stored.text)).toEqual(stored);
      const renewed = new Vault(ringOf(next, old)).renew(type, 'a', stored.text)!;
      expect(renewed.keyId).toBe(next.id);
      expect(new Vault(ringOf(next)).open(type, 'a', renewed.text)).toBe(text);
    }),
  );
});

describe('a sealed text opens in its place alone', () => {
  const text = JSON.stringify({
    resourceType: 'Subscription',
    channel: {
      header: ['Authorization: first', 'X-Key: second'],
      extension: [signingExtension('third'), signingExtension('fourth')],
    },
  });
  const { text: stored } = vault.seal('Subscription', 'a', text)!;
  const sealed = [...stored.matchAll(/sealed\.v1\.[\w.-]+/g)].map(([found]) => found);

  test('not under another id or type', () => {
    expect(() => vault.open('Subscription', 'b', stored)).toThrow(SecretUnreadable);
    const endpoint = JSON.stringify({ resourceType: 'Endpoint', header: [`Authorization:${sealed[0]}`] });
    expect(() => vault.open('Endpoint', 'a', endpoint)).toThrow(SecretUnreadable);
  });

  test('not in the place of another one, nor behind another name', () => {
    expect(sealed).toHaveLength(4);
    for (const one of sealed) {
      for (const other of sealed.filter((candidate) => candidate !== one)) {
        const moved = stored.replace(one, 'x').replace(other, one);
        expect(() => vault.open('Subscription', 'a', moved)).toThrow(SecretUnreadable);
      }
    }
    expect(() => vault.open('Subscription', 'a', stored.replace('Authorization', 'X-Echo'))).toThrow(SecretUnreadable);
  });

  test('not without its key, and the refusal names the key and no secret', () => {
    const other = new Vault(ringOf(next));
    expect(() => other.open('Subscription', 'a', stored)).toThrow(`The key ${old.id}`);
  });
});

test('what looks sealed is sealed like anything else where a client wrote it', () => {
  const looks = vault.seal('Endpoint', 'a', '{"resourceType":"Endpoint","header":["A: x"]}')!.text;
  const twice = vault.seal('Endpoint', 'a', looks)!.text;
  expect(twice).not.toBe(looks);
  expect(vault.open('Endpoint', 'a', twice)).toBe(looks);
});

test.each([
  ['Observation', '{"resourceType":"Observation","header":["A: b"],"channel":{"header":["A: b"]}}'],
  ['Subscription', '{"resourceType":"Subscription","header":["A: b"],"channel":{"type":"websocket"}}'],
  ['Subscription', '{"resourceType":"Subscription","channel":[]}'],
  ['Endpoint', '{"resourceType":"Endpoint","header":[],"channel":{"header":["A: b"]}}'],
  ['Endpoint', '{"resourceType":"Endpoint","header":["X-Empty:",""]}'],
])('a %s without a secret passes as it is', (type, text) => {
  expect(vault.seal(type, 'a', text)).toBeUndefined();
  expect(vault.renew(type, 'a', text)).toBeUndefined();
  expect(vault.open(type, 'a', text)).toBe(text);
  expect(maskSecrets(type, text)).toBe(text);
});

test('a header of an Endpoint that has no colon is a secret as a whole', () => {
  const text = '{"resourceType":"Endpoint","header":["just-a-token"]}';
  const stored = vault.seal('Endpoint', 'a', text)!.text;
  expect(keyIdOf((JSON.parse(stored) as { header: string[] }).header[0]!)).toBe(old.id);
  expect(vault.open('Endpoint', 'a', stored)).toBe(text);
  expect(maskSecrets('Endpoint', stored)).toBe('{"resourceType":"Endpoint","header":["***"]}');
});
