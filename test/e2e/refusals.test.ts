import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Hub, startHub } from '../support/start-hub.js';
import { classicSubscription, Client, type FaceName, topicSubscription } from '../support/subscriber.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- tests bend resources */

/** What the hub would not honour is refused when it is asked for, with the element named; nothing is dropped in silence. */

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
afterAll(() => hub?.stop());

const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
const endpoint = 'http://127.0.0.1:9/hook';
const topical = (change: (subscription: any) => void = () => {}) => {
  const subscription = topicSubscription({ endpoint });
  change(subscription);
  return subscription;
};
const channel = (more: object) => topical((subscription) => Object.assign(subscription.channel, more));
const extended = (name: string, value: object) => channel({ extension: [{ url: BACKPORT + name, ...value }] });

const REFUSED: [what: string, subscription: object, element: string][] = [
  // Topic and criteria.
  ['an unknown topic', topicSubscription({ endpoint, topic: 'http://example.org/none' }), 'criteria'],
  [
    'an unknown version of a topic',
    topicSubscription({ endpoint, topic: 'https://carillon.example/topics/laboratory-result|99' }),
    'criteria',
  ],
  ['a search with a content level', topical((s) => (s.criteria = 'Observation?code=1')), 'criteria'],
  ['neither topic nor search', topical((s) => (s.criteria = 'everything')), 'criteria'],
  ['an undeclared filter', topicSubscription({ endpoint, filters: ['Observation?note=x'] }), 'criteria.extension[0]'],
  [
    'filters in an extension that is not the IG’s',
    topical((s) => {
      s._criteria = {
        extension: [{ url: 'http://hl7.org/fhir/5.0/StructureDefinition/backport-filter-criteria', valueString: 'patient=1' }],
      };
    }),
    'criteria.extension',
  ],
  // Channel.
  ['the channel sms', channel({ type: 'sms', endpoint: 'tel:+411' }), 'channel.type'],
  [
    'a custom channel that the hub does not have',
    channel({
      _type: { extension: [{ url: `${BACKPORT}channel-type`, valueCoding: { system: 'http://x', code: 'zulip' } }] },
    }),
    'channel.type.extension',
  ],
  // Payload.
  ['XML', channel({ payload: 'application/fhir+xml' }), 'channel.payload'],
  ['a MIME type that is no FHIR', channel({ payload: 'text/plain' }), 'channel.payload'],
  ['no payload', channel({ payload: undefined, _payload: undefined }), 'channel.payload'],
  ['no content level', channel({ _payload: undefined }), 'channel.payload'],
  [
    'a content level that is none',
    channel({ _payload: { extension: [{ url: `${BACKPORT}payload-content`, valueCode: 'everything' }] } }),
    'channel.payload.extension',
  ],
  ['R5', channel({ payload: 'application/fhir+json; fhirVersion=5.0' }), 'channel.payload'],
  ['an unknown MIME parameter', channel({ payload: 'application/fhir+json; pretty=yes' }), 'channel.payload'],
  ['an unknown extension of the channel', extended('colour', { valueString: 'red' }), 'channel.extension'],
  // Status and end.
  ['the status error', topical((s) => (s.status = 'error')), 'status'],
  ['an end that has passed', topicSubscription({ endpoint, end: '2020-01-01T00:00:00Z' }), 'end'],
  // What would change the meaning.
  ['a modifierExtension', topical((s) => (s.modifierExtension = [{ url: 'http://x', valueCode: 'y' }])), 'modifierExtension'],
  [
    'a modifierExtension of the channel',
    channel({ modifierExtension: [{ url: 'http://x', valueCode: 'y' }] }),
    'channel.modifierExtension',
  ],
  [
    'an element of R5 as an extension',
    topical((s) => {
      s.extension = [
        { url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.topic', valueCanonical: 'http://x' },
      ];
    }),
    'extension',
  ],
  ...[
    undefined,
    '/relative',
    'ftp://dest.example/',
    'mailto:a@b.example',
    'http://169.254.0.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://169.254.255.255/',
    'http://[fe80::1]/',
    'http://[::ffff:169.254.169.254]/',
    'http://2852039166/',
    'http://0xa9.0xfe.0xa9.0xfe/',
    'http://metadata.google.internal/',
    'http://100.100.100.200/',
    'http://[fd00:ec2::254]/',
  ].map((url): [string, object, string] => [`the endpoint ${url}`, channel({ endpoint: url }), 'channel.endpoint']),
  ...[
    'Host: x',
    'Content-Length: 3',
    'Content-Type: text/plain',
    'Transfer-Encoding: chunked',
    'Connection: close',
    'Keep-Alive: 5',
    'Proxy-Authorization: x',
    'TE: trailers',
    'Trailer: X',
    'Upgrade: h2c',
    'no colon',
    ': blank name',
    'X-A: 1\r\nX-B: 2',
    'X-A: 1\nX-B: 2',
    'X A: 1',
  ].map((line): [string, object, string] => [
    `the header ${JSON.stringify(line)}`,
    channel({ header: ['X-Fine: 1', line] }),
    'channel.header[1]',
  ]),
];

/** What FHIR itself forbids. */
const INVALID: [what: string, subscription: object][] = [
  ['no reason', topical((s) => delete s.reason)],
  ['no status', topical((s) => delete s.status)],
  ['no criteria', topical((s) => delete s.criteria)],
  ['no channel', topical((s) => delete s.channel)],
  ['a status that is none', topical((s) => (s.status = 'asleep'))],
  ['null for an element', topical((s) => (s.end = null))],
  ['null in a list', channel({ header: [null] })],
  ['an empty list', channel({ header: [] })],
  ['an empty string', topical((s) => (s.reason = ''))],
  ['an element that Subscription does not have', topical((s) => (s.topic = 'http://x'))],
  ['a channel type that is none', channel({ type: 'pigeon' })],
  ['a negative heartbeat period', extended('heartbeat-period', { valueUnsignedInt: -1 })],
  ['a negative time-out', extended('timeout', { valueUnsignedInt: -5 })],
  ['a max-count of 0', extended('max-count', { valuePositiveInt: 0 })],
];

describe.each<FaceName>(['r4b', 'r4'])('in the face %s', (face) => {
  const client = () => new Client(hub, face);

  test.each(REFUSED)('%s is refused, at creation as at update', async (_, subscription, element) => {
    const refusal = {
      status: 422,
      type: 'OperationOutcome',
      expression: [`Subscription.${element}`],
    };
    const posted = await client().send('POST', 'Subscription', subscription);
    expect({
      status: posted.status,
      type: posted.body.resourceType,
      expression: posted.body.issue[0].expression,
    }).toEqual(refusal);
    const put = await client().send('PUT', 'Subscription/refused', { ...subscription, id: 'refused' });
    expect({ status: put.status, expression: put.body.issue[0].expression }).toMatchObject({
      status: 422,
      expression: refusal.expression,
    });
    expect((await client().send('GET', 'Subscription/refused')).status).toBe(404);
  });

  test.each(INVALID)('%s is refused', async (_, subscription) => {
    const { status, body } = await client().send('POST', 'Subscription', subscription);
    expect([400, 422]).toContain(status);
    expect(body.resourceType).toBe('OperationOutcome');
    expect(body.issue[0].expression?.[0] ?? body.issue[0].diagnostics).toBeTruthy();
  });

  test('a version of FHIR that the face does not speak is refused, its own is taken and sent back as written', async () => {
    const [own, other] = face === 'r4b' ? ['4.3', '4.0'] : ['4.0', '4.3'];
    const payload = `application/fhir+json; fhirVersion=${own}`;
    expect((await client().create(channel({ payload }))).channel.payload).toBe(payload);
    const refused = await client().send('POST', 'Subscription', channel({ payload: payload.replace(own!, other!) }));
    expect(refused).toMatchObject({ status: 422, body: { issue: [{ expression: ['Subscription.channel.payload'] }] } });
  });

  test.each([
    ['a heartbeat', { extension: [{ url: `${BACKPORT}heartbeat-period`, valueUnsignedInt: 5 }] }, 'channel.extension'],
    ['XML', { payload: 'application/fhir+xml' }, 'channel.payload'],
    ['an endpoint of another scheme', { endpoint: 'ftp://dest.example/' }, 'channel.endpoint'],
    ['a header that cannot be sent', { header: ['no colon'] }, 'channel.header[0]'],
  ])('of a classic Subscription too: %s', async (_, more, element) => {
    const { status, body } = await client().send('POST', 'Subscription', classicSubscription(endpoint, more));
    expect({ status, expression: body.issue[0].expression }).toEqual({ status: 422, expression: [`Subscription.${element}`] });
  });

  test('nothing of all that was stored', async () => {
    const all = (await client().send('GET', 'Subscription?_count=100')).body.entry ?? [];
    for (const { resource } of all) expect(resource.channel.payload).toContain('fhirVersion');
  });
});
