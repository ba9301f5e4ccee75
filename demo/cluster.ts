/**
 * Three hub processes on one PostgreSQL, subscriptions, and writes without pause; one process is killed with `kill -9` in the middle. Prints
 * who does what before and after, how long the others took, and what the checker of the fault tests says of everything that was sent.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { PostgresServer } from '../src/storage/postgres/postgres-server.ts';
import type { Arrival as Told } from '../test/fault/harness/arrival.ts';
import { checkDeliveries, type Disturbance, faultsOf } from '../test/fault/harness/check-deliveries.ts';
import { CODE_SYSTEM, CODES, codeOf, LoadWriter, writeFaults } from '../test/fault/harness/load-writer.ts';
import { expectedEvents, readHistory } from '../test/fault/harness/oracle.ts';
import { Random } from '../test/fault/harness/random.ts';
import { send, until } from './client.ts';
import { freePort, type HubProcess, removeHubs, startHub } from './hub-process.ts';
import { Receiver } from './receiver.ts';
import { table } from './report.ts';
import { closing, runDemo } from './run-demo.ts';
import { topicSubscription } from './subscriptions.ts';

const TOPIC = 'http://example.org/topics/observation-written';
const SUBSCRIPTIONS_PER_CODE = 5;
const WRITES_PER_SECOND = 100;
/** Writes before the kill, and after the others have taken over. */
const WRITES = 200;

interface Share {
  hub: HubProcess;
  matching: number;
  shards: number;
  subscriptions: number;
}

const folder = mkdtempSync(join(tmpdir(), 'carillon-cluster-'));
closing.push(() => rmSync(folder, { recursive: true, force: true }));
await runDemo(demonstrate);

async function demonstrate(): Promise<boolean> {
  const database = await startDatabase();
  closing.push(removeHubs);
  const hubs = await startHubs(database);
  const client = new pg.Client(database);
  await client.connect();
  closing.push(() => client.end());
  const [first] = hubs as [HubProcess, ...HubProcess[]];

  const told: Told[] = [];
  const names = await subscribe(first.fhir, await listen(told));
  console.log(`${names.size} subscriptions, rest-hooks, each to Observations of one code\n`);
  const isShared = async () => (await sharesOf(client, hubs)).every(({ shards, matching }) => shards > 15 && matching > 0);
  if (!(await until('the work to be shared', isShared))) return false;

  const living = new Set(hubs);
  const writer = LoadWriter.start({
    bases: () => [...living].map(({ fhir }) => fhir),
    random: new Random(Date.now()),
    perSecond: WRITES_PER_SECOND,
  });
  closing.push(() => writer.stop());
  await until('writes', () => writer.answered >= WRITES);
  const before = await sharesOf(client, hubs);
  console.log(shareTable('before', before));

  const victim = before[1]!;
  const others = hubs.filter((hub) => hub !== victim.hub);
  const disturbance: Disturbance = { from: performance.now() };
  living.delete(victim.hub);
  await victim.hub.end('SIGKILL');
  console.log(`\nkill -9 ${victim.hub.pid}, while ${WRITES_PER_SECOND} changes a second come in\n`);
  const took = (what: 'matching' | 'shards', all: number) => async () =>
    (await sharesOf(client, others)).reduce((sum, share) => sum + share[what], 0) === all;
  const total = { matching: sum(before, 'matching'), shards: sum(before, 'shards') };
  const since = () => Math.round(performance.now() - disturbance.from);
  const [matching, shards] = await Promise.all(
    (['matching', 'shards'] as const).map(async (what) => ((await until(what, took(what, total[what]))) ? since() : undefined)),
  );
  const answered = writer.answered;
  await until('writes', () => writer.answered >= answered + WRITES);
  await writer.stop();
  console.log(shareTable('after', await sharesOf(client, others)));
  console.log(`\nits matching was taken over after ${matching} ms, its subscriptions after ${shards} ms`);
  return judge(first.fhir, { writer, names, told, disturbance });
}

async function startDatabase(): Promise<string> {
  // PostgreSQL may run as a user of its own, who has to get here.
  chmodSync(folder, 0o755);
  const silent = { recovered: () => {}, died: console.error, restarted: () => {}, restartFailed: console.error };
  const server = await PostgresServer.start({ folder: join(folder, 'postgres') }, silent);
  closing.push(() => server.stop());
  const admin = new pg.Client(server.url('postgres'));
  await admin.connect();
  await admin.query('CREATE DATABASE carillon');
  await admin.end();
  return server.url('carillon');
}

/** What hubs of one database have to have in common: the database, the address they give as theirs, and the key of its secrets. */
async function startHubs(database: string): Promise<HubProcess[]> {
  const port = await freePort();
  const env = {
    DATABASE_URL: database,
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    SECRET_KEY: randomBytes(32).toString('base64'),
    POOL_SIZE: '8',
  };
  const hubs = await Promise.all([startHub({ port, env }), startHub({ env }), startHub({ env })]);
  for (const hub of hubs) {
    closing.push(() => hub.remove());
    console.log(`hub ${hub.pid}   ${hub.fhir}   ready after ${hub.startMilliseconds} ms`);
  }
  return hubs;
}

/** An endpoint that keeps what it is told. */
async function listen(told: Told[]): Promise<string> {
  const receiver = new Receiver(({ path, body, webhookId, at }) => {
    const { entry } = JSON.parse(body) as { entry: Entry[] };
    const status = entry[0]!.resource!;
    if (status.type !== 'event-notification') return;
    const events = status.notificationEvent!.map(({ eventNumber }, index) => ({
      number: Number(eventNumber),
      version: versionOf(entry[index + 1]!),
    }));
    told.push({ to: path.slice(1), events, webhookId, accepted: 'yes', at, bytes: body.length });
  });
  await receiver.start();
  closing.push(() => receiver.stop());
  return receiver.url;
}

interface Entry {
  fullUrl: string;
  resource?: { type?: string; notificationEvent?: { eventNumber: string }[] };
  response: { etag: string };
}

function versionOf({ fullUrl, response }: Entry): string {
  return [...fullUrl.split('/').slice(-2), response.etag.replace(/\D/g, '')].join('/');
}

/** Name and code of each subscription. */
async function subscribe(fhir: string, endpoint: string): Promise<Map<string, string>> {
  const resourceTrigger = [{ resource: 'Observation', supportedInteraction: ['create', 'update'] }];
  const canFilterBy = [{ resource: 'Observation', filterParameter: 'code' }];
  const id = 'observation-written';
  const topic = { resourceType: 'SubscriptionTopic', id, url: TOPIC, status: 'active', resourceTrigger, canFilterBy };
  await send('PUT', `${fhir}/SubscriptionTopic/${id}`, topic);
  const names = new Map<string, string>();
  const ids: unknown[] = [];
  for (const wanted of CODES) {
    for (let n = 1; n <= SUBSCRIPTIONS_PER_CODE; n += 1) {
      names.set(`${wanted}-${n}`, wanted);
      const filters = [`Observation?code=${CODE_SYSTEM}|${wanted}`];
      const channel = { type: 'rest-hook', endpoint: `${endpoint}/${wanted}-${n}` } as const;
      const made = await send(
        'POST',
        `${fhir}/Subscription`,
        topicSubscription(TOPIC, channel, { content: 'full-resource', filters, maxCount: 10 }),
      );
      ids.push(made.id);
    }
  }
  for (const one of ids) {
    const isActive = async () => (await send('GET', `${fhir}/Subscription/${String(one)}`)).status === 'active';
    if (!(await until(`Subscription/${String(one)} to be active`, isActive))) throw new Error('A Subscription is not active.');
  }
  return names;
}

/** Who has leased what, as the database has it. */
async function sharesOf(client: pg.Client, hubs: readonly HubProcess[]): Promise<Share[]> {
  const { rows } = await client.query<{ pid: string; matching: number; shards: number; subscriptions: number }>(`
    SELECT split_part(leased_by, '/', 2) AS pid, sum(matching)::integer AS matching, sum(shards)::integer AS shards,
           sum(subscriptions)::integer AS subscriptions
    FROM (
      SELECT leased_by, 1 AS matching, 0 AS shards, 0 AS subscriptions FROM matching_position
      UNION ALL
      SELECT leased_by, 0, 1, (SELECT count(*) FROM subscription_cursor AS c WHERE c.shard = s.shard) FROM delivery_shard AS s
    ) AS part
    GROUP BY 1`);
  const byPid = new Map(rows.map((row) => [row.pid, row]));
  return hubs.map((hub) => {
    const { matching = 0, shards = 0, subscriptions = 0 } = byPid.get(String(hub.pid)) ?? {};
    return { hub, matching, shards, subscriptions };
  });
}

function sum(shares: readonly Share[], what: 'matching' | 'shards'): number {
  return shares.reduce((all, share) => all + share[what], 0);
}

function shareTable(when: string, shares: readonly Share[]): string {
  const rows = shares.map(({ hub, matching, shards, subscriptions }) => [`hub ${hub.pid}`, matching, shards, subscriptions]);
  return table([[when, 'parts of matching', 'shards of delivery', 'subscriptions served'], ...rows]);
}

/** What had to come, by the history and a plain predicate, against what came. */
async function judge(
  fhir: string,
  run: { writer: LoadWriter; names: ReadonlyMap<string, string>; told: readonly Told[]; disturbance: Disturbance },
): Promise<boolean> {
  const history = await readHistory(fhir, ['Observation']);
  const expected = expectedEvents(
    history,
    [...run.names].map(([name, wanted]) => [name, (version) => codeOf(version) === wanted] as const),
  );
  const verdict = () => checkDeliveries({ expected, arrivals: run.told, disturbances: [run.disturbance] });
  await until('everything owed', () => verdict().lost.length === 0);
  const { writes, answered, refusals } = run.writer;
  const { lost, outOfOrder, repeats } = verdict();
  const faults = [...writeFaults(writes, history), ...refusals, ...faultsOf(verdict())];
  const owed = [...expected.values()].reduce((all, { length }) => all + length, 0);
  console.log(`\n${writes.length} writes, ${answered} answered: every answered one is stored`);
  console.log(
    `${owed} events owed: lost ${lost.length}, out of order ${outOfOrder.length}, repeated ${repeats} (under the same id)`,
  );
  for (const fault of faults) console.log(`FAULT   ${fault}`);
  if (faults.length > 0) return false;
  console.log('\nNothing was lost, and numbers have no gap.');
  return true;
}
