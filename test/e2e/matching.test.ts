import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Database } from '../../src/storage/database.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { givenEvents } from '../support/given-events.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { waitFor } from '../support/wait-for.js';

let clone: TestDatabase;
let database: Database;
const hubs: Hub[] = [];

beforeAll(async () => {
  clone = await cloneDatabase();
  database = new Database(clone.url, 2, () => {});
});

afterAll(async () => {
  await Promise.all(hubs.map((hub) => hub.stop()));
  await database.close();
  await clone.drop();
});

async function put(hub: Hub, path: string, resource: object): Promise<void> {
  const response = await fetch(`${hub.fhir}/${path}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/fhir+json' },
    body: JSON.stringify(resource),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

const observation = (id: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: 'Patient/a' },
});

/** Process id of the hub that holds the right to match. */
async function matcher(): Promise<number> {
  return waitFor(
    async () => {
      const [row] = await database.rows<{ leased_by: string | null }>({
        text: 'SELECT leased_by FROM matching_position WHERE lease_ends > now()',
      });
      const pid = Number(row?.leased_by?.split('/')[1]);
      return hubs.some((hub) => hub.pid === pid) && pid;
    },
    { what: 'a hub to match' },
  );
}

test('hubs killed one after another while writes go on lose no event and number none twice', async () => {
  hubs.push(await startHub({ database: clone }), await startHub({ database: clone }));
  await put(hubs[0]!, 'Subscription/s', {
    resourceType: 'Subscription',
    id: 's',
    status: 'requested',
    reason: 'test',
    criteria: 'Observation?patient=a',
    channel: { type: 'websocket' },
  });
  const written = new Set<string>();
  for (let round = 0; round < 3; round++) {
    const pid = await matcher();
    const victim = hubs.find((hub) => hub.pid === pid)!;
    const survivor = hubs.find((hub) => hub !== victim)!;
    const writing = (async () => {
      for (let n = 0; n < 60; n++) {
        const id = `r${round}-${n}`;
        await put(survivor, `Observation/${id}`, observation(id));
        written.add(id);
      }
    })();
    await waitFor(() => written.size >= round * 60 + 20);
    await victim.kill();
    hubs.splice(hubs.indexOf(victim), 1);
    await writing;
    hubs.push(await startHub({ database: clone }));
  }
  const given = await waitFor(async () => {
    const events = await givenEvents(database, 's');
    return events.length >= written.size && events;
  });
  // Whatever a killed hub had stored but not answered is an event as well: exactly the log, no more and no less.
  const [log] = await database.rows<{ count: bigint }>({
    text: `SELECT count(*) FROM resource_version WHERE type = 'Observation'`,
  });
  expect(given).toHaveLength(Number(log?.count));
  expect(new Set(given.map(({ xid, seq }) => `${xid} ${seq}`)).size).toBe(given.length);
});
