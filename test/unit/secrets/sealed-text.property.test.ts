import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { keyIdOf, openText, sealText } from '../../../src/secrets/sealed-text.js';
import { newSecretKey, parseSecretKey } from '../../../src/secrets/secret-key.js';

const key = newSecretKey();
const text = fc.string({ unit: 'grapheme' });

test('what was sealed opens under the same key, in the same place', () => {
  fc.assert(
    fc.property(text, text, (place, plain) => {
      const sealed = sealText(key, place, plain);
      expect(openText(key, place, sealed)).toBe(plain.toWellFormed());
      expect(keyIdOf(sealed)).toBe(key.id);
      expect(sealed).toMatch(/^[\w.-]+$/);
    }),
  );
});

test('two sealings of one text have nothing in common but the key', () => {
  const [first, second] = [sealText(key, 'p', 'same'), sealText(key, 'p', 'same')];
  expect(first).not.toBe(second);
});

test('it opens nowhere else and under no other key', () => {
  fc.assert(
    fc.property(text, text, text, (place, other, plain) => {
      const sealed = sealText(key, place, plain);
      if (Buffer.compare(Buffer.from(other), Buffer.from(place)) !== 0) expect(openText(key, other, sealed)).toBeUndefined();
      expect(openText(newSecretKey(), place, sealed)).toBeUndefined();
      expect(openText({ ...newSecretKey(), id: key.id }, place, sealed)).toBeUndefined();
    }),
  );
});

test('no letter of it can be changed, added or taken away', () => {
  const sealed = sealText(key, 'p', 'the secret');
  const start = sealed.lastIndexOf('.') + 1;
  for (let at = 0; at < sealed.length; at++) {
    const other = sealed[at] === 'A' ? 'B' : 'A';
    expect(openText(key, 'p', sealed.slice(0, at) + other + sealed.slice(at + 1))).toBeUndefined();
    expect(openText(key, 'p', sealed.slice(0, at))).toBeUndefined();
    if (at >= start) expect(openText(key, 'p', sealed.slice(0, at) + sealed.slice(at + 1))).toBeUndefined();
  }
  expect(openText(key, 'p', `${sealed}A`)).toBeUndefined();
  expect(openText(key, 'p', 'plain')).toBeUndefined();
});

test('a key is read from base64 of 32 bytes alone, and its id does not depend on who reads it', () => {
  const written = key.bytes.toString('base64');
  expect(parseSecretKey(written)).toEqual(key);
  expect(key.id).toMatch(/^[0-9a-f]{16}$/);
  for (const bad of ['', written.slice(1), `${written}=`, written.replace(/.=$/, '/='), 'x'.repeat(44), written.slice(0, -1)])
    expect(parseSecretKey(bad)).toBeUndefined();
});
