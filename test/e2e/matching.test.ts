import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Database } from '../../src/storage/database.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { givenEvents } from '../support/given-events.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { waitFor } from '../support/wait-for.js';

let clone: OpenClone;
let database: Database;
const hubs: Hub[] = [];

beforeAll(async () => {
  clone = await openClone(2);
  database = clone.database;
});

afterAll(async () => {
  await Promise.all(hubs.map((hub) => hub.stop()));
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

const PATIENTS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];

const observation = (id: string, patient: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: `Patient/${patient}` },
});

/** How many partitions of matching each hub has, by process id. */
async function shares(): Promise<Map<number, number>> {
  const rows = await database.rows<{ leased_by: string; count: bigint }>({
    text: 'SELECT leased_by, count(*) FROM matching_position WHERE lease_ends > now() GROUP BY leased_by',
  });
  return new Map(rows.map(({ leased_by: name, count }) => [Number(name.split('/')[1]), Number(count)]));
}

const sharedInHalves = () =>
  waitFor(
    async () => {
      const now = await shares();
      return hubs.every((hub) => now.get(hub.pid) === 4);
    },
    { what: 'the hubs to share matching' },
  );

test('hubs that share matching, killed one after another while writes go on, lose no event and number none twice', async () => {
  hubs.push(await startHub({ database: clone }), await startHub({ database: clone }));
  for (const patient of PATIENTS)
    await put(hubs[0]!, `Subscription/s-${patient}`, {
      resourceType: 'Subscription',
      id: `s-${patient}`,
      status: 'requested',
      reason: 'test',
      criteria: `Observation?patient=${patient}`,
      channel: { type: 'websocket' },
    });
  let written = 0;
  for (let round = 0; round < 2; round++) {
    await sharedInHalves();
    const [victim, survivor] = [hubs[round]!, hubs[1 - round]!];
    const before = written;
    const writing = (async () => {
      for (let n = 0; n < 60; n++) {
        await put(survivor, `Observation/r${round}-${n}`, observation(`r${round}-${n}`, PATIENTS[n % PATIENTS.length]!));
        written++;
      }
    })();
    await waitFor(() => written >= before + 20);
    await victim.kill();
    await writing;
    hubs[round] = await startHub({ database: clone });
  }
  // Whatever a killed hub had stored but not answered is an event as well: exactly the log, no more and no less.
  for (const patient of PATIENTS) {
    const [log] = await database.rows<{ count: bigint }>(
      { text: `SELECT count(*) FROM resource_version WHERE type = 'Observation' AND body LIKE $1` },
      [`%"Patient/${patient}"%`],
    );
    const given = await waitFor(async () => {
      const events = await givenEvents(database, `s-${patient}`);
      return events.length >= Number(log?.count) && events;
    });
    expect(given).toHaveLength(Number(log?.count));
    expect(new Set(given.map(({ xid, seq }) => `${xid} ${seq}`)).size).toBe(given.length);
  }
});
