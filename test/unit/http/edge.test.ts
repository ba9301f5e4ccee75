import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { checkContentType, negotiate } from '../../../src/http/media-types.js';
import { toFhirError } from '../../../src/http/outcome.filter.js';
import { ifMatchVersion, ifNoneMatchAny } from '../../../src/http/preconditions.js';
import { returnPreference } from '../../../src/http/prefer.js';
import { refusedRoute } from '../../../src/http/refused-route.js';

const FHIR = 'application/fhir+json; charset=utf-8';
const PLAIN = 'application/json; charset=utf-8';

function statusOf(work: () => unknown): number {
  try {
    work();
    return 200;
  } catch (error) {
    expect(error).toBeInstanceOf(FhirError);
    return (error as FhirError).status;
  }
}

describe('the media type of an answer', () => {
  test.each([
    [undefined, undefined, FHIR],
    ['*/*', undefined, FHIR],
    ['application/*', undefined, FHIR],
    ['application/fhir+json;fhirVersion=4.3', undefined, FHIR],
    ['application/fhir+json; fhirVersion="4.3.0"', undefined, FHIR],
    ['application/json', undefined, PLAIN],
    ['application/json;q=0.5, application/fhir+json', undefined, FHIR],
    ['application/json, application/fhir+json;q=0.1', undefined, PLAIN],
    ['text/html,application/xhtml+xml,*/*;q=0.8', undefined, FHIR],
    ['application/fhir+json;q=0, */*', undefined, PLAIN],
    ['application/fhir+xml', 'json', FHIR],
    ['application/fhir+xml', 'application/fhir json', FHIR],
    [undefined, 'application/json', PLAIN],
  ])('for Accept %s and _format %s is %s', (accept, format, type) => {
    expect(negotiate(accept, format, 'r4b')).toBe(type);
  });

  test.each([
    ['application/fhir+xml', undefined],
    ['text/turtle', undefined],
    ['application/fhir+json;q=0', undefined],
    ['*/*;q=0.1, application/json;q=0, application/fhir+json;q=0', undefined],
    ['application/fhir+json; fhirVersion=4.0', undefined],
    ['application/fhir+json', 'xml'],
    [undefined, 'ttl'],
    [undefined, 'application/fhir+json; fhirVersion=5.0'],
  ])('is refused with 406 for Accept %s and _format %s', (accept, format) => {
    expect(statusOf(() => negotiate(accept, format, 'r4b'))).toBe(406);
  });

  test('knows the FHIR version of each face', () => {
    expect(negotiate('application/fhir+json; fhirVersion=4.0', undefined, 'r4')).toBe(FHIR);
    expect(statusOf(() => negotiate('application/fhir+json; fhirVersion=4.3', undefined, 'r4'))).toBe(406);
  });
});

describe('the media type of a body', () => {
  test.each([
    'application/fhir+json',
    'application/json',
    'text/json',
    'Application/FHIR+JSON; Charset="UTF-8"',
    'application/fhir+json;fhirVersion=4.3',
  ])('may be %s', (header) => expect(statusOf(() => checkContentType(header, 'r4b'))).toBe(200));
  test.each([
    undefined,
    '',
    'text/plain',
    'application/fhir+xml',
    'application/json; charset=latin1',
    'application/json; fhirVersion=4.0',
  ])('may not be %s', (header) => expect(statusOf(() => checkContentType(header, 'r4b'))).toBe(415));
});

describe('conditions', () => {
  test.each([
    ['W/"3"', 3],
    ['"3"', 3],
    ['3', 3],
    [' W/"12" ', 12],
    ['W/"abc"', 0],
    ['W/"03"', 0],
    ['W/"99999999999"', 0],
  ])('If-Match %s names version %d', (header, version) => expect(ifMatchVersion(header)).toBe(version));
  test.each(['', '*', 'W/"1", W/"2"', 'W/', 'a b'])('If-Match %s is refused', (header) =>
    expect(statusOf(() => ifMatchVersion(header))).toBe(400),
  );
  test('If-None-Match is * or nothing', () => {
    expect([ifNoneMatchAny(undefined), ifNoneMatchAny('*')]).toEqual([false, true]);
    expect(statusOf(() => ifNoneMatchAny('W/"1"'))).toBe(400);
  });
});

test.each([
  [undefined, undefined],
  ['return=minimal', 'minimal'],
  ['handling=strict; return="representation"', 'representation'],
  ['respond-async, RETURN = OperationOutcome', 'OperationOutcome'],
  ['return=everything', undefined],
  ['return=minimal, return=representation', 'minimal'],
])('Prefer %s asks for %s', (header, preference) => expect(returnPreference(header)).toBe(preference));

test.each([
  ['GET', '/', 404],
  ['GET', '/fhir', 404],
  ['POST', '/fhir/r3/Patient', 404],
  ['POST', '/fhir/r4b/Patient/1', 405],
  ['OPTIONS', '/fhir/r4/Patient', 405],
  ['PUT', '/fhir/r4b', 405],
  ['DELETE', '/fhir/r4b/metadata', 405],
  ['POST', '/fhir/r4b/Patient/1/$nonsense', 404],
  ['POST', '/fhir/r4b/metadata', 405],
  ['POST', '/fhir/r4b/metadata/x', 404],
  ['DELETE', '/fhir/r4b/_history', 405],
  ['POST', '/fhir/r4b/Patient/_history', 405],
  ['DELETE', '/fhir/r4b/Patient/1/_history/2', 405],
  ['DELETE', '/fhir/r4b/Patient/1/_history/2/x', 404],
  ['DELETE', '/bulk/a/Patient.ndjson', 405],
  ['GET', '/bulk/a', 404],
  ['GET', '/metrics/x', 404],
])('%s %s has no route: %d', (method, url, status) => {
  const refusal = refusedRoute(method, url);
  expect(refusal.status).toBe(status);
  if (status === 405) expect(refusal.headers['Allow']).not.toContain(method);
});

describe('whatever is thrown', () => {
  test('tells nothing of a bug', () => {
    const error = toFhirError(new TypeError('secret internals'), 'GET', '/fhir/r4b/Patient');
    expect([error.status, error.issues[0]?.code]).toEqual([500, 'exception']);
    expect(JSON.stringify(error.issues)).not.toContain('secret');
  });

  test('keeps the status of a refusal by the framework', () => {
    for (const status of [400, 413, 415]) {
      expect(toFhirError(Object.assign(new Error('no'), { statusCode: status }), 'POST', '/fhir/r4b').status).toBe(status);
    }
  });

  test('headers of any kind are read or refused, never a bug', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const work of [
          () => negotiate(text, undefined, 'r4b'),
          () => negotiate(undefined, text, 'r4'),
          () => checkContentType(text, 'r4b'),
          () => ifMatchVersion(text),
          () => ifNoneMatchAny(text),
          () => returnPreference(text),
        ]) {
          expect(statusOf(work)).toBeLessThan(500);
        }
      }),
    );
  });
});
