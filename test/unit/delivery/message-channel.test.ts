import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { answerResult, operationUrl } from '../../../src/delivery/channels/message.channel.js';
import { mailResult } from '../../../src/delivery/channels/email.channel.js';

test.each([
  ['http://x/fhir', 'http://x/fhir/$process-message'],
  ['http://x/fhir/', 'http://x/fhir/$process-message'],
  ['http://x', 'http://x/$process-message'],
  ['http://x/fhir/$process-message', 'http://x/fhir/$process-message'],
  ['http://x/fhir?tenant=1', 'http://x/fhir/$process-message?tenant=1'],
])('messages for %s go to %s', (endpoint, url) => {
  expect(operationUrl(endpoint)?.href).toBe(url);
});

test('an endpoint that is no URL has no operation', () => {
  expect(operationUrl('not a url')).toBeUndefined();
});

const response = (code: unknown) =>
  JSON.stringify({
    resourceType: 'Bundle',
    type: 'message',
    entry: [{}, { resource: { resourceType: 'MessageHeader', response: { code } } }],
  });

test.each([
  ['ok', 'accepted'],
  ['transient-error', 'retry'],
  ['fatal-error', 'refused'],
  [undefined, 'accepted'],
])('the response code %s means %s', (code, kind) => {
  expect(answerResult(response(code)).kind).toBe(kind);
});

test('whatever else a receiver answers with a 2xx is taken for a yes and breaks nothing', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (body) => answerResult(body).kind === 'accepted'));
  for (const body of ['{"entry":[null]}', '{"entry":{}}', 'null', '{"entry":[{"resource":null}]}'])
    expect(answerResult(body).kind).toBe('accepted');
});

test.each([
  [{ kind: 'taken', reply: '250 ok' }, 'accepted'],
  [{ kind: 'failed', code: 451, reply: 'busy', own: false }, 'retry'],
  [{ kind: 'failed', code: 550, reply: 'unknown', own: false }, 'refused'],
  [{ kind: 'failed', code: 535, reply: 'who are you', own: true }, 'retry'],
  [{ kind: 'failed', reply: 'no connection', own: false }, 'retry'],
] as const)('the mail server says %j', (reply, kind) => {
  expect(mailResult(reply).kind).toBe(kind);
});
