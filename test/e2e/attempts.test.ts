import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { validateResource } from '../../src/fhir/validate-resource.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { partsOf, type Parts } from '../support/parameters.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, type FaceName, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

let hub: Hub;
let receiver: EndpointReceiver;
let database: TestDatabase;

beforeAll(async () => {
  database = await cloneDatabase();
  [hub, receiver] = await Promise.all([startHub({ database }), EndpointReceiver.start()]);
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
  await database?.drop();
});

async function attempts(client: Client, id: string, query = ''): Promise<Parts[]> {
  const { status, body } = await client.send('GET', `Subscription/${id}/$attempts${query}`);
  expect(status).toBe(200);
  return partsOf(body, 'attempt');
}

const untilAttempts = (client: Client, id: string, count: number, query = '') =>
  waitFor(
    async () => {
      const found = await attempts(client, id, query);
      return found.length >= count && found;
    },
    { what: `${count} attempts of ${id}`, milliseconds: 60_000 },
  );

describe.each<FaceName>(['r4b', 'r4'])('$attempts in the face %s', (face) => {
  test('tells of every try, newest first: numbers, answer, time, and when the next one is', async () => {
    const client = new Client(hub, face);
    const path = `/hook-${face}`;
    const { id } = await client.create(topicSubscription({ endpoint: receiver.url(path) }));
    await client.untilStatus(id, 'active');
    let refused = 0;
    receiver.always((request) =>
      request.path === path && refused++ === 0 ? { kind: 'status', status: 503, body: 'closed for lunch' } : 200,
    );
    await client.result(1);
    const [, failed, greeted] = await untilAttempts(client, id, 3);
    expect(greeted).toMatchObject({ kind: 'handshake', outcome: 'accepted', httpStatus: 200 });
    expect(greeted).not.toHaveProperty('nextAttempt');
    expect(failed).toMatchObject({
      kind: 'event-notification',
      outcome: 'retry',
      firstNumber: 1,
      lastNumber: 1,
      httpStatus: 503,
      reason: 'error-response: HTTP 503',
      answer: 'closed for lunch',
    });
    expect(Date.parse(String(failed!['nextAttempt'])) - Date.parse(String(failed!['at']))).toBeGreaterThanOrEqual(1000);

    const all = await untilAttempts(client, id, 1, '?outcome=accepted&number=1');
    expect(all).toHaveLength(1);
    expect(await attempts(client, id, '?outcome=give-up')).toEqual([]);
    const since = encodeURIComponent(String(failed!['at']));
    expect(await attempts(client, id, `?until=${since}&outcome=retry`)).toEqual([failed]);
    expect((await attempts(client, id, `?since=${since}`)).at(-1)).toEqual(failed);

    const { body } = await client.send('POST', `Subscription/${id}/$attempts`, {
      resourceType: 'Parameters',
      parameter: [{ name: '_count', valueInteger: 1 }],
    });
    expect(validateResource(body)).toEqual([]);
    const pages: Parts[] = partsOf(body, 'attempt');
    for (let next = body.parameter[0].valueUrl as string | undefined; next !== undefined;) {
      const page = (await client.send('GET', next)).body;
      expect(partsOf(page, 'attempt')).toHaveLength(1);
      pages.push(...partsOf(page, 'attempt'));
      next = page.parameter[0].valueUrl;
    }
    expect(pages).toEqual(await attempts(client, id));
  });
});

test('an endpoint that repeats what it was sent gives away neither headers nor content', async () => {
  const client = new Client(hub);
  const path = '/echo';
  const secret = 'Bearer s3cr3t-token-of-the-subscriber';
  const patient = 'Patient/somebody-who-must-not-be-named';
  receiver.always((request) => ({
    kind: 'status',
    status: request.path === path && readNotification(request.json).type === 'event-notification' ? 503 : 200,
    body: `you said ${request.headers.authorization ?? ''} and ${JSON.stringify(request.headers)} and ${request.text}`,
  }));
  const made = topicSubscription({
    endpoint: receiver.url(path),
    headers: [`Authorization: ${secret}`, 'X-Other: quiet-please'],
    content: 'full-resource',
    filters: [`Observation?patient=${patient}`],
  });
  const { id } = await client.create(made);
  await client.untilStatus(id, 'active');
  const coding = [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }];
  const body = { resourceType: 'Observation', status: 'final', category: [{ coding }], code: { text: 'what is wrong' } };
  await client.create({ ...body, subject: { reference: patient } }, 'Observation');
  await untilAttempts(client, id, 1, '?outcome=retry');
  receiver.always(200);
  const { text } = await client.send('GET', `Subscription/${id}/$attempts`);
  expect(text).toContain('you said ***');
  for (const hidden of ['s3cr3t', 'quiet-please', 'what is wrong']) expect(text).not.toContain(hidden);
  expect(
    receiver.received.some((request) => request.path === path && readNotification(request.json).type === 'event-notification'),
  ).toBe(true);
});

test('an answer is shown up to its first kilobyte, whatever it holds', async () => {
  const client = new Client(hub);
  receiver.always(() => ({ kind: 'status', status: 500, body: `\u0000\u0001é${'x'.repeat(5000)}` }));
  const { id } = await client.create(topicSubscription({ endpoint: receiver.url('/long') }));
  const [attempt] = await untilAttempts(client, id, 1);
  receiver.always(200);
  expect(attempt!['answer']).toMatch(/^\uFFFD\uFFFDéx+$/);
  expect(Buffer.byteLength(String(attempt!['answer']).replaceAll('\uFFFD', '.'))).toBeLessThanOrEqual(1024);
});
