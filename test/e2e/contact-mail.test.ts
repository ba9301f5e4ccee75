import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { MailReceiver } from '../support/mail-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, isOfType, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

let hub: Hub;
let client: Client;
let mails: MailReceiver;
const receivers: EndpointReceiver[] = [];
const env = { MAIL_FROM: 'hub@carillon.example', DELIVERY_FAILURES_UNTIL_ERROR: '2', DELIVERY_BACKOFF_MILLISECONDS: '100' };

beforeAll(async () => {
  mails = await MailReceiver.start();
  hub = await startHub({ env: { ...env, SMTP_URL: mails.url } });
  client = new Client(hub);
});
afterAll(async () => {
  await Promise.all(receivers.map((receiver) => receiver.close()));
  await hub?.stop();
  await mails?.close();
});

async function receiver(): Promise<EndpointReceiver> {
  const started = await EndpointReceiver.start();
  receivers.push(started);
  return started;
}

const events = isOfType('event-notification');
const withContacts = (endpoint: EndpointReceiver, names: string[], options: Parameters<typeof topicSubscription>[0] = {}) => ({
  ...topicSubscription({ endpoint: endpoint.url(), ...options }),
  contact: names.map((name) => ({ system: 'email', value: `${name}@example.org` })),
});

test('its contacts are told once when deliveries fail: what, since when, why, how much waits and what to do, and nothing of the content', async () => {
  const endpoint = await receiver();
  const { id } = await client.create(
    withContacts(endpoint, ['first', 'second'], { content: 'full-resource', headers: ['Authorization: Bearer topsecret77'] }),
  );
  await client.untilStatus(id, 'active');
  endpoint.always({ kind: 'status', status: 503, body: 'Bearer topsecret77' });
  await client.result('4711.25');
  await client.untilStatus(id, 'error');
  for (const name of ['first', 'second']) {
    const [mail] = await mails.waitForCount(`${name}@example.org`, 1);
    expect(mail!.headers).toMatchObject({
      subject: 'FHIR subscription: notifications cannot be delivered',
      from: 'hub@carillon.example',
      'auto-submitted': 'auto-generated',
    });
    const { text } = mail!.parts[0]!;
    expect(text).toContain(`${client.base}/Subscription/${id}`);
    expect(text).toContain('HTTP 503');
    expect(text).toMatch(/Since: \d{4}-\d\d-\d\dT/);
    expect(text).toContain('Events that wait: 1');
    expect(text).toContain('requested');
    expect(text).not.toMatch(/topsecret77|4711|Observation/);
  }

  // Back again and down again within the hour: no further mail, though others get theirs.
  endpoint.always(200);
  await client.untilStatus(id, 'active');
  endpoint.always(500);
  await client.result();
  await client.untilStatus(id, 'error');
  const other = await receiver();
  other.always(500);
  await client.create(withContacts(other, ['third']));
  await mails.waitForCount('third@example.org', 1);
  expect(mails.to('first@example.org')).toHaveLength(1);
});

test('an endpoint that is gone: its contacts are told that it is off, with the reason', async () => {
  const endpoint = await receiver();
  const { id } = await client.create(withContacts(endpoint, ['gone']));
  await client.untilStatus(id, 'active');
  endpoint.always(410);
  await client.result();
  await client.untilStatus(id, 'off');
  const [mail] = await mails.waitForCount('gone@example.org', 1);
  expect(mail!.headers['subject']).toBe('FHIR subscription: switched off after failures');
  expect(mail!.parts[0]!.text).toContain('HTTP 410');
});

test('what its owner switches off, and what ends by itself, is no failure: nobody is told', async () => {
  const endpoint = await receiver();
  const ending = await client.createEnding(withContacts(endpoint, ['quiet']));
  const paused = await client.create(withContacts(endpoint, ['quiet']));
  const read = await client.untilStatus(paused.id, 'active');
  await client.send('PUT', `Subscription/${paused.id}`, { ...read, status: 'off' });
  await client.untilStatus(ending.id, 'off');
  const failing = await receiver();
  failing.always(410);
  await client.create(withContacts(failing, ['loud']));
  await mails.waitForCount('loud@example.org', 1);
  expect(mails.to('quiet@example.org')).toEqual([]);
});

test('a mail server that never says a word costs deliveries nothing', async () => {
  const silent = createServer();
  const sockets = new Set<{ destroy(): void }>();
  silent.on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const deaf = await startHub({
    env: { ...env, SMTP_URL: `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`, SHUTDOWN_GRACE_SECONDS: '1' },
  });
  try {
    const its = new Client(deaf);
    const [failing, healthy] = [await receiver(), await receiver()];
    const { id } = await its.create(withContacts(failing, ['nobody']));
    const well = await its.create(topicSubscription({ endpoint: healthy.url() }));
    await its.untilStatus(id, 'active');
    await its.untilStatus(well.id, 'active');
    failing.always(500);
    await its.result(1);
    await its.untilStatus(id, 'error');
    await waitFor(() => sockets.size > 0, { what: 'the hub to call the mail server' });
    for (let value = 2; value <= 4; value += 1) await its.result(value);
    await healthy.waitForCount(4, events);
    failing.always(200);
    await failing.waitForCount(4, (request) => events(request));
    await its.untilStatus(id, 'active');
  } finally {
    for (const socket of sockets) socket.destroy();
    await deaf.stop();
    await new Promise((resolve) => silent.close(resolve));
  }
});
