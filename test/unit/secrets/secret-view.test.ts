import { expect, test } from '@jest/globals';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { newSecretKey } from '../../../src/secrets/secret-key.js';
import { SecretRule } from '../../../src/secrets/secret-rule.js';
import { SecretView } from '../../../src/secrets/secret-view.js';
import { Vault } from '../../../src/secrets/vault.js';
import { ringOf, signingExtension, signingSecret } from '../../support/secret-resources.js';

const vault = new Vault(ringOf(newSecretKey()));
const secret = signingSecret();
const plain = JSON.stringify({
  resourceType: 'Subscription',
  id: 's',
  channel: { extension: [signingExtension(secret)], type: 'rest-hook', header: ['Authorization: Bearer abc', 'X-Key:1'] },
});
const stored = vault.seal('Subscription', 's', plain)!.text;
const resource = { type: 'Subscription', id: 's', body: stored, version: 3 };

test('who reads a resource sees its secrets as they were sent; who is told of it sees that there are some', () => {
  expect(new SecretView(vault, 'reader').show(resource)).toEqual({ ...resource, body: plain });
  const told = new SecretView(vault, 'subscriber').show(resource);
  expect((JSON.parse(told.body) as { channel: object }).channel).toEqual({
    extension: [signingExtension('***')],
    type: 'rest-hook',
    header: ['Authorization: ***', 'X-Key: ***'],
  });
});

function neverAsked(): never {
  throw new Error('It was looked at');
}

test('what has nothing to hide is not looked at, but handed on', () => {
  for (const audience of ['reader', 'subscriber'] as const) {
    const view = new SecretView({ open: () => neverAsked() }, audience);
    for (const one of [
      { type: 'Observation', id: 'o', body: plain },
      { type: 'Subscription', id: 's', body: null },
    ])
      expect(view.show(one)).toBe(one);
  }
});

test('a secret that cannot be opened is masked for its reader, and somebody is told', () => {
  const told: Error[] = [];
  const view = new SecretView(new Vault(ringOf(newSecretKey())), 'reader', (error) => told.push(error));
  expect(view.show(resource).body).toContain('"Authorization: ***"');
  expect(told).toHaveLength(1);
});

test.each([
  [{ header: ['A: b', 'Authorization: ***'] }, 'Subscription.channel.header[1]'],
  [{ header: ['Authorization:***'] }, 'Subscription.channel.header[0]'],
  [{ extension: [signingExtension('***')] }, 'Subscription.channel.extension[0].valueString'],
  [(JSON.parse(stored) as { channel: object }).channel, 'Subscription.channel.extension[0].valueString'],
])('a write that holds a mask or a sealed text is refused: %j', async (channel, expression) => {
  const value = { resourceType: 'Subscription', channel };
  const refused = new SecretRule('Subscription').apply({ text: JSON.stringify(value), value });
  await expect(refused).rejects.toThrow(FhirError);
  await expect(refused).rejects.toMatchObject({ status: 422, issues: [{ expression }] });
});

test('a write with secrets of its own passes', async () => {
  const written = { text: plain, value: JSON.parse(plain) as Record<string, unknown> };
  expect(await new SecretRule('Subscription').apply(written)).toBe(written);
});
