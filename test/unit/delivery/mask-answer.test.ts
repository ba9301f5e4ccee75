import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { maskAnswer } from '../../../src/delivery/mask-answer.js';

const AUTHORIZATION = 'Bearer abc.def-123';
const BASIC = `Basic ${Buffer.from('clerk:pa"ss word').toString('base64')}`;

describe('secrets of the Subscription are masked', () => {
  test.each<[string, readonly string[], string, string]>([
    ['as they were sent', [AUTHORIZATION], 'no: Bearer abc.def-123!', 'no: ***!'],
    ['their credentials alone', [AUTHORIZATION], '{"token":"abc.def-123"}', '{"token":"***"}'],
    ['each time', ['swordfish'], 'swordfish, swordfish', '***, ***'],
    ['the longer of two first', ['key1', 'key1-and-more'], 'key1-and-more key1', '*** ***'],
    ['what basic credentials decode to', [BASIC], 'hello clerk:pa"ss word', 'hello ***'],
    ['a password as JSON writes it', [BASIC], '{"p":"pa\\"ss word"}', '{"p":"***"}'],
    ['a password as a URL writes it', [BASIC], 'p=pa%22ss%20word', 'p=***'],
    ['where the answer was cut in the middle of it', [AUTHORIZATION], 'you sent Bearer abc.d', 'you sent ***'],
    ['but not what is too short to be a secret', ['on'], 'on and on', 'on and on'],
  ])('%s', (_what, values, text, masked) => expect(maskAnswer(text, values, [])).toBe(masked));

  test('wherever they stand', () =>
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.stringMatching(/^[a-z0-9]{4,20}$/), (before, after, secret) => {
        expect(maskAnswer(before + secret + after, [secret], [])).not.toContain(secret);
      }),
    ));
});

const RESOURCE =
  '{"resourceType":"Patient","id":"p1","name":[{"family":"Chalmers","given":["Peter","James"]}],"birthDate":"1974-12-25"}';

describe('content that was sent is masked', () => {
  test.each([
    ['whole', `got ${RESOURCE} thanks`, 'got *** thanks'],
    ['cut off', `got ${RESOURCE.slice(0, 70)}`, 'got ***'],
    ['within JSON', JSON.stringify({ data: RESOURCE }), '{"data":"***"}'],
    ['not a few words that happen to be the same', 'Peter James is unknown', 'Peter James is unknown'],
    [
      'not an answer of its own',
      '{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid"}]}',
      '{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid"}]}',
    ],
  ])('%s', (_what, text, masked) => expect(maskAnswer(text, [], [RESOURCE])).toBe(masked));

  test('wherever a longer piece of it stands', () =>
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.nat(60), (before, after, from) => {
        const piece = RESOURCE.slice(from, from + 45);
        expect(maskAnswer(before + piece + after, [], [RESOURCE])).not.toContain(piece);
      }),
    ));
});

test('what no screen shows is replaced', () => expect(maskAnswer('a\u0000\u001Bb\n\tc', [], [])).toBe('a\uFFFD\uFFFDb\n\tc'));
