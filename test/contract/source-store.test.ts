import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { LeaseAnswer, SourceLease, SourceStore } from '../../src/sources/source-store.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresSourceStore } from '../../src/storage/source-store.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { MemorySourceStore } from '../support/twins/memory-source-store.js';

const ENDPOINT = { id: 'lab', version: 1, fingerprint: 'a' };
const DONE = { failures: 0, lastError: null, succeeded: true };

let clone: OpenClone;
let database: Database;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
});

afterAll(async () => {
  await clone.drop();
});

function leased(answer: LeaseAnswer): SourceLease {
  if (answer.kind !== 'leased') throw new Error(`not leased: ${JSON.stringify(answer)}`);
  return answer.lease;
}

describe.each<[string, () => SourceStore]>([
  ['on PostgreSQL', () => new PostgresSourceStore(database)],
  ['in memory', () => new MemorySourceStore()],
])('the store of polling %s', (_where, make) => {
  let store: SourceStore;
  beforeEach(async () => {
    await database.run({ text: 'TRUNCATE source_watermark' });
    store = make();
  });

  test('leases a new source to one of many who ask at once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => store.lease(ENDPOINT, `p${n}`, 30)));
    expect(answers.filter(({ kind }) => kind === 'leased')).toHaveLength(1);
    expect(leased(answers.find(({ kind }) => kind === 'leased')!)).toMatchObject({
      endpointId: 'lab',
      since: null,
      seen: [],
      failures: 0,
    });
  });

  test('says how long to wait: until the lease ends, or until the source is due', async () => {
    const lease = leased(await store.lease(ENDPOINT, 'a', 30));
    const held = await store.lease(ENDPOINT, 'b', 30);
    expect(held.kind === 'wait' && held.milliseconds).toBeGreaterThan(20_000);
    await store.end(lease, { ...DONE, waitMilliseconds: 5_000 });
    const early = await store.lease(ENDPOINT, 'b', 30);
    expect(early.kind === 'wait' && early.milliseconds).toBeGreaterThan(1_000);
    expect(early.kind === 'wait' && early.milliseconds).toBeLessThanOrEqual(5_000);
  });

  test('keeps watermark, failures and the last error from poll to poll', async () => {
    const since = new Date('2026-01-01T12:00:00.123Z');
    const watermark = { since, seen: ['Patient/1/1', 'Patient/2/1'] };
    await store.end(leased(await store.lease(ENDPOINT, 'a', 30)), { ...DONE, waitMilliseconds: 0, watermark });
    const lease = leased(await store.lease(ENDPOINT, 'b', 30));
    expect(lease).toMatchObject(watermark);
    await store.end(lease, { failures: 3, lastError: 'no answer', waitMilliseconds: 0, succeeded: false });
    expect(leased(await store.lease(ENDPOINT, 'a', 30))).toMatchObject({ ...watermark, failures: 3, lastError: 'no answer' });
  });

  test('a new version of the Endpoint is due at once and forgives failures, but goes on from where it was', async () => {
    const watermark = { since: new Date(0), seen: ['x'] };
    const lease = leased(await store.lease(ENDPOINT, 'a', 30));
    await store.end(lease, { failures: 9, lastError: 'x', waitMilliseconds: 60_000, succeeded: false, watermark });
    expect(leased(await store.lease({ ...ENDPOINT, version: 2 }, 'a', 30))).toMatchObject({ ...watermark, failures: 0 });
  });

  test('another fingerprint starts from the beginning', async () => {
    const lease = leased(await store.lease(ENDPOINT, 'a', 30));
    await store.end(lease, { ...DONE, waitMilliseconds: 60_000, watermark: { since: new Date(0), seen: ['x'] } });
    expect(leased(await store.lease({ ...ENDPOINT, version: 2, fingerprint: 'b' }, 'a', 30))).toMatchObject({
      since: null,
      seen: [],
    });
  });

  test('who lost the lease can neither keep it nor end it', async () => {
    const lost = leased(await store.lease(ENDPOINT, 'a', 0));
    const held = leased(await store.lease(ENDPOINT, 'b', 30));
    expect(await store.renew(lost, 30)).toBe(false);
    await store.end(lost, { ...DONE, waitMilliseconds: 0, watermark: { since: new Date(0), seen: [] } });
    expect(await store.renew(held, 30)).toBe(true);
    expect(await store.lease(ENDPOINT, 'c', 30)).toMatchObject({ kind: 'wait' });
  });
});
