import { describe, expect, test } from '@jest/globals';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { parseSubscription } from '../../../src/subscriptions/parse-subscription.js';

const BP = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
const content = { extension: [{ url: `${BP}payload-content`, valueCode: 'id-only' }] };

const classic = (channel: object = {}, more: object = {}) => ({
  resourceType: 'Subscription',
  status: 'requested',
  reason: 'test',
  criteria: 'Observation?code=1975-2',
  channel: { type: 'rest-hook', endpoint: 'https://dest.example/hook', ...channel },
  ...more,
});
const topical = (channel: object = {}, more: object = {}) => ({
  ...classic({ payload: 'application/fhir+json', _payload: content, ...channel }),
  criteria: 'https://hub.example/topics/t|1.0',
  ...more,
});

const parse = (resource: object, face: 'r4b' | 'r4' = 'r4b') =>
  parseSubscription(resource as Record<string, unknown>, 's', 3, face);

function refusal(resource: object, face: 'r4b' | 'r4' = 'r4b'): { status: number; expression?: string } {
  try {
    parse(resource, face);
  } catch (error) {
    if (error instanceof FhirError) return { status: error.status, expression: error.issues[0]?.expression };
    throw error;
  }
  throw new Error('It was accepted');
}

describe('what is read', () => {
  test('a classic subscription', () => {
    expect(parse(classic({ header: ['Authorization: Bearer a:b', 'X-A:1'] }, { end: '2031-01-01T00:00:00Z' }))).toEqual({
      id: 's',
      version: 3,
      face: 'r4b',
      status: 'requested',
      end: new Date('2031-01-01T00:00:00Z'),
      subject: { kind: 'classic', criteria: 'Observation?code=1975-2' },
      contacts: [],
      channel: {
        type: 'rest-hook',
        endpoint: 'https://dest.example/hook',
        headers: [
          ['Authorization', 'Bearer a:b'],
          ['X-A', '1'],
        ],
        signingSecrets: [],
        payload: undefined,
        content: undefined,
      },
    });
  });

  test('a topic-based one, with everything the Backport IG adds', () => {
    const definition = parse(
      topical(
        {
          extension: [
            { url: `${BP}heartbeat-period`, valueUnsignedInt: 300 },
            { url: `${BP}timeout`, valueUnsignedInt: 20 },
            { url: `${BP}max-count`, valuePositiveInt: 10 },
          ],
          payload: 'application/fhir+json; fhirVersion=4.3; charset=UTF-8',
        },
        { _criteria: { extension: [{ url: `${BP}filter-criteria`, valueString: 'Encounter?patient=Patient/123' }] } },
      ),
    );
    expect(definition.subject).toEqual({
      kind: 'topic',
      topic: 'https://hub.example/topics/t|1.0',
      filters: ['Encounter?patient=Patient/123'],
    });
    expect(definition.channel).toMatchObject({ content: 'id-only', heartbeatSeconds: 300, timeoutSeconds: 20, maxCount: 10 });
  });

  test('the live channel', () => {
    const type = {
      extension: [
        {
          url: `${BP}channel-type`,
          valueCoding: { system: 'https://carillon.example/fhir/CodeSystem/channel-type', code: 'live' },
        },
      ],
    };
    expect(parse(topical({ type: 'websocket', _type: type, endpoint: undefined })).channel.type).toBe('live');
    expect(refusal(topical({ type: 'rest-hook', _type: type }))).toEqual({
      status: 422,
      expression: 'Subscription.channel.type',
    });
  });

  test('a heartbeat of 0 seconds asks for none', () => {
    expect(
      parse(topical({ extension: [{ url: `${BP}heartbeat-period`, valueUnsignedInt: 0 }] })).channel.heartbeatSeconds,
    ).toBeUndefined();
  });

  test.each(['Patient', 'Patient?', '/Observation?code=1'])('criteria %s are classic', (criteria) => {
    expect(parse(classic({}, { criteria })).subject).toEqual({ kind: 'classic', criteria });
  });
});

describe('what is refused, with its element', () => {
  test.each<[string, object, string]>([
    ['email to a URL', classic({ type: 'email' }), 'Subscription.channel.endpoint'],
    [
      'FHIR as the body of a mail',
      classic({ type: 'email', endpoint: 'mailto:a@b.example', payload: 'application/fhir+json' }),
      'Subscription.channel.payload',
    ],
    ['sms', classic({ type: 'sms' }), 'Subscription.channel.type'],
    ['message by MLLP', classic({ type: 'message', endpoint: 'mllp://b.example' }), 'Subscription.channel.endpoint'],
    [
      'an unknown custom channel',
      topical({ _type: { extension: [{ url: `${BP}channel-type`, valueCoding: { system: 'x', code: 'zulip' } }] } }),
      'Subscription.channel.type.extension',
    ],
    ['XML', topical({ payload: 'application/fhir+xml' }), 'Subscription.channel.payload'],
    ['a made-up MIME type', classic({ payload: 'text/plain' }), 'Subscription.channel.payload'],
    ['another FHIR version', topical({ payload: 'application/fhir+json;fhirVersion=4.0' }), 'Subscription.channel.payload'],
    ['an unknown MIME parameter', topical({ payload: 'application/fhir+json;x=1' }), 'Subscription.channel.payload'],
    ['a topic without payload', topical({ payload: undefined, _payload: undefined }), 'Subscription.channel.payload'],
    ['a topic without content level', topical({ _payload: undefined }), 'Subscription.channel.payload'],
    [
      'a made-up content level',
      topical({ _payload: { extension: [{ url: `${BP}payload-content`, valueCode: 'all' }] } }),
      'Subscription.channel.payload.extension',
    ],
    ['a search with a content level', classic({ payload: 'application/fhir+json', _payload: content }), 'Subscription.criteria'],
    [
      'a search with topic filters',
      classic({}, { _criteria: { extension: [{ url: `${BP}filter-criteria`, valueString: 'a=b' }] } }),
      'Subscription.criteria',
    ],
    ['neither topic nor search', classic({}, { criteria: 'patients, please' }), 'Subscription.criteria'],
    [
      'an unknown filter extension',
      topical(
        {},
        { _criteria: { extension: [{ url: 'http://hl7.org/fhir/5.0/backport-filter-criteria', valueString: 'a=b' }] } },
      ),
      'Subscription.criteria.extension',
    ],
    [
      'an R5 element as extension',
      topical({}, { extension: [{ url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.filterBy' }] }),
      'Subscription.extension',
    ],
    ['a modifierExtension', topical({}, { modifierExtension: [{ url: 'http://x' }] }), 'Subscription.modifierExtension'],
    [
      'a modifierExtension of the channel',
      topical({ modifierExtension: [{ url: 'http://x' }] }),
      'Subscription.channel.modifierExtension',
    ],
    [
      'a heartbeat of a classic one',
      classic({ extension: [{ url: `${BP}heartbeat-period`, valueUnsignedInt: 5 }] }),
      'Subscription.channel.extension',
    ],
    [
      'a negative time-out',
      topical({ extension: [{ url: `${BP}timeout`, valueUnsignedInt: -1 }] }),
      'Subscription.channel.extension',
    ],
    ['a count of 0', topical({ extension: [{ url: `${BP}max-count`, valuePositiveInt: 0 }] }), 'Subscription.channel.extension'],
    ['an unknown status', classic({}, { status: 'entered-in-error' }), 'Subscription.status'],
    ['a rest-hook without endpoint', classic({ endpoint: undefined }), 'Subscription.channel.endpoint'],
  ])('%s', (_, resource, expression) => {
    expect(refusal(resource)).toEqual({ status: 422, expression });
  });

  test.each([
    'ftp://dest.example/x',
    'mailto:a@b.example',
    '/relative',
    'dest.example/hook',
    'javascript:alert(1)',
    'http://169.254.169.254/latest/meta-data',
    'http://169.254.1.1/',
    'http://0xa9fea9fe/',
    'http://2852039166/',
    'http://[::ffff:169.254.169.254]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[2002:a9fe:a9fe::1]/',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/',
    'http://100.100.100.200/',
    'http://metadata.google.internal/computeMetadata',
    'http://metadata.google.internal./computeMetadata',
  ])('the endpoint %s', (endpoint) => {
    expect(refusal(classic({ endpoint }))).toEqual({ status: 422, expression: 'Subscription.channel.endpoint' });
  });

  test.each([
    'Host: x',
    'content-length: 3',
    'Transfer-Encoding: chunked',
    'Connection: close',
    'Upgrade: h2c',
    'TE: trailers',
    'no colon',
    ': blank name',
    '  : blank name',
    'X-A: 1\r\nX-B: 2',
    'X-A: 1\nX-B: 2',
    'Bad Name: 1',
    'X-A: \u0001',
    'X-A: snow \u2603',
  ])('the header %j', (header) => {
    expect(refusal(classic({ header: ['X-Fine: 1', header] }))).toEqual({
      status: 422,
      expression: 'Subscription.channel.header[1]',
    });
  });

  test('each face takes its own FHIR version', () => {
    expect(parse(topical({ payload: 'application/fhir+json; fhirVersion=4.0.1' }), 'r4').channel.payload).toContain('4.0.1');
    expect(refusal(topical({ payload: 'application/fhir+json; fhirVersion=4.3' }), 'r4').status).toBe(422);
  });
});

test.each(['http://127.0.0.1:9000/hook', 'https://user@dest.example/x?y=1', 'http://[::1]:80/', 'http://10.0.0.7/'])(
  'the endpoint %s may be tried (what may be reached is decided at the socket)',
  (endpoint) => {
    expect(parse(classic({ endpoint })).channel.endpoint).toBe(endpoint);
  },
);
