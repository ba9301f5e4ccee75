/* eslint-disable @typescript-eslint/no-explicit-any -- tests look into any resource */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { polledSource } from '../../demo/subscriptions.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { signingExtension, signingSecret } from '../support/secret-resources.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, isOfType, readNotification, topicSubscription, type TopicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

let clone: TestDatabase;
let hub: Hub;
let receiver: EndpointReceiver;
let client: Client;

beforeAll(async () => {
  clone = await cloneDatabase();
  [hub, receiver] = await Promise.all([
    startHub({
      database: clone,
      env: { LOG_LEVEL: 'trace', DELIVERY_BACKOFF_MILLISECONDS: '50', DELIVERY_FAILURES_UNTIL_ERROR: '2' },
    }),
    EndpointReceiver.start(),
  ]);
  client = new Client(hub);
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
  await clone?.drop();
});

/** Every secret that this file gave to the hub, to be found nowhere in the end. */
const given: string[] = [];
function secret(): string {
  const made = `s3cr-${randomBytes(9).toString('hex')}`;
  given.push(made);
  return made;
}
function signing(): string {
  const made = signingSecret();
  given.push(made, made.slice('whsec_'.length));
  return made;
}

const SUBSCRIPTIONS_TOPIC = {
  resourceType: 'SubscriptionTopic',
  id: 'steering',
  url: 'https://carillon.example/topics/steering',
  status: 'active',
  resourceTrigger: [{ resource: 'Subscription' }, { resource: 'Endpoint' }],
  notificationShape: [{ resource: 'Subscription' }],
};

function subscription(path: string, more: TopicSubscription = {}): { resource: Record<string, any>; token: string } {
  const token = secret();
  const resource = topicSubscription({
    endpoint: receiver.url(path),
    headers: [`Authorization: Bearer ${token}`, `X-Key:${secret()}`],
    ...more,
  });
  resource.channel.extension = [...(resource.channel.extension ?? []), signingExtension(signing())];
  return { resource, token };
}

/** Everything that is stored as text, one entry for each column. */
async function textsInDatabase(): Promise<Map<string, string[]>> {
  const connection = new pg.Client({ connectionString: clone.url });
  await connection.connect();
  try {
    // At one moment: the hub goes on.
    await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows: columns } = await connection.query<{ table_name: string; column_name: string }>(
      `SELECT table_name, column_name FROM information_schema.columns
       WHERE table_schema = 'public' AND (table_name, table_schema) IN (SELECT table_name, table_schema FROM information_schema.tables
       WHERE table_type = 'BASE TABLE')`,
    );
    const texts = new Map<string, string[]>();
    for (const { table_name: table, column_name: column } of columns) {
      const { rows } = await connection.query<{ value: string }>(
        `SELECT "${column}"::text AS value FROM "${table}" WHERE "${column}" IS NOT NULL`,
      );
      texts.set(
        `${table}.${column}`,
        rows.map(({ value }) => value),
      );
    }
    return texts;
  } finally {
    await connection.end();
  }
}

describe('what the owner reads', () => {
  test('is what it sent, byte for byte: created, read, by version, searched, in histories, in the answers to writes', async () => {
    const { token } = subscription('/owner');
    const header = `"Authorization: Bearer ${token}","X-\\u00c4:\\u0020${secret()}\\/"`.replace('X-\\u00c4', 'X-A');
    const key = signing();
    const channel =
      `{"extension":[{"valueString":"${key}","url":"https://carillon.example/fhir/StructureDefinition/subscription-signing-secret"}],` +
      `"type":"rest-hook","endpoint":"${receiver.url('/owner')}","payload":"application/fhir+json","header":[${header}]}`;
    const rest =
      `"extension":[{"url":"https://other.example/d","valueDecimal":1.00}],"status":"active","reason":"Gr\\u00f6\\u00dfe",` +
      `"criteria":"Observation?code=1975-2&status=final","channel":${channel}}`;
    const put = await client.send('PUT', 'Subscription/owner', `{"resourceType":"Subscription","id":"owner",${rest}`);
    expect(put.status).toBe(201);
    expect(put.text.endsWith(`,${rest}`)).toBe(true);
    const read = await client.send('GET', 'Subscription/owner');
    expect(read.text).toBe(put.text);
    for (const path of ['Subscription?_id=owner', 'Subscription/owner/_history', 'Subscription/_history', '_history'])
      expect((await client.send('GET', path)).text).toContain(put.text);
    expect((await client.send('GET', 'Subscription/owner/_history/1')).text).toBe(put.text);

    // The same once more is no change, in any order of members.
    const again = await fetch(`${hub.fhir}/Subscription/owner`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json' },
      body: read.text,
    });
    expect([again.status, again.headers.get('etag')]).toEqual([200, 'W/"1"']);
    expect(await again.text()).toBe(put.text);
  });

  test('comes back from transactions, batches, conditional creates and messages, too', async () => {
    const answers: string[] = [];
    const tokens: string[] = [];
    const prefer = { 'content-type': 'application/fhir+json', prefer: 'return=representation' };
    for (const type of ['transaction', 'batch']) {
      const { resource, token } = subscription(`/${type}`);
      tokens.push(token);
      const endpointToken = secret();
      tokens.push(endpointToken);
      const endpoint = {
        ...polledSource(type, hub.url, `${type}-`, 3600),
        header: [`Authorization: ${endpointToken}`],
        status: 'off',
      };
      delete (endpoint as { extension?: unknown }).extension;
      const bundle = {
        resourceType: 'Bundle',
        type,
        entry: [
          { request: { method: 'POST', url: 'Subscription' }, resource },
          { request: { method: 'PUT', url: `Endpoint/${type}` }, resource: { ...endpoint, id: type } },
        ],
      };
      const response = await fetch(hub.fhir, { method: 'POST', headers: prefer, body: JSON.stringify(bundle) });
      answers.push(await response.text());
      expect(response.status).toBe(200);
    }
    for (const token of tokens) expect(answers.join()).toContain(token);

    const token = secret();
    const resource = {
      resourceType: 'Endpoint',
      status: 'active',
      connectionType: { code: 'hl7-fhir-rest' },
      payloadType: [{ text: 'any' }],
      address: 'https://x.example',
      header: [`Authorization: Bearer ${token}`],
    };
    const message = {
      resourceType: 'Bundle',
      type: 'message',
      identifier: { system: 'urn:ietf:rfc:3986', value: 'urn:uuid:5b1f2e0c-8b2a-4c63-9d4e-7a4be2d5a001' },
      timestamp: '2026-11-23T10:00:00Z',
      entry: [
        {
          fullUrl: 'urn:uuid:5b1f2e0c-8b2a-4c63-9d4e-7a4be2d5a002',
          resource: {
            resourceType: 'MessageHeader',
            id: '5b1f2e0c-8b2a-4c63-9d4e-7a4be2d5a002',
            eventCoding: { system: 'https://x.example', code: 'subscribe' },
            source: { endpoint: 'https://sender.example' },
            focus: [{ reference: 'urn:uuid:5b1f2e0c-8b2a-4c63-9d4e-7a4be2d5a003' }],
          },
        },
        { fullUrl: 'urn:uuid:5b1f2e0c-8b2a-4c63-9d4e-7a4be2d5a003', resource },
      ],
    };
    const processed = await client.send('POST', '$process-message', message);
    expect({ status: processed.status, issue: processed.body.issue }).toEqual({ status: 200, issue: undefined });
    const found = await client.send('GET', 'Endpoint?_count=100');
    expect(found.text).toContain(token);
  });
});

describe('what others see', () => {
  test('a topic on Subscription and Endpoint tells of them with their secrets masked, on hooks, in $events and in contexts', async () => {
    await client.send('PUT', 'SubscriptionTopic/steering', SUBSCRIPTIONS_TOPIC);
    const watching = { topic: SUBSCRIPTIONS_TOPIC.url, content: 'full-resource' };
    const { resource: watcher } = subscription('/watcher', watching);
    const { id } = await client.create(watcher);
    await client.untilStatus(id, 'active');
    const { resource: byMessage } = subscription('/by-message', { ...watching, type: 'message' });
    await client.untilStatus((await client.create(byMessage)).id, 'active');

    const { resource, token } = subscription('/watched');
    const watched = await client.create(resource);
    const endpointToken = secret();
    const endpoint = {
      resourceType: 'Endpoint',
      id: 'told',
      status: 'active',
      connectionType: { code: 'hl7-fhir-rest' },
      payloadType: [{ text: 'any' }],
      address: 'https://x.example',
      header: [`Authorization: Bearer ${endpointToken}`, endpointToken],
    };
    expect((await client.send('PUT', 'Endpoint/told', endpoint)).status).toBe(201);
    expect((await client.send('GET', 'Endpoint/told')).body.header).toEqual(endpoint.header);

    const toldOf = (path: string, reference: string) => (request: { path: string; text: string }) =>
      request.path === path &&
      request.text.includes(`"resource":{"resourceType":"${reference.split('/')[0]}","id":"${reference.split('/')[1]}"`);
    const hook = await receiver.waitFor(toldOf('/watcher', `Subscription/${watched.id}`));
    await receiver.waitFor(toldOf('/watcher', 'Endpoint/told'));
    await receiver.waitFor(toldOf('/by-message/$process-message', 'Endpoint/told'));
    const shown = hook.json.entry.map((entry: any) => entry.resource).find((one: any) => one.id === watched.id);
    expect(shown.channel.header).toEqual(['Authorization: ***', 'X-Key: ***']);
    expect(shown.channel.extension).toContainEqual(signingExtension('***'));
    const range = await client.send('GET', `Subscription/${id}/$events?content=full-resource`);
    const everything = [range.text, ...receiver.received.map(({ text }) => text)].join();
    expect(range.text).toContain('"Authorization: ***"');
    for (const one of [...given, token, endpointToken]) expect(everything).not.toContain(one);
    expect(everything).not.toContain('sealed.v1.');

    // What was told cannot be written back in the place of the secret.
    const back = await client.send('PUT', `Subscription/${watched.id}`, shown);
    expect([back.status, back.body.issue[0].expression]).toEqual([422, ['Subscription.channel.header[0]']]);
    expect((await client.read(watched.id)).channel.header[0]).toBe(`Authorization: Bearer ${token}`);
  });

  test('$explain and $dry-run say nothing of secrets', async () => {
    const { resource } = subscription('/dry');
    const dry = await client.send('POST', 'Subscription/$dry-run', {
      resourceType: 'Parameters',
      parameter: [{ name: 'subscription', resource }],
    });
    expect(dry.status).toBe(200);
    const { id } = await client.create(subscription('/explained').resource);
    const explained = await client.send('POST', `Subscription/${id}/$explain`, {
      resourceType: 'Parameters',
      parameter: [{ name: 'focus', valueReference: { reference: `Subscription/${id}` } }],
    });
    for (const one of given) expect(dry.text + explained.text).not.toContain(one);
  });
});

describe('refusals do not repeat secrets', () => {
  test.each([
    ['a control character', (token: string) => ({ header: [`Authorization: Bearer ${token}\u0007`] })],
    ['no colon', (token: string) => ({ header: [token] })],
    ['a space before the colon', (token: string) => ({ header: [`Bearer ${token}: x`] })],
    ['an object', (token: string) => ({ header: [{ Authorization: token }] })],
    ['one text', (token: string) => ({ header: `Authorization: ${token}` })],
    ['a line break', (token: string) => ({ header: [`Authorization: x\r\nX: ${token}`] })],
    [
      'a signing secret of another type',
      (token: string) => ({ extension: [{ ...signingExtension(''), valueString: undefined, valueCode: ` ${token}` }] }),
    ],
  ])('%s', async (_what, channel) => {
    const { resource } = subscription('/refused');
    const token = secret();
    const { status, text } = await client.send('POST', 'Subscription', {
      ...resource,
      channel: { ...resource.channel, ...channel(token) },
    });
    expect([400, 422]).toContain(status);
    for (const one of given) expect(text).not.toContain(one);
  });
});

test('headers and signatures reach the endpoints; what these answer is kept without them', async () => {
  const { resource, token } = subscription('/echo', { maxCount: 1 });
  receiver.always((request) =>
    request.path === '/echo' && isOfType('event-notification')(request)
      ? { kind: 'status', status: 400, body: `I got ${JSON.stringify(request.headers)} and will not have it` }
      : 200,
  );
  const { id } = await client.create(resource);
  await client.untilStatus(id, 'active');
  await client.result();
  const event = await receiver.waitFor((request) => request.path === '/echo' && isOfType('event-notification')(request));
  expect(event.headers['authorization']).toBe(`Bearer ${token}`);
  expect(readNotification(event.json).total).toBe('1');
  await client.untilStatus(id, 'error');
  const excerpts = await waitFor(
    async () => {
      const found = [...(await textsInDatabase())]
        .filter(([column]) => column.startsWith('attempt'))
        .flatMap(([, values]) => values);
      return found.some((value) => value.includes('I got ')) && found;
    },
    { what: 'the attempt to be kept' },
  );
  expect(excerpts.join()).toContain('"authorization":"***"');
});

test('a polled source gets the headers of its Endpoint', async () => {
  const token = secret();
  const source = {
    ...polledSource('polled', receiver.url('/source'), 'polled-', 3600),
    header: [`Authorization: Bearer ${token}`],
  };
  expect((await client.send('PUT', 'Endpoint/polled', source)).status).toBe(201);
  const asked = await receiver.waitFor(({ path }) => path.startsWith('/source/_history'));
  expect(asked.headers['authorization']).toBe(`Bearer ${token}`);
});

test('in the end no column of any table and no line of the log holds a secret, and every version with one is sealed', async () => {
  const columns = await textsInDatabase();
  expect(columns.size).toBeGreaterThan(60);
  const bodies = columns.get('resource_version.body')!;
  expect(bodies.filter((body) => body.includes('sealed.v1.')).length).toBeGreaterThan(12);
  expect(given.length).toBeGreaterThan(40);
  const found: string[] = [];
  for (const [column, values] of columns) {
    const all = values.join('\n');
    for (const one of given) if (all.includes(one)) found.push(`${column}: ${one}`);
  }
  expect(found).toEqual([]);
  const log = hub.output();
  expect(log.length).toBeGreaterThan(1000);
  for (const one of given) expect(log).not.toContain(one);
  const metrics = await (await fetch(`${hub.url}/metrics`)).text();
  for (const one of given) expect(metrics).not.toContain(one);
  expect(columns.get('sealed_version.id')!.length).toBe(bodies.filter((body) => body.includes('sealed.v1.')).length);
});
