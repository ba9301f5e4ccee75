import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Change, LOG_START } from '../../src/fhir/change.js';
import type { ChangeLog } from '../../src/matching/change-log.js';
import { PostgresChangeLog } from '../../src/storage/change-log.js';
import type { Database } from '../../src/storage/database.js';
import { ChangeMaker } from '../support/changes.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { insertChanges } from '../support/insert-changes.js';
import { MemoryChangeLog } from '../support/twins/memory-change-log.js';

const EVENT = { codings: [{ system: 'http://x', code: 'a' }], focus: [{ type: 'Patient', id: 'p', written: true }] };

describe.each(['twin', 'postgres'])('the change log (%s)', (name) => {
  let clone: OpenClone | undefined;
  let database: Database | undefined;
  let log: ChangeLog;
  const maker = new ChangeMaker();
  const changes: Change[] = [
    maker.put({ resourceType: 'Patient', id: 'p', active: true }),
    maker.put({ resourceType: 'Patient', id: 'p', active: false }),
    maker.put({ resourceType: 'Patient', id: 'q' }),
    maker.remove('Patient', 'q'),
    { ...maker.put({ resourceType: 'Group', id: 'g' }, 'r4'), event: EVENT },
    maker.put({ resourceType: 'Patient', id: 'q' }),
  ];
  const [first, second, third, fourth, fifth, sixth] = changes as [Change, Change, Change, Change, Change, Change];

  beforeAll(async () => {
    if (name === 'twin') {
      const memory = new MemoryChangeLog();
      memory.append(...changes);
      log = memory;
      return;
    }
    clone = await openClone();
    database = clone.database;
    await insertChanges(database, changes);
    log = new PostgresChangeLog(database);
  });

  afterAll(async () => {
    await clone?.drop();
  });

  test('gives committed changes in order, whole', async () => {
    expect(await log.after(LOG_START, 100)).toEqual(changes);
  });

  test('goes on after a place, as far as it is asked', async () => {
    expect(await log.after(second.position, 3)).toEqual([third, fourth, fifth]);
    expect(await log.after(sixth.position, 3)).toEqual([]);
  });

  test('tells changes that a higher version of their resource stands before', async () => {
    expect(await log.overtaken([first, second, third, fourth, sixth])).toEqual(new Set());
    // As if two transactions had overlapped: version 1 of another place, behind version 2.
    const late = { ...first, position: sixth.position };
    expect(await log.overtaken([second, late])).toEqual(new Set([late]));
  });

  test('knows the version before a change, but no deleted one', async () => {
    const previous = await log.previous([first, second, fourth, sixth]);
    expect(previous.get(first)).toBeUndefined();
    expect(previous.get(second)).toEqual(first);
    expect(previous.get(fourth)).toEqual(third);
    expect(previous.get(sixth)).toBeUndefined();
  });

  test('knows the version that a resource had at a place, whatever came after; no deleted one, none before the first', async () => {
    const at = (type: string, id: string, { position }: Change) => ({ type, id, position });
    const found = await log.at([
      at('Patient', 'p', first),
      at('Patient', 'p', sixth),
      at('Patient', 'q', second),
      at('Patient', 'q', third),
      at('Patient', 'q', fifth),
      at('Patient', 'q', sixth),
      at('Patient', 'nobody', sixth),
    ]);
    expect(found).toEqual([first, second, undefined, third, undefined, sixth, undefined]);
  });

  test('a coded event comes with the change that records it', async () => {
    expect((await log.after(fourth.position, 1))[0]?.event).toEqual(EVENT);
  });

  test('a snapshot holds the state of a type at a place, without what was deleted', async () => {
    const at = async (place: Change, types = ['Patient']) => (await Array.fromAsync(log.snapshot(types, place.position))).flat();
    expect(await at(first)).toEqual([first]);
    expect(await at(third)).toEqual([second, third]);
    expect(await at(fifth)).toEqual([second]);
    expect(await at(sixth, ['Group', 'Patient'])).toEqual([fifth, second, sixth]);
  });
});
