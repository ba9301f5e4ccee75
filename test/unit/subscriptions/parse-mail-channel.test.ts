import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseMailAddress, parseMailForm, parseMailHeader } from '../../../src/subscriptions/parse-mail-channel.js';

test.each([
  [undefined, { html: false, attach: false }],
  ['text/plain', { html: false, attach: false }],
  ['TEXT/HTML; charset=utf-8', { html: true, attach: false }],
  ['text/plain;attach=application/fhir+json', { html: false, attach: true }],
  ['text/html; attach="application/fhir+json"; fhirVersion=4.3', { html: true, attach: true }],
])('the payload %j is understood', (payload, form) => {
  expect(parseMailForm(payload, 'r4b')).toEqual(form);
});

test.each([
  'application/fhir+json',
  'text/markdown',
  'text/plain;attach=application/fhir+xml',
  'text/plain;attach',
  'text/plain;attach=application/fhir+json;attach=application/fhir+json',
  'text/plain;charset=latin1',
  'text/plain;attach=application/fhir+json;fhirVersion=4.0',
  '',
])('the payload %j is refused with a reason', (payload) => {
  expect(parseMailForm(payload, 'r4b')).toEqual(expect.any(String));
});

describe('addresses', () => {
  test.each([
    ['mailto:a.b+c@example.org', 'a.b+c@example.org'],
    ['MAILTO:a%2Bb@example.org', 'a+b@example.org'],
    ['mailto:jürgen@example.org', 'jürgen@example.org'],
  ])('%s', (endpoint, address) => {
    expect(parseMailAddress(endpoint)).toEqual({ address });
  });

  test('what is taken is one plain address, whatever was written', () => {
    const piece = fc.oneof(
      fc.constantFrom('@', ',', ';', '<', '>', '%0A', '%0d', '%00', '"', ' ', 'a', 'b.c', '?', '%2C', '%'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const parsed = parseMailAddress(`mailto:${pieces.join('')}`);
        if (typeof parsed === 'string') return;
        expect(parsed.address).toMatch(/^[^@]+@[^@]+$/);
        expect(parsed.address).not.toMatch(/[\s,;:<>"\u0000-\u001f\u007f]/);
      }),
    );
  });
});

test('of headers only one line with a subject is taken', () => {
  expect(parseMailHeader('Subject: Results: today – new')).toEqual(['Subject', 'Results: today – new']);
  expect(parseMailHeader('subject:x')).toEqual(['Subject', 'x']);
  for (const line of ['Bcc: a@b', 'Subject', 'Subject:', 'Subject: a\r\nBcc: b@c', `Subject: ${'x'.repeat(501)}`])
    expect(parseMailHeader(line)).toEqual(expect.any(String));
});
