import { expect, test } from '@jest/globals';
import { Vault } from '../../../src/secrets/vault.js';
import { ringOf, signingExtension, signingSecret } from '../../support/secret-resources.js';
import { SEMANTICS } from '../../support/semantics.js';

const subscription = (channel: object) => ({
  resourceType: 'Subscription',
  id: 's',
  status: 'active',
  reason: 'r',
  criteria: 'Observation?code=1',
  contact: [{ system: 'email', value: 'a@b.example' }],
  channel: { type: 'rest-hook', endpoint: 'https://dest.example/hook', payload: 'application/fhir+json', ...channel },
});
const endpoint = (more: object) => ({
  resourceType: 'Endpoint',
  id: 's',
  status: 'active',
  name: 'lab',
  address: 'https://x.example',
  ...more,
});

const header = ['Authorization: Bearer the-secret-token', 'X-Api-Key: 1234567890'];
const keysOf = (type: string, value: object) => SEMANTICS.indexRows(SEMANTICS.extract(type, value as Record<string, unknown>));

test.each([
  ['Subscription', subscription({}), subscription({ header, extension: [signingExtension(signingSecret())] })],
  ['Endpoint', endpoint({}), endpoint({ header })],
])('no search key of a %s comes from its secrets, neither plain nor sealed', (type, without, withSecrets) => {
  const bare = keysOf(type, without);
  expect(bare.keys.length).toBeGreaterThan(3);
  expect(keysOf(type, withSecrets)).toEqual(bare);
  const sealed = new Vault(ringOf()).seal(type, 's', JSON.stringify(withSecrets))!.text;
  expect(keysOf(type, JSON.parse(sealed) as object)).toEqual(bare);
});
