import { describe, expect, test } from '@jest/globals';
import type { Change } from '../../../src/fhir/change.js';
import { LineReader } from '../../../src/delivery/line-reader.js';
import { Lines, type LinesParts } from '../../../src/delivery/lines.js';
import type { ServedSubscription } from '../../../src/delivery/cursor-store.js';
import type { SubscriptionDefinition } from '../../../src/subscriptions/subscription-definition.js';
import { SILENT_LOG } from '../../../src/telemetry/log.js';

/** More than are kept in memory. */
const MANY = 20_600;
const NEWEST = 9;

const resourceOf = (id: string) =>
  ({ type: 'Subscription', id, version: 1, interaction: 'create', at: new Date(0), face: 'r4b', body: '{}' }) as Change;

/** Subscriptions `s0`, `s1` …, each with a group of its own that stands at event 9; the one in a hundred that fails is owed the last. */
function served(id: string): ServedSubscription {
  const nth = Number(id.slice(1));
  const fails = nth % 100 === 0;
  return {
    shard: nth % 2,
    life: 1,
    acknowledged: fails ? NEWEST - 1 : NEWEST,
    failures: fails ? 5 : 0,
    dueInMs: fails ? 3_600_000 : undefined,
    verifiedVersion: 1,
    standing: { subscriptionId: id, segments: [{ groupId: nth, afterN: 0, firstNumber: 1 }], groupLastN: NEWEST },
    resource: resourceOf(id),
  };
}

function newLines(shards: () => readonly number[], over: Partial<Record<keyof LinesParts, unknown>> = {}): Lines {
  const channel = { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/', headers: [], signingSecrets: [] };
  const readDefinition = ({ id, face }: Change) =>
    ({
      id,
      face,
      status: 'active',
      channel,
      subject: { kind: 'classic', criteria: 'Patient?' },
    }) as unknown as SubscriptionDefinition;
  return new Lines({
    cursors: { load: (ids: readonly string[]) => Promise.resolve(ids.map(served)) },
    window: { follow: () => false },
    flush: { isAhead: () => false },
    audience: { set: () => {} },
    reader: new LineReader(
      readDefinition,
      () => 'http://hub',
      () => undefined,
      SILENT_LOG,
    ),
    shards,
    onRead: () => {},
    onGone: () => {},
    keep: () => {},
    // What a turn finds out: how far the group has come.
    onTaken: (line: { latest: number }) => (line.latest = NEWEST),
    onDrop: () => {},
    onFollowed: () => {},
    log: SILENT_LOG,
    ...over,
  } as unknown as LinesParts);
}

const ids = Array.from({ length: MANY }, (_, nth) => `s${nth}`);
const owedBy = (lines: Lines) => [...lines.owing()].filter(({ acknowledged }) => acknowledged < NEWEST).length;

test('what is owed to lines that had no room in memory is still known, and counted once when they are read again', async () => {
  const lines = newLines(() => [0, 1]);
  await lines.load(ids);
  expect([...lines.all()].length).toBe(20_000);
  expect(lines.get('s0')).toBeUndefined();
  expect(owedBy(lines)).toBe(MANY / 100);
  await lines.load(['s0', 's100']);
  expect(lines.get('s0')).toBeDefined();
  expect(owedBy(lines)).toBe(MANY / 100);
});

test('of those lines the ones whose shard has passed to another process, and those that are gone, count no more', async () => {
  let shards: readonly number[] = [0, 1];
  const lines = newLines(() => shards);
  await lines.load(ids);
  lines.dropAll(['s0']);
  expect(owedBy(lines)).toBe(MANY / 100 - 1);
  shards = [1];
  for (const line of [...lines.all()]) if (line.shard === 0) lines.drop(line);
  expect(owedBy(lines)).toBe(0);
});

describe('a Subscription that was deleted and made again before its line was read again', () => {
  const first = served('s1');
  const second = (version: number, afterN: number, groupId = 1): ServedSubscription => ({
    ...first,
    life: 2,
    acknowledged: 0,
    standing: { subscriptionId: 's1', segments: [{ groupId, afterN, firstNumber: 1 }], groupLastN: NEWEST },
    resource: { ...resourceOf('s1'), version },
  });

  test.each([
    ['in the same group', second(3, NEWEST)],
    ['in another group', second(3, 0, 2)],
    ['whose new version was known before its new place', second(1, NEWEST)],
  ])('%s, begins anew', async (_, again) => {
    let now = first;
    const lines = newLines(() => [0, 1], { cursors: { load: () => Promise.resolve([now]) } });
    await lines.load(['s1']);
    const before = lines.get('s1')!;
    now = again;
    await lines.load(['s1']);
    const after = lines.get('s1')!;
    expect(before.dropped).toBe(true);
    expect(before.abort.signal.aborted).toBe(true);
    expect(after).toMatchObject({ acknowledged: 0, segments: again.standing.segments, dropped: false });
    // A reading from before comes late.
    now = first;
    await lines.load(['s1']);
    expect(lines.get('s1')).toBe(after);
  });

  test('one that was only changed is the same still', async () => {
    let now = first;
    const lines = newLines(() => [0, 1], { cursors: { load: () => Promise.resolve([now]) } });
    await lines.load(['s1']);
    const before = lines.get('s1');
    now = {
      ...second(2, 0),
      life: first.life,
      standing: {
        ...first.standing,
        segments: [
          { groupId: 1, afterN: 0, untilN: 5, firstNumber: 1 },
          { groupId: 2, afterN: 3, firstNumber: 6 },
        ],
      },
    };
    await lines.load(['s1']);
    expect(lines.get('s1')).toBe(before);
    expect(before).toMatchObject({ acknowledged: NEWEST, segments: now.standing.segments, dropped: false });
  });
});

test('an update that found no cursor drops the line of its own life, not of the one made again since', async () => {
  let now = served('s1');
  const lines = newLines(() => [0, 1], {
    cursors: { load: () => Promise.resolve([now]) },
    flush: { isAhead: () => false },
  });
  await lines.load(['s1']);
  now = { ...now, life: 2, resource: { ...now.resource, version: 3 } };
  await lines.load(['s1']);
  lines.dropLost([{ subscriptionId: 's1', life: 1 }]);
  expect(lines.get('s1')?.life).toBe(2);
  lines.dropLost([{ subscriptionId: 's1', life: 2 }]);
  expect(lines.get('s1')).toBeUndefined();
});
