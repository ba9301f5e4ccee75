/* eslint-disable @typescript-eslint/no-explicit-any -- tests look into any resource */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { type Behaviour, EndpointReceiver, type Received } from '../support/endpoint-receiver.js';
import { signingExtension, signingSecret } from '../support/secret-resources.js';
import { type Hub, startHub } from '../support/start-hub.js';
import {
  classicSubscription,
  Client,
  type FaceName,
  isOfType,
  labResult,
  readNotification,
  topicSubscription,
  type TopicSubscription,
} from '../support/subscriber.js';

let hub: Hub;
let receiver: EndpointReceiver;

beforeAll(async () => {
  [hub, receiver] = await Promise.all([
    startHub({ env: { DELIVERY_BACKOFF_MILLISECONDS: '50' } }),
    EndpointReceiver.start(({ path }) => answers.get(path)?.shift() ?? 200),
  ]);
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
});

/** What is answered next at a path; then 200. */
const answers = new Map<string, (Behaviour | number)[]>();

/** Throws unless the call was signed with this secret, as the library of Standard Webhooks sees it, over the bytes that came. */
function verify({ headers, body }: Received, secret: string): void {
  new Webhook(secret).verify(body, headers as Record<string, string>, { jsonParse: false });
}

function withSecrets(subscription: Record<string, any>, ...secrets: string[]): Record<string, any> {
  const { extension = [], ...channel } = subscription.channel;
  return { ...subscription, channel: { extension: [...extension, ...secrets.map(signingExtension)], ...channel } };
}

const signed = (path: string, secrets: string[], options: TopicSubscription = {}) =>
  withSecrets(topicSubscription({ endpoint: receiver.url(path), content: 'full-resource', ...options }), ...secrets);
const at = (path: string) => (request: Received) => request.path === path;
const events = (path: string) => (request: Received) => request.path === path && isOfType('event-notification')(request);

describe.each<FaceName>(['r4b', 'r4'])('signed calls in the face %s', (face) => {
  const client = () => new Client(hub, face);

  test('handshake and notification verify, over the exact bytes of text and decimals; a changed byte does not', async () => {
    const path = `/${face}/bytes`;
    const secret = signingSecret();
    const { id } = await client().create(signed(path, [secret]));
    await client().untilStatus(id, 'active');
    await client().create(labResult('1.00', { note: [{ text: 'Größe, 数値, 🔔 \\u00e9' }] }), 'Observation');
    const event = await receiver.waitFor(events(path));
    expect(event.text).toContain('"value":1.00');
    expect(event.text).toContain('Größe, 数値, 🔔');
    const handshake = receiver.received.find(at(path))!;
    expect(readNotification(handshake.json).type).toBe('handshake');
    for (const request of [handshake, event]) {
      verify(request, secret);
      expect(request.headers['webhook-signature']).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
      expect(request.headers['webhook-timestamp']).toMatch(/^\d{10}$/);
      const changed = Buffer.from(request.body);
      changed[changed.length - 5]! ^= 1;
      expect(() => verify({ ...request, body: changed }, secret)).toThrow('No matching signature');
      expect(() => verify(request, signingSecret())).toThrow('No matching signature');
    }
    expect(event.headers['webhook-id']).toContain(`${id}.1-1.`);
  });

  test('while a secret is replaced both sign, the current one first; there is no new handshake and no gap', async () => {
    const path = `/${face}/rotation`;
    const [first, second] = [signingSecret(24), signingSecret(64)];
    const { id } = await client().create(signed(path, [first]));
    const active = await client().untilStatus(id, 'active');
    await client().result();
    verify((await receiver.waitForCount(1, events(path)))[0]!, first);

    const both = await client().send('PUT', `Subscription/${id}`, { ...signed(path, [second, first]), id, status: 'active' });
    expect({ status: both.status, state: both.body.status }).toEqual({ status: 200, state: 'active' });
    expect(both.body.meta.versionId).not.toBe(active.meta.versionId);
    await client().result();
    const [, during] = await receiver.waitForCount(2, events(path));
    for (const secret of [first, second]) verify(during!, secret);
    const [one, two, ...more] = String(during!.headers['webhook-signature']).split(' ');
    expect(more).toEqual([]);
    for (const [signature, secret] of [
      [one!, second],
      [two!, first],
    ] as const)
      verify({ ...during!, headers: { ...during!.headers, 'webhook-signature': signature } }, secret);

    expect((await client().send('PUT', `Subscription/${id}`, { ...signed(path, [second]), id, status: 'active' })).status).toBe(
      200,
    );
    await client().result();
    const [, , after] = await receiver.waitForCount(3, events(path));
    verify(after!, second);
    expect(() => verify(after!, first)).toThrow('No matching signature');
    expect(receiver.received.filter(at(path)).filter(isOfType('handshake'))).toHaveLength(1);
    expect(receiver.received.filter(events(path)).map(({ json }) => readNotification(json).events[0]!.number)).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  test('each try is signed with its own time, under the same id', async () => {
    const path = `/${face}/retry`;
    const secret = signingSecret();
    const { id } = await client().create(signed(path, [secret]));
    await client().untilStatus(id, 'active');
    answers.set(path, [{ kind: 'status', status: 503, headers: { 'Retry-After': '1' } }, { kind: 'drop' }]);
    await client().result();
    const tries = await receiver.waitForCount(3, events(path));
    for (const request of tries) verify(request, secret);
    expect(new Set(tries.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(tries[0]!.headers['webhook-id']).toContain(`${id}.1-1.`);
    const [first, second] = tries.map(({ headers }) => Number(headers['webhook-timestamp']));
    expect(second).toBeGreaterThan(first!);
  });

  test('several events in one bundle, and a heartbeat, are signed as well', async () => {
    const path = `/${face}/bundle`;
    const secret = signingSecret();
    const { id } = await client().create(signed(path, [secret], { maxCount: 10, heartbeat: 1 }));
    await client().untilStatus(id, 'active');
    // In one transaction, so that they are owed at one moment.
    const entry = [1, 2, 3].map((value) => ({
      resource: JSON.parse(labResult(value)),
      request: { method: 'POST', url: 'Observation' },
    }));
    expect((await client().send('POST', '', { resourceType: 'Bundle', type: 'transaction', entry })).status).toBe(200);
    const bundle = await receiver.waitFor(events(path));
    expect(readNotification(bundle.json).events).toHaveLength(3);
    verify(bundle, secret);
    const heartbeat = await receiver.waitFor((request) => at(path)(request) && isOfType('heartbeat')(request));
    verify(heartbeat, secret);
  });

  test('the resource of a classic Subscription with payload, and the empty call of one without', async () => {
    const secret = signingSecret();
    const paths = [`/${face}/classic`, `/${face}/empty`];
    await client().create(withSecrets(classicSubscription(receiver.url(paths[0]), { payload: 'application/fhir+json' }), secret));
    await client().create(withSecrets(classicSubscription(receiver.url(paths[1])), secret));
    const { id } = await client().result('7.10');
    const put = await receiver.waitFor((request) => request.path === `${paths[0]}/Observation/${id}`);
    const post = await receiver.waitFor(at(paths[1]!));
    expect([put.method, post.method, post.body.length]).toEqual(['PUT', 'POST', 0]);
    for (const request of [put, post]) {
      verify(request, secret);
      expect(request.headers['webhook-id']).toBeDefined();
    }
  });

  test('messages are signed under the id of their notification', async () => {
    const path = `/${face}/messages`;
    const secret = signingSecret();
    const { id } = await client().create(signed(path, [secret], { type: 'message' }));
    await client().untilStatus(id, 'active');
    await client().result('1.50');
    const [handshake, event] = await receiver.waitForCount(2, at(`${path}/$process-message`));
    for (const request of [handshake!, event!]) verify(request, secret);
    expect(event!.headers['webhook-id']).toContain(`${id}.1-1.`);
  });

  test('without a secret nothing is signed', async () => {
    const path = `/${face}/unsigned`;
    const { id } = await client().create(topicSubscription({ endpoint: receiver.url(path) }));
    await client().untilStatus(id, 'active');
    const { headers } = await receiver.waitFor(at(path));
    expect(headers['webhook-id']).toBeDefined();
    expect(headers['webhook-signature']).toBeUndefined();
    expect(headers['webhook-timestamp']).toBeUndefined();
  });
});

describe('a signing secret that cannot be used is refused with its element, and not repeated', () => {
  const client = () => new Client(hub);
  const refusalOf = async (subscription: object) => {
    const { status, body, text } = await client().send('POST', 'Subscription', subscription);
    return { status, expression: body.issue[0].expression?.[0], text };
  };

  test.each([
    ['too short', signingSecret(23)],
    ['too long', signingSecret(65)],
    ['without its prefix', signingSecret().slice(6)],
    ['not base64', 'whsec_this is not base64, is it now?'],
  ])('%s', async (_what, secret) => {
    const { status, expression, text } = await refusalOf(signed('/refused', [signingSecret(), secret]));
    expect({ status, expression }).toEqual({ status: 422, expression: 'Subscription.channel.extension[1].valueString' });
    expect(text).not.toContain(secret.slice(6, 16));
  });

  test('one by a character that no string of FHIR may hold', async () => {
    const secret = `${signingSecret()}\u0000`;
    const { status, text } = await refusalOf(signed('/refused', [secret]));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(text).not.toContain(secret.slice(6, 16));
  });

  test('more than three', async () => {
    const secrets = [1, 2, 3, 4].map(() => signingSecret());
    const { status, expression } = await refusalOf(signed('/refused', secrets));
    expect({ status, expression }).toEqual({ status: 422, expression: 'Subscription.channel.extension[3]' });
  });

  test.each(['websocket', 'email'])('on the channel %s, where nothing is called', async (type) => {
    const subscription = withSecrets(
      type === 'email' ? classicSubscription('mailto:a@b.example') : classicSubscription(undefined),
      signingSecret(),
    );
    subscription.channel.type = type;
    const { status, expression } = await refusalOf(subscription);
    expect({ status, expression }).toEqual({ status: 422, expression: 'Subscription.channel.extension[0]' });
  });

  test.each(['webhook-id', 'Webhook-Timestamp', 'webhook-signature'])(
    'a header %s of the client, as the hub writes it',
    async (name) => {
      const subscription = topicSubscription({ endpoint: receiver.url('/refused'), headers: [`${name}: mine`] });
      const { status, expression } = await refusalOf(subscription);
      expect({ status, expression }).toEqual({ status: 422, expression: 'Subscription.channel.header[0]' });
    },
  );
});
