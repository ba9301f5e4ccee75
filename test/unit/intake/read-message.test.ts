import { describe, expect, test } from '@jest/globals';
import { parseBundle } from '../../../src/fhir/json-text.js';
import { readMessage } from '../../../src/intake/messages/read-message.js';
import { encounter, message, SENDER } from '../../support/messages.js';

const read = (bundle: object) => readMessage(parseBundle(JSON.stringify(bundle)), () => 'made');
const requestsOf = (bundle: object) => read(bundle).entries.map(({ index, method, url }) => [index, method, url]);

describe('where the content of a message is stored', () => {
  test('under its own id, else under the one of its fullUrl, else under a new one; the header last', () => {
    const content = [
      { resource: encounter('own') },
      { fullUrl: `${SENDER}/Encounter/named`, resource: encounter(undefined) },
      { fullUrl: 'urn:uuid:e5bc1e0e-3c1b-4a53-8c6c-8f6a3f2b9f10', resource: encounter(undefined) },
      { fullUrl: 'urn:uuid:e5bc1e0e-3c1b-4a53-8c6c-8f6a3f2b9f11', resource: encounter('both') },
      { resource: encounter(undefined) },
    ];
    expect(requestsOf(message(content, { id: 'm' }))).toEqual([
      [1, 'PUT', 'Encounter/own'],
      [2, 'PUT', 'Encounter/named'],
      [3, 'POST', 'Encounter'],
      [4, 'PUT', 'Encounter/both'],
      [5, 'POST', 'Encounter'],
      [0, 'PUT', 'MessageHeader/m'],
    ]);
  });

  test('a fullUrl must not name another resource', () => {
    for (const fullUrl of [`${SENDER}/Encounter/other`, `${SENDER}/Patient/own`])
      expect(() => read(message([{ fullUrl, resource: encounter('own') }]))).toThrow(/fullUrl/);
  });
});

test('the ids by which a message is known again', () => {
  expect(read(message([], { id: 'm', envelope: 'e' }))).toMatchObject({
    messageId: 'm',
    headerId: 'm',
    envelopeId: 'urn:ietf:rfc:3986|urn:uuid:e',
    source: SENDER,
  });
  const byUrl = message([], { header: { id: undefined }, headerUrl: 'urn:uuid:from-url' });
  expect(read(byUrl)).toMatchObject({ messageId: 'from-url', headerId: 'from-url' });
  const { identifier: _, ...without } = message([], { header: { id: undefined }, headerUrl: 'http://x/y' });
  expect(read({ ...without, id: 'bundle' })).toMatchObject({ messageId: undefined, headerId: 'made', envelopeId: 'bundle' });
  expect(read(without)).toMatchObject({ envelopeId: '' });
});

test.each(['request', 'response', 'search'])('an entry with a %s is no part of a message', (element) => {
  expect(() => read(message([{ resource: encounter('a'), [element]: {} } as never]))).toThrow(element);
});
