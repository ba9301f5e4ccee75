import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MailReceiver } from '../support/mail-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import {
  classicSubscription,
  Client,
  type FaceName,
  LAB_TOPIC,
  readNotification,
  topicSubscription,
} from '../support/subscriber.js';

let hub: Hub;
let withoutMail: Hub;
let mails: MailReceiver;

beforeAll(async () => {
  mails = await MailReceiver.start();
  [hub, withoutMail] = await Promise.all([
    startHub({
      env: {
        SMTP_URL: mails.url,
        MAIL_FROM: 'hub@carillon.example',
        DELIVERY_FAILURES_UNTIL_ERROR: '2',
        DELIVERY_BACKOFF_MILLISECONDS: '100',
      },
    }),
    startHub(),
  ]);
});
afterAll(async () => {
  await Promise.all([hub?.stop(), withoutMail?.stop()]);
  await mails?.close();
});

const byMail = (name: string, options: Parameters<typeof topicSubscription>[0] = {}) =>
  topicSubscription({ type: 'email', endpoint: `mailto:${name}@example.org`, payload: 'text/plain', ...options });

describe.each<FaceName>(['r4b', 'r4'])('email in the face %s', (face) => {
  const client = () => new Client(hub, face);
  const address = (name: string) => `${name}-${face}@example.org`;

  test('the 201 says requested; a first mail leads to active, and each notification is one mail, in order', async () => {
    const created = await client().create(byMail(`doctor-${face}`, { headers: ['Subject: Laboratory – results'] }));
    expect(created.status).toBe('requested');
    await client().untilStatus(created.id, 'active');
    const results = [await client().result(1), await client().result(2)];
    const [first, ...events] = await mails.waitForCount(address('doctor'), 3);
    expect(first).toMatchObject({ from: 'hub@carillon.example', to: [address('doctor')] });
    expect(first!.parts[0]!.text).toContain(`${client().base}/Subscription/${created.id}`);
    expect(events.map(({ headers }) => headers['message-id'])).toEqual(
      [1, 2].map((number) => expect.stringMatching(`^<${created.id}\\.${number}-${number}\\.[0-9a-f]{8}@carillon\\.example>$`)),
    );
    for (const [index, mail] of events.entries()) {
      expect(mail.parts).toHaveLength(1);
      expect(mail.parts[0]!.type).toBe('text/plain');
      expect(mail.parts[0]!.text).toContain(`${index + 1}: ${client().base}/Observation/${results[index].id}`);
      expect(mail.headers['subject']).toBe('=?UTF-8?Q?Laboratory_=E2=80=93_results?=');
      expect(mail.headers['auto-submitted']).toBe('auto-generated');
    }
  });

  test('the notification is attached where that is asked for, in the words of the face', async () => {
    const created = await client().create(
      byMail(`machine-${face}`, { payload: 'text/html;attach=application/fhir+json', content: 'full-resource' }),
    );
    await client().untilStatus(created.id, 'active');
    const { id } = await client().result('1.50');
    const [handshake, event] = await mails.waitForCount(address('machine'), 2);
    expect(handshake!.parts.map(({ type }) => type)).toEqual(['text/html', 'application/fhir+json']);
    expect(readNotification(JSON.parse(handshake!.parts[1]!.text))).toMatchObject({ type: 'handshake' });
    const attached = event!.parts[1]!;
    expect(attached.filename).toBe('notification.json');
    expect(attached.text).toContain('"value":1.50');
    const bundle = JSON.parse(attached.text);
    expect(bundle.entry[0].resource.resourceType).toBe(face === 'r4b' ? 'SubscriptionStatus' : 'Parameters');
    expect(readNotification(bundle)).toMatchObject({
      type: 'event-notification',
      topic: LAB_TOPIC,
      events: [{ number: '1', focus: `${client().base}/Observation/${id}` }],
    });
    expect(event!.parts[0]!.text).toContain(`<li>1: ${client().base}/Observation/${id}</li>`);
  });

  test('an empty notification tells nothing of the event, in body and attachment', async () => {
    const created = await client().create(
      byMail(`stranger-${face}`, { payload: 'text/plain;attach="application/fhir+json"', content: 'empty' }),
    );
    await client().untilStatus(created.id, 'active');
    const { id } = await client().result();
    const [, event] = await mails.waitForCount(address('stranger'), 2);
    const everything = JSON.stringify(event);
    expect(everything).not.toContain(id);
    expect(everything).not.toContain(LAB_TOPIC);
    expect(everything).not.toContain('Observation');
    expect(event!.parts[0]!.text).toContain('event 1');
  });

  test('resources stand in the body where nothing is attached', async () => {
    const created = await client().create(byMail(`reader-${face}`, { content: 'full-resource' }));
    await client().untilStatus(created.id, 'active');
    await client().result('2.50');
    const [, event] = await mails.waitForCount(address('reader'), 2);
    expect(event!.parts[0]!.text).toContain('"value": 2.50');
  });

  test.each([
    ['payload', { payload: 'application/fhir+json' }],
    ['payload', { payload: 'text/plain;attach=application/fhir+xml' }],
    ['payload', { payload: 'text/markdown' }],
    ['payload', { payload: 'text/plain;format=flowed' }],
    ['endpoint', { endpoint: 'http://127.0.0.1:9/' }],
    ['endpoint', { endpoint: 'mailto:a@example.org,b@example.org' }],
    ['endpoint', { endpoint: 'mailto:a@example.org?bcc=b@example.org' }],
    ['endpoint', { endpoint: 'mailto:a%0D%0ABcc:b@example.org' }],
    ['endpoint', { endpoint: 'mailto:' }],
    ['header[0]', { headers: ['Bcc: b@example.org'] }],
    ['header[1]', { headers: ['Subject: a', 'Subject: b'] }],
  ])('refuses what it cannot honour: %s of %j', async (element, options) => {
    const { status, body } = await client().send('POST', 'Subscription', byMail('never', options));
    expect({ status, expression: body.issue[0].expression }).toEqual({
      status: 422,
      expression: [`Subscription.channel.${element}`],
    });
  });

  test('refuses mail without a mail server, and sms altogether', async () => {
    const refusal = (hub: Hub, options: object) => new Client(hub, face).send('POST', 'Subscription', byMail('never', options));
    for (const { status, body } of [await refusal(withoutMail, {}), await refusal(hub, { type: 'sms', endpoint: 'tel:1' })]) {
      expect({ status, expression: body.issue[0].expression }).toEqual({
        status: 422,
        expression: ['Subscription.channel.type'],
      });
    }
  });
});

test('a classic Subscription gets one mail for each match, without a first one', async () => {
  const client = new Client(hub);
  const channel = (name: string, payload?: string) => ({
    type: 'email',
    endpoint: `mailto:${name}@example.org`,
    ...(payload === undefined ? {} : { payload }),
  });
  const bare = await client.create(classicSubscription(undefined, channel('bare')));
  expect(bare.status).toBe('active');
  await client.create(classicSubscription(undefined, channel('whole', 'text/plain;attach=application/fhir+json')));
  const { id } = await client.result('3.50');
  const [mail, ...more] = await mails.waitForCount('bare@example.org', 1);
  expect(more).toEqual([]);
  expect(mail!.parts[0]!.text).not.toContain(id);
  const [whole] = await mails.waitForCount('whole@example.org', 1);
  expect(whole!.parts[0]!.text).toContain(`${client.base}/Observation/${id}`);
  expect(whole!.parts[1]).toMatchObject({ filename: `Observation-${id}.json`, type: 'application/fhir+json' });
  expect(whole!.parts[1]!.text).toBe((await client.send('GET', `Observation/${id}`)).text);
});

test('a 4xx of the mail server is tried again, a 5xx shows as error; both heal, and nothing is lost', async () => {
  const client = new Client(hub);
  const failing = new Set(['busy@example.org', 'full@example.org']);
  const refused = new Map<string, number>();
  mails.answerWith((to) => {
    if (!failing.has(to)) return undefined;
    refused.set(to, (refused.get(to) ?? 0) + 1);
    if (to === 'busy@example.org' && refused.get(to)! > 1) return undefined;
    return to === 'busy@example.org' ? 451 : 552;
  });
  const busy = await client.create(byMail('busy'));
  await client.untilStatus(busy.id, 'active');
  expect(refused.get('busy@example.org')).toBe(2);
  const full = await client.create(byMail('full'));
  expect((await client.untilStatus(full.id, 'error')).error).toContain('SMTP 552');
  await client.result();
  failing.clear();
  await client.untilStatus(full.id, 'active');
  expect((await mails.waitForCount('full@example.org', 2))[1]!.parts[0]!.text).toContain('event 1');
});

test('heartbeats come by mail only where a period was asked for', async () => {
  const client = new Client(hub);
  const quiet = await client.create(byMail('quiet'));
  await client.untilStatus(quiet.id, 'active');
  await client.create(byMail('beat', { heartbeat: 1 }));
  const beats = await mails.waitForCount('beat@example.org', 3);
  expect(beats[1]!.headers['subject']).toContain('no news');
  expect(mails.to('quiet@example.org')).toHaveLength(1);
});
