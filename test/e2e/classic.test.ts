import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { classicSubscription, Client, type FaceName, labResult } from '../support/subscriber.js';

/** Subscriptions whose criteria are a search: https://hl7.org/fhir/R4B/subscription.html */

let hub: Hub;
let receiver: EndpointReceiver;

beforeAll(async () => {
  [hub, receiver] = await Promise.all([startHub({ env: { DELIVERY_BACKOFF_MILLISECONDS: '150' } }), EndpointReceiver.start()]);
});
afterAll(async () => {
  await receiver?.close();
  await hub?.stop();
});

describe.each<FaceName>(['r4b', 'r4'])('in the face %s', (face) => {
  const client = () => new Client(hub, face);
  /** Criteria of this face's tests alone, so that those of the other face say nothing. */
  const criteria = `Observation?code=http://loinc.org|${face}`;
  const result = (status: string) => labResult(1, { status, code: { coding: [{ system: 'http://loinc.org', code: face }] } });

  test('without payload: an empty POST for each match, with the headers asked for, and no handshake', async () => {
    const path = `/${face}/bare`;
    const { status } = await client().create({
      ...classicSubscription(receiver.url(path), { header: ['Authorization: Bearer x', 'X-Two: a: b'] }),
      criteria,
    });
    expect(status).toBe('active');
    await client().create(result('final'), 'Observation');
    await client().create(result('final'), 'Observation');
    const told = await receiver.waitForCount(2, (request) => request.path === path);
    expect(told).toHaveLength(2);
    for (const request of told) {
      expect(request).toMatchObject({ method: 'POST', text: '' });
      expect(request.headers).toMatchObject({ authorization: 'Bearer x', 'x-two': 'a: b' });
    }
  });

  test('with payload: a PUT of the exact resource under the endpoint, for creates and updates', async () => {
    await client().create({
      ...classicSubscription(receiver.url(`/${face}/mirror/`), { payload: 'application/fhir+json', header: ['X-Key: k'] }),
      criteria,
    });
    const { id } = await client().create(result('final').replace('"value":1', '"value":0.10'), 'Observation');
    const created = (await client().send('GET', `Observation/${id}`)).text;
    await client().send('PUT', `Observation/${id}`, JSON.stringify({ ...JSON.parse(result('amended')), id }));
    const updated = (await client().send('GET', `Observation/${id}`)).text;
    const path = `/${face}/mirror/Observation/${id}`;
    const told = await receiver.waitForCount(2, (request) => request.path === path);
    expect(told.map(({ method, text }) => ({ method, text }))).toEqual([
      { method: 'PUT', text: created },
      { method: 'PUT', text: updated },
    ]);
    expect(created).toContain('"value":0.10');
    for (const { headers } of told) expect(headers).toMatchObject({ 'content-type': 'application/fhir+json', 'x-key': 'k' });
  });

  test('a match by the new state: every create and update that matches, none that stops matching, no delete', async () => {
    const path = `/${face}/state`;
    const { id: subscription } = await client().create({
      ...classicSubscription(receiver.url(path)),
      criteria: `${criteria}&status=final`,
    });
    const { id } = await client().create(result('preliminary'), 'Observation'); // no match
    const put = (status: string, n: number) =>
      client().send('PUT', `Observation/${id}`, { ...JSON.parse(result(status)), id, note: [{ text: `${n}` }] });
    await put('final', 1); // 1: comes to match
    await put('final', 2); // 2: still matches
    await put('amended', 3); // stops matching
    await put('final', 4); // 3
    await client().send('DELETE', `Observation/${id}`); // a delete
    await client().create(result('final'), 'Observation'); // 4
    await receiver.waitForCount(4, (request) => request.path === path);
    const { body } = await client().send('GET', `Subscription/${subscription}/$events`);
    const status = body.entry[0].resource;
    const total =
      face === 'r4b'
        ? status.eventsSinceSubscriptionStart
        : status.parameter.find(({ name }: { name: string }) => name === 'events-since-subscription-start').valueString;
    expect(total).toBe('4');
    expect(receiver.to(path)).toHaveLength(4);
  });

  test.each([
    ['Basic', 'a type alone means all of it'],
    ['Basic?', 'so does an empty search'],
    ['/Basic?code=x', 'a leading slash is taken off'],
    ['Basic?code=x,y', 'a comma means or'],
    ['Basic?code=x&author=Practitioner/1', 'repetition means and'],
    ['Basic?code=http%3A%2F%2Fx%7Cx', 'encoded'],
    ['Basic?code=http://x|x', 'or plain'],
  ])('criteria %s: %s', async (search) => {
    const path = `/${face}/${encodeURIComponent(search)}`;
    await client().create({ ...classicSubscription(receiver.url(path)), criteria: search });
    await client().send('POST', 'Basic', {
      resourceType: 'Basic',
      code: { coding: [{ system: 'http://x', code: 'x' }] },
      author: { reference: 'Practitioner/1' },
    });
    await receiver.waitFor((request) => request.path === path);
  });

  test.each([
    ['Nonsense?code=1', 'no type'],
    ['Observation?no-such=1', 'an unknown parameter'],
    ['Observation?code:exact=1', 'a modifier that the parameter does not have'],
    ['Observation?date=soon', 'a value that is none'],
    ['Observation?patient.no-such=x', 'a chain to an unknown parameter'],
    ['Observation?_has:Provenance:target:agent.name=x', 'a link behind _has'],
    ['patients, please', 'no search'],
    ['observation?code=1', 'a type in small letters'],
  ])('criteria %s are refused: %s', async (search) => {
    const { status, body } = await client().send('POST', 'Subscription', {
      ...classicSubscription(receiver.url()),
      criteria: search,
    });
    expect({ status, expression: body.issue[0].expression }).toEqual({ status: 422, expression: ['Subscription.criteria'] });
  });

  test('a refused delivery is tried again; a lasting failure shows error, a success leads back', async () => {
    const failing = await EndpointReceiver.start(500);
    try {
      const { id } = await client().create({ ...classicSubscription(failing.url()), criteria: 'Flag' });
      const flag = { resourceType: 'Flag', status: 'active', code: { text: 'x' }, subject: { reference: 'Patient/p' } };
      await client().create(flag, 'Flag');
      expect((await client().untilStatus(id, 'error')).error).toContain('HTTP 500');
      failing.always(200);
      failing.clear();
      expect((await client().untilStatus(id, 'active')).error).toBeUndefined();
      expect(failing.received).toHaveLength(1);
      await client().send('DELETE', `Subscription/${id}`);
    } finally {
      await failing.close();
    }
  });
});

test('what only shapes results neither filters nor opens the criteria', async () => {
  const client = new Client(hub);
  for (const more of ['_count=1', '_sort=date', '_format=json', '_summary=true', '_include=Observation:patient'])
    await client.create({
      ...classicSubscription(receiver.url('/shaped')),
      criteria: `Observation?code=http://x|shaped&${more}`,
    });
  await client.create(classicSubscription(receiver.url('/marker')));
  await client.result();
  await client.create(labResult(1, { code: { coding: [{ system: 'http://x', code: 'shaped' }] } }), 'Observation');
  await receiver.waitForCount(5, ({ path }) => path === '/shaped');
  await client.result();
  await receiver.waitForCount(2, ({ path }) => path === '/marker');
  expect(receiver.to('/shaped')).toHaveLength(5);
});
