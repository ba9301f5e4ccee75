import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { request } from 'node:http';
import { join } from 'node:path';
import pg from 'pg';
import WebSocket from 'ws';
import { socketUrl } from '../../src/storage/postgres/socket-folder.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, isOfType, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

let hub: Hub;
let client: Client;
let receiver: EndpointReceiver;

beforeAll(async () => {
  [hub, receiver] = await Promise.all([
    // A server of its own: a transaction held open would hold up every hub on a shared one.
    startHub({ database: 'own', env: { LOG_HORIZON_WARN_SECONDS: '1', DELIVERY_BACKOFF_MILLISECONDS: '50' } }),
    EndpointReceiver.start(),
  ]);
  client = new Client(hub);
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
});

const url = (database: string) => socketUrl(join(hub.dataDir, 'postgres'), database);

async function administer(...statements: string[]): Promise<void> {
  const admin = new pg.Client({ connectionString: url('postgres') });
  await admin.connect();
  for (const statement of statements) await admin.query(statement);
  await admin.end();
}

const scrape = async (accept?: string) =>
  fetch(`${hub.url}/metrics`, accept === undefined ? {} : { headers: { accept } }).then(async (response) => ({
    status: response.status,
    type: response.headers.get('content-type'),
    text: await response.text(),
  }));

/** The value of one sample; undefined where there is none. */
async function sample(name: string): Promise<number | undefined> {
  const line = (await scrape()).text.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

const until = (name: string, holds: (value: number) => boolean, what: string) =>
  waitFor(
    async () => {
      const value = await sample(name);
      return value !== undefined && holds(value);
    },
    { what: `${name} ${what}`, stepMilliseconds: 50 },
  );

test('anybody at the hub’s address can scrape it: no FHIR media type is asked for, HEAD is answered, nothing is kept', async () => {
  for (const accept of [undefined, 'text/plain', 'text/html', 'application/fhir+xml']) {
    expect(await scrape(accept)).toMatchObject({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' });
  }
  const head = await fetch(`${hub.url}/metrics`, { method: 'HEAD' });
  expect([head.status, head.headers.get('cache-control'), await head.text()]).toEqual([200, 'no-store', '']);
  const post = await fetch(`${hub.url}/metrics`, { method: 'POST' });
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

test('who asks for OpenMetrics gets it, and the next plain scrape still has its counters whole', async () => {
  const open = await scrape('application/openmetrics-text; version=1.0.0');
  expect(open.type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  expect(open.text).toMatch(/# TYPE carillon_matched_changes counter\ncarillon_matched_changes_total \d/);
  expect(open.text.endsWith('\n# EOF\n')).toBe(true);
  expect((await scrape()).text).toMatch(/# TYPE carillon_matched_changes_total counter\ncarillon_matched_changes_total \d/);
});

test('it is served where the hub listens and nowhere else', async () => {
  const { address } = { address: '127.0.0.2' };
  const refused = await new Promise<string>((resolve) => {
    request({ host: address, port: hub.port, path: '/metrics' }, () => resolve('answered'))
      .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
      .end();
  });
  expect(refused).toBe('ECONNREFUSED');
});

test('a notification is counted and timed from its change to its receipt; requests are counted by what they asked', async () => {
  const { id } = await client.create(topicSubscription({ endpoint: receiver.url('/well') }));
  await client.untilStatus(id, 'active');
  await client.result(1);
  await client.result(2);
  await receiver.waitForCount(2, (one) => one.path === '/well' && isOfType('event-notification')(one));
  await until('carillon_change_received_seconds_count{channel="rest-hook"}', (count) => count === 2, 'to be 2');
  expect(await sample('carillon_attempts_total{channel="rest-hook",outcome="accepted"}')).toBe(3);
  expect(await sample('carillon_recorded_events_total')).toBe(2);
  expect(await sample('carillon_requests_total{interaction="create",status="2xx"}')).toBe(3);
  expect(await sample('carillon_request_seconds_count{interaction="create"}')).toBe(3);
  expect(await sample('carillon_index_subscriptions')).toBe(1);
  expect(await sample('carillon_index_entries{path="residual"}')).toBe(0);
  expect(await sample('carillon_matching_seconds_total{step="match"}')).toBeGreaterThan(0);
  expect(await sample('carillon_shards_held')).toBe(64);
});

test('what an endpoint refuses shows as owed, with its age, until it is taken', async () => {
  const { id } = await client.create(topicSubscription({ endpoint: receiver.url('/down') }));
  await client.untilStatus(id, 'active');
  receiver.always((one) => (one.path === '/down' ? 503 : 200));
  await client.result(3);
  await until('carillon_owed_events{channel="rest-hook"}', (events) => events === 1, 'to be 1');
  expect(await sample('carillon_owing_subscriptions{channel="rest-hook"}')).toBe(1);
  // Figures of the database are some seconds old at most.
  await until('carillon_oldest_owed_seconds{channel="rest-hook"}', (seconds) => seconds > 0, 'to be above 0');
  await until('carillon_attempts_total{channel="rest-hook",outcome="retry"}', (count) => count > 0, 'to be above 0');
  receiver.always(200);
  await waitFor(async () => (await sample('carillon_owed_events{channel="rest-hook"}')) === undefined, {
    what: 'nothing to be owed',
    stepMilliseconds: 50,
  });
  await until('carillon_subscriptions{status="active"}', (count) => count === 2, 'to be 2');
});

test('sockets count while they are open, with the reason when they close', async () => {
  const socket = new WebSocket(`${hub.url.replace('http', 'ws')}/ws`);
  await new Promise((resolve) => socket.once('open', resolve));
  await until('carillon_sockets_open{kind="websocket"}', (open) => open === 1, 'to be 1');
  socket.close();
  await until('carillon_sockets_closed_total{kind="websocket",reason="client"}', (count) => count === 1, 'to be 1');
  const refused = new WebSocket(`${hub.url.replace('http', 'ws')}/ws`);
  refused.once('open', () => refused.send('bind-with-token nothing-we-know'));
  await until('carillon_sockets_closed_total{kind="websocket",reason="refused"}', (count) => count === 1, 'to be 1');
  await until('carillon_sockets_open{kind="websocket"}', (open) => open === 0, 'to be 0');
});

test('a transaction that writes and stays open is named by the gauge and in the log, without its statement', async () => {
  const writer = new pg.Client({ connectionString: url('carillon'), application_name: 'forgotten session' });
  await writer.connect();
  await writer.query('BEGIN');
  const { rows } = await writer.query<{ pid: number }>(
    "SELECT pg_backend_pid() AS pid, pg_current_xact_id(), 'what nobody may read' AS note",
  );
  const pid = rows[0]!.pid;
  await until('carillon_log_horizon_blocking_pid', (value) => value === pid, `to be ${pid}`);
  expect(await sample('carillon_log_horizon_seconds')).toBeGreaterThanOrEqual(1);
  const line = await waitFor(
    () =>
      hub
        .output()
        .split('\n')
        .find((one) => one.includes('log.horizon-held') && one.includes(`"pid":${pid}`)),
    {
      what: 'the line in the log',
    },
  );
  expect(JSON.parse(line)).toMatchObject({
    pid,
    applicationName: 'forgotten session',
    database: 'carillon',
    state: 'idle in transaction',
  });
  expect(hub.output()).not.toContain('what nobody may read');
  await writer.query('ROLLBACK');
  await writer.end();
  await waitFor(() => hub.output().includes('log.horizon-free'), { what: 'the end of it in the log' });
});

test('while the database is away a scrape still answers, with what the process itself knows', async () => {
  await administer(
    'ALTER DATABASE carillon WITH ALLOW_CONNECTIONS false',
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'carillon'",
  );
  await until('carillon_database_up', (up) => up === 0, 'to be 0');
  const { status, text } = await scrape();
  expect(status).toBe(200);
  expect(text).toMatch(/^carillon_attempts_total\{channel="rest-hook",outcome="accepted"\} \d+$/m);
  expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m);
  expect(text).not.toMatch(/^carillon_subscriptions\{/m);
  await administer('ALTER DATABASE carillon WITH ALLOW_CONNECTIONS true');
  await until('carillon_database_up', (up) => up === 1, 'to be 1');
});

test('no label holds an id, an address or anything else without bounds', async () => {
  const { text } = await scrape();
  const labels = new Set([...text.matchAll(/[{,]([a-z_]+)="/g)].map(([, name]) => name));
  expect([...labels].sort()).toEqual(
    [
      'channel',
      'holder',
      'interaction',
      'kind',
      'le',
      'outcome',
      'path',
      'pool',
      'reason',
      'space',
      'state',
      'status',
      'step',
      'type',
      'quantile',
      'version',
      'major',
      'minor',
      'patch',
    ]
      .filter((name) => labels.has(name))
      .sort(),
  );
  expect(text).not.toMatch(/127\.0\.0\.1|Observation\/|Subscription\//);
});
