import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseSocketMessage } from '../../../src/delivery/channels/socket-message.js';

test.each([
  ['bind-with-token abc', { kind: 'bind-with-token', token: 'abc' }],
  ['bind-with-token: abc', { kind: 'bind-with-token', token: 'abc' }],
  ['  bind-with-token   abc\n', { kind: 'bind-with-token', token: 'abc' }],
  ['{"type":"bind-with-token","payload":{"token":"abc"}}', { kind: 'bind-with-token', token: 'abc' }],
  ['{"type":"bind-with-token","payload":{"token":"abc","after":7}}', { kind: 'bind-with-token', token: 'abc', after: 7 }],
  ['{"type":"bind-with-token","payload":{"token":"abc","after":0}}', { kind: 'bind-with-token', token: 'abc', after: 0 }],
  [
    '{"type":"bind-with-token","payload":{"token":"abc","after":{"x":1,"y":2}}}',
    {
      kind: 'bind-with-token',
      token: 'abc',
      after: new Map([
        ['x', 1],
        ['y', 2],
      ]),
    },
  ],
  ['{"type":"bind-with-token","payload":{"token":"abc","after":-1}}', undefined],
  ['{"type":"bind-with-token","payload":{"token":"abc","after":1.5}}', undefined],
  ['{"type":"bind-with-token","payload":{"token":"abc","after":"1"}}', undefined],
  ['{"type":"bind-with-token","payload":{"token":"abc","after":null}}', undefined],
  ['{"type":"bind-with-token","payload":{"token":"abc","after":[1]}}', undefined],
  ['{"type":"bind-with-token","payload":{"token":"abc","after":{"x":"1"}}}', undefined],
  ['bind 123', { kind: 'bind', id: '123' }],
  ['bind Subscription/123', { kind: 'bind', id: '123' }],
  ['bind-with-token', undefined],
  ['bind-with-token a b', undefined],
  ['bind', undefined],
  ['bind a/b', undefined],
  ['{"type":"bind-with-token","payload":null}', undefined],
  ['{"type":"bind-with-token","payload":{"token":7}}', undefined],
  ['{"type":"ping"}', undefined],
  ['null', undefined],
  ['', undefined],
])('%j', (text, expected) => {
  expect(parseSocketMessage(text)).toEqual(expected);
});

test('nothing a client says throws', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseSocketMessage(text)));
});
