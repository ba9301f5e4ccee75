import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Database } from '../../src/storage/database.js';
import { LogEpoch } from '../../src/storage/log-epoch.js';
import { type OpenClone, openClone } from '../support/open-clone.js';

let clone: OpenClone;
let database: Database;

beforeEach(async () => {
  clone = await openClone();
  database = clone.database;
});
afterEach(async () => {
  await clone.drop();
});

const run = (text: string) => database.run({ text });
const write = (epoch: number, xid: string) =>
  run(`INSERT INTO resource_version (epoch, xid, type, id, version, interaction, method, face, at)
       VALUES (${epoch}, ${xid}, 'Patient', gen_random_uuid()::text, 1, 'delete', 'DELETE', 'r4b', now())`);

test('a new database begins with epoch 1 and keeps it over restarts and writes', async () => {
  expect((await LogEpoch.open(database)).current).toBe(1);
  await write(1, 'pg_current_xact_id()');
  expect((await LogEpoch.open(database)).current).toBe(1);
});

test('processes that start together agree', async () => {
  const opened = await Promise.all([LogEpoch.open(database), LogEpoch.open(database), LogEpoch.open(database)]);
  expect(opened.map((epoch) => epoch.current)).toEqual([1, 1, 1]);
});

test('another cluster begins a new epoch, once', async () => {
  await LogEpoch.open(database);
  await run("UPDATE log_epoch SET system_identifier = '7000000000000000000'");
  const opened = await Promise.all([LogEpoch.open(database), LogEpoch.open(database)]);
  expect(opened.map((epoch) => epoch.current)).toEqual([2, 2]);
  expect((await LogEpoch.open(database)).current).toBe(2);
});

test('transaction ids that have gone back begin a new epoch, although the cluster bears the same identifier', async () => {
  await LogEpoch.open(database);
  await write(1, "'900000000000'");
  expect((await LogEpoch.open(database)).current).toBe(2);
  await write(2, 'pg_current_xact_id()');
  expect((await LogEpoch.open(database)).current).toBe(2);
});

test('a matching position from the future begins a new epoch even when the log it read was pruned', async () => {
  await LogEpoch.open(database);
  await run("UPDATE matching_position SET epoch = 1, xid = '900000000000'");
  expect((await LogEpoch.open(database)).current).toBe(2);
});
