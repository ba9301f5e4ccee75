import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseExact } from '../../../src/fhir/exact-json.js';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { SOURCE_PATH } from '../../../src/sources/localise.js';
import { PollFailure } from '../../../src/sources/poll-failure.js';
import { pollSource, type PollParts, type PollResult } from '../../../src/sources/poll-source.js';
import type { SourceDefinition } from '../../../src/sources/source-definition.js';
import { ADDRESS, RecordingIntake, ScriptedSource, source } from './scripted-source.js';

const SECOND = 1_000;
const OWN = ['http://hub.example/fhir/r4b', 'http://hub.example/fhir/r4'];

let server: ScriptedSource;
let intake: RecordingIntake;
let parts: PollParts;

beforeEach(() => {
  server = new ScriptedSource();
  intake = new RecordingIntake();
  parts = {
    client: server,
    intake,
    ownBases: OWN,
    limits: { pages: 1_000, bytes: 2 ** 26, unitWrites: 3 },
  };
});

/** As the worker does it: the watermark goes on from where the last poll left it. */
async function poll(definition: SourceDefinition = source(), stillOurs = async () => true): Promise<PollResult> {
  const result = await pollSource(definition, intake.watermark, parts, stillOurs, new AbortController().signal);
  intake.watermark = result.watermark;
  return result;
}

const told = (language: string) => ({ language });

describe('what is read', () => {
  test('follows all pages and stores oldest first, in units no larger than asked', async () => {
    for (let n = 1; n <= 7; n += 1) server.commit('Patient', String(n), told(`v${n}`), server.now + n);
    await poll(source({ pageSize: 2 }));
    expect(intake.story).toEqual([1, 2, 3, 4, 5, 6, 7].map((n) => `Patient/lab-${n} v${n}`));
    expect(intake.units.map((unit) => unit.writes.length)).toEqual([3, 3, 1]);
    expect(server.asked).toHaveLength(4);
  });

  test('never puts two versions of one resource in one unit', async () => {
    for (let n = 1; n <= 3; n += 1) server.commit('Patient', 'a', told(`v${n}`), server.now + n);
    await poll();
    expect(intake.units).toHaveLength(3);
  });

  test('asks from the watermark less the overlap and takes nothing in twice', async () => {
    server.commit('Patient', '1', told('a'));
    await poll();
    server.now += 10 * SECOND;
    await poll();
    expect(server.asked[1]).toBe(`${ADDRESS}/_history?_since=2026-01-01T11%3A59%3A00.000Z&_count=100`);
    expect(intake.story).toEqual(['Patient/lab-1 a']);
  });

  test('takes in what was committed late, behind the watermark but within the overlap', async () => {
    server.commit('Patient', '1', told('a'));
    await poll();
    server.commit('Patient', '2', told('late'), server.now - 50 * SECOND);
    server.now += 5 * SECOND;
    await poll();
    expect(intake.story).toEqual(['Patient/lab-1 a', 'Patient/lab-2 late']);
  });

  test('takes in all of a group that bears one instant, also when it grows after the poll', async () => {
    server.commit('Patient', '1', told('a'));
    await poll(source({ overlapSeconds: 0 }));
    server.commit('Patient', '2', told('b'));
    await poll(source({ overlapSeconds: 0 }));
    await poll(source({ overlapSeconds: 0 }));
    expect(intake.story).toEqual(['Patient/lab-1 a', 'Patient/lab-2 b']);
  });

  test.each([true, false])(
    'keeps up with a source whose instants are whole seconds (time by the Date header alone: %s)',
    async (byDate) => {
      server.wholeSeconds = true;
      server.dateHeaderOnly = byDate;
      server.now += 400;
      server.commit('Patient', '1', told('a'));
      await poll(source({ overlapSeconds: 0 }));
      server.now += 300;
      server.commit('Patient', '1', told('b'));
      server.commit('Patient', '2', told('c'));
      await poll(source({ overlapSeconds: 0 }));
      server.now += 2 * SECOND;
      await poll(source({ overlapSeconds: 0 }));
      expect(intake.story).toEqual(['Patient/lab-1 a', 'Patient/lab-1 b', 'Patient/lab-2 c']);
    },
  );

  test('keeps up with a source whose own clock is finer than the times of its versions', async () => {
    server.now += 400;
    server.commit('Patient', '1', told('a'), Math.floor(server.now / SECOND) * SECOND);
    await poll(source({ overlapSeconds: 0 }));
    server.now += 300;
    server.commit('Patient', '2', told('b'), Math.floor(server.now / SECOND) * SECOND);
    await poll(source({ overlapSeconds: 0 }));
    await poll(source({ overlapSeconds: 0 }));
    expect(intake.story).toEqual(['Patient/lab-1 a', 'Patient/lab-2 b']);
  });

  test('puts versions of one instant in the order of their numbers, whatever order the source lists them in', async () => {
    const entry = (version: string) => ({
      request: { method: 'PUT', url: 'Patient/1' },
      response: { status: '200', lastModified: '2026-01-01T12:00:00Z' },
      resource: {
        resourceType: 'Patient',
        id: '1',
        meta: { versionId: version, lastUpdated: '2026-01-01T12:00:00Z' },
        language: `v${version}`,
      },
    });
    const bundle = { resourceType: 'Bundle', type: 'history', entry: [entry('2'), entry('10'), entry('9')] };
    server.interfere = () => ({ body: Buffer.from(JSON.stringify(bundle)) });
    await poll();
    expect(intake.story).toEqual(['Patient/lab-1 v2', 'Patient/lab-1 v9', 'Patient/lab-1 v10']);
  });

  test('carries deletes and revivals', async () => {
    server.commit('Patient', '1', told('a'), server.now + 1);
    server.commit('Patient', '1', 'delete', server.now + 2);
    server.commit('Patient', '1', told('b'), server.now + 3);
    server.commit('Patient', '2', told('c'), server.now + 4);
    server.commit('Patient', '2', 'delete', server.now + 5);
    await poll();
    expect(intake.story).toEqual(['Patient/lab-1 a', '-Patient/lab-1', 'Patient/lab-1 b', 'Patient/lab-2 c', '-Patient/lab-2']);
  });

  test('asks per type where types are named, and sends the headers of the Endpoint', async () => {
    server.commit('Patient', '1', told('a'), server.now + 2);
    server.commit('Organization', '1', told('b'), server.now + 1);
    server.commit('Device', '1', told('c'));
    await poll(source({ types: ['Organization', 'Patient'], headers: [['Authorization', 'Bearer x']] }));
    expect(server.asked.map((url) => new URL(url).pathname)).toEqual(['/fhir/Organization/_history', '/fhir/Patient/_history']);
    expect(intake.story).toEqual(['Organization/lab-1 b', 'Patient/lab-1 a']);
    expect(server.sentHeaders[0]).toContainEqual(['Authorization', 'Bearer x']);
  });
});

describe('the watermark', () => {
  test('is the time of the source when the walk began, not of this machine and not of the last page', async () => {
    server.now = Date.parse('2031-05-05T00:00:00Z');
    for (let n = 1; n <= 3; n += 1) server.commit('Patient', String(n), told('a'), server.now - n);
    server.interfere = () => void (server.now += SECOND);
    await poll(source({ pageSize: 1 }));
    expect(intake.watermark.since?.toISOString()).toBe('2031-05-05T00:00:01.000Z');
  });

  test('is the greatest time seen where the source tells no time', async () => {
    const resource = { resourceType: 'Patient', id: '1', meta: { lastUpdated: '2026-01-01T12:00:00.123Z' } };
    const bundle = { resourceType: 'Bundle', type: 'history', entry: [{ resource }] };
    server.interfere = () => ({ body: Buffer.from(JSON.stringify(bundle)) });
    await poll();
    expect(intake.watermark.since?.toISOString()).toBe('2026-01-01T12:00:00.123Z');
  });

  test('is not led into the future by one wrong date', async () => {
    server.commit('Patient', '1', told('a'), Date.parse('2999-01-01T00:00:00Z'));
    await poll();
    expect(intake.watermark.since?.getTime()).toBe(server.now);
    await poll();
    expect(intake.story).toHaveLength(1);
  });

  test('moves although nothing was new, so that an old burst is not read again and again', async () => {
    server.commit('Patient', '1', told('a'));
    await poll();
    server.now += 3_600 * SECOND;
    await poll();
    expect(intake.watermark).toEqual({ since: new Date(server.now), seen: [] });
  });

  test('after a stop between two units the next poll goes on, and takes nothing in twice', async () => {
    for (let n = 1; n <= 8; n += 1) server.commit('Patient', String(n % 4), told(`v${n}`), server.now + n);
    intake.refuse = (unit) =>
      intake.units.length === 2 && unit.writes.length > 0 ? new Error('the database went away') : undefined;
    await expect(poll()).rejects.toThrow('the database went away');
    intake.refuse = () => undefined;
    await poll();
    expect(intake.story).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => `Patient/lab-${n % 4} v${n}`));
  });

  test('any sequence of commits, late ones included, and of polls cut short arrives once each and ends in the same state', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('commit' as const),
        id: fc.integer({ min: 1, max: 4 }),
        late: fc.integer({ min: 0, max: 40 }),
      }),
      fc.record({
        kind: fc.constant('poll' as const),
        units: fc.integer({ min: 0, max: 4 }),
        size: fc.integer({ min: 1, max: 5 }),
      }),
      fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 0, max: 90 }) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40, size: 'max' }),
        fc.boolean(),
        fc.boolean(),
        async (steps, wholeSeconds, coarseSince) => {
          server = new ScriptedSource();
          intake = new RecordingIntake();
          parts = { ...parts, client: server, intake, limits: { ...parts.limits, unitWrites: 2 } };
          server.wholeSeconds = wholeSeconds;
          server.coarseSince = coarseSince;
          const committed: string[] = [];
          for (const [n, one] of steps.entries()) {
            if (one.kind === 'pass') server.now += one.seconds * SECOND;
            if (one.kind === 'commit') {
              server.now += 400;
              // Late only on a resource of its own: versions of one resource never run backwards in time.
              const id = one.late > 0 ? `late${n}` : String(one.id);
              server.commit('Patient', id, told(`n${n}`), server.now - one.late * SECOND);
              committed.push(`Patient/lab-${id} n${n}`);
            }
            if (one.kind === 'poll') {
              const until = intake.units.length + one.units;
              intake.refuse = () => (intake.units.length >= until ? new Error('cut short') : undefined);
              await poll(source({ pageSize: one.size })).catch(() => undefined);
            }
          }
          intake.refuse = () => undefined;
          await poll();
          expect(intake.story.toSorted()).toEqual(committed.toSorted());
          for (const id of ['1', '2', '3', '4']) {
            const of = (story: string[]) => story.filter((line) => line.startsWith(`Patient/lab-${id} `));
            expect(of(intake.story)).toEqual(of(committed));
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('what is kept of a resource', () => {
  test('ids and references get the prefix, relative and absolute ones of that source alone; decimals keep their digits', async () => {
    const text =
      '{"resourceType":"Bundle","type":"history","entry":[{"resource":{"resourceType":"Observation","id":"o.1","meta":{"versionId":"7",' +
      '"lastUpdated":"2026-01-01T12:00:00Z","tag":[{"code":"t"}]},"status":"final","code":{"text":"x"},' +
      `"subject":{"reference":"Patient/1"},"encounter":{"reference":"${ADDRESS}/Encounter/2/_history/3"},` +
      '"focus":[{"reference":"http://other.example/fhir/Patient/1"},{"reference":"#c"},{"reference":"urn:uuid:6e3d2d5e-0a5c-4bb1-8f0e-5b1f0e6b0b0a"}],' +
      '"valueQuantity":{"value":1.00}}}]}';
    server.interfere = () => ({ body: Buffer.from(text) });
    await poll();
    const [write] = intake.units[0]!.writes;
    if (write?.kind !== 'put') throw new Error('expected a put');
    expect(write.resource.text).toContain('"value":1.00');
    expect(write.resource.value).toEqual({
      resourceType: 'Observation',
      id: 'lab-o.1',
      meta: { source: ADDRESS, tag: [{ code: 't' }] },
      status: 'final',
      code: { text: 'x' },
      subject: { reference: 'Patient/lab-1' },
      encounter: { reference: 'Encounter/lab-2' },
      focus: [
        { reference: 'http://other.example/fhir/Patient/1' },
        { reference: '#c' },
        { reference: 'urn:uuid:6e3d2d5e-0a5c-4bb1-8f0e-5b1f0e6b0b0a' },
      ],
      valueQuantity: { value: 1 },
    });
    expect(parseExact(write.resource.text)).toBeDefined();
  });

  test('where it was before is kept behind its new source', async () => {
    server.commit('Patient', '1', {
      meta: { versionId: '1', lastUpdated: '2026-01-01T12:00:00Z', source: 'http://first.example#run' },
    });
    await poll();
    const [write] = intake.units[0]!.writes;
    expect(write?.kind === 'put' && write.resource.value['meta']).toEqual({
      extension: [{ url: SOURCE_PATH, valueUrl: 'http://first.example#run' }],
      source: ADDRESS,
    });
  });

  test('what came from this hub is not taken back, whichever face it left by and however many hubs it passed', async () => {
    const came = (...path: string[]) => ({
      meta: {
        ...{ versionId: '1', lastUpdated: '2026-01-01T12:00:00Z', source: path.at(-1) },
        extension: path.slice(0, -1).map((stop) => ({ url: SOURCE_PATH, valueUrl: stop })),
      },
    });
    server.commit('Patient', 'direct', came(OWN[0]!));
    server.commit('Patient', 'r4', came(`${OWN[1]}#x`));
    server.commit('Patient', 'round', came(OWN[0]!, 'http://second.example/fhir'));
    server.commit('Patient', 'round-by-other-name', came(ADDRESS, 'http://hub-by-another-name.example/fhir/r4b'));
    server.commit('Patient', 'long-way', came(...Array.from({ length: 9 }, (_, n) => `http://hub${n}.example/fhir`)));
    server.commit('Patient', 'neighbour', came('http://hub.example/fhir/r4bis'));
    server.commit('Patient', 'own-stamp', came(ADDRESS));
    const { skipped } = await poll();
    expect(intake.story).toEqual(['Patient/lab-neighbour', 'Patient/lab-own-stamp']);
    expect(skipped).toEqual([]);
  });

  test('a source cannot subscribe or poll in our name', async () => {
    server.commit('Subscription', '1', {});
    server.commit('SubscriptionTopic', '1', {});
    server.commit('Endpoint', '1', { extension: [{ url: 'https://carillon.example/fhir/StructureDefinition/source-poll' }] });
    server.commit('Endpoint', '2', {
      language: 'data',
      status: 'active',
      connectionType: { code: 'x' },
      payloadType: [{ text: 'y' }],
      address: 'http://a.example',
    });
    await poll();
    expect(intake.story).toEqual(['Endpoint/lab-2 data']);
  });
});

describe('what goes wrong', () => {
  test('a resource that cannot be stored is told and holds up no other, and is not told again', async () => {
    server.commit('Patient', '1', { bad: true });
    server.commit('Patient', '2', told('a'));
    server.commit('Patient', '3', { text: 'a \u0001 control character' });
    expect((await poll()).skipped).toEqual([
      expect.stringMatching(/^Patient\/3\/1: .*control/),
      expect.stringMatching(/^Patient\/1\/1: .*bad/),
    ]);
    expect((await poll()).skipped).toEqual([]);
    expect(intake.story).toEqual(['Patient/lab-2 a']);
  });

  test('a resource that intake refuses is told and holds up no other', async () => {
    for (const id of ['1', '2', '3', '4', '5']) server.commit('Patient', id, told('a'));
    const refused = (unit: { writes: readonly unknown[] }) =>
      unit.writes.some((write) => (write as { resource: { id: string } }).resource.id === 'lab-4');
    intake.refuse = (unit) => (refused(unit) ? new FhirError('processing', 'no such thing') : undefined);
    const { skipped, taken } = await poll();
    expect(skipped).toEqual(['Patient/lab-4: no such thing']);
    expect(taken).toBe(4);
    expect(intake.story).toHaveLength(4);
    expect((await poll()).skipped).toEqual([]);
  });

  test('a walk that breaks off stores nothing and leaves the watermark', async () => {
    for (let n = 1; n <= 3; n += 1) server.commit('Patient', String(n), told('a'), server.now + n);
    server.interfere = (page) => (page === 1 ? { status: 410 } : undefined);
    await expect(poll(source({ pageSize: 1 }))).rejects.toThrow(PollFailure);
    expect(intake.units).toEqual([]);
    expect(intake.watermark.since).toBeNull();
    await poll(source({ pageSize: 1 }));
    expect(intake.story).toHaveLength(3);
  });

  test.each([
    ['17', 17_000],
    ['Thu, 01 Jan 2026 12:00:30 GMT', 30_000],
    ['soon', undefined],
  ])('a busy source is left alone as long as it asks (Retry-After: %s)', async (retryAfter, milliseconds) => {
    const date = new Date(server.now).toUTCString();
    server.interfere = () => ({ status: 429, headers: { 'retry-after': retryAfter, date } });
    await expect(poll()).rejects.toMatchObject({ retryAfterMilliseconds: milliseconds });
  });

  test.each([
    ['nothing', ''],
    ['no JSON', '<html>'],
    ['a list', '[]'],
    ['null', 'null'],
    ['another resource', '{"resourceType":"Patient"}'],
    ['an OperationOutcome', '{"resourceType":"OperationOutcome","issue":[{"diagnostics":"sorry"}]}'],
    ['an entry that is no list', '{"resourceType":"Bundle","entry":{"0":1}}'],
    ['a deep nest', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
    ['a next page on another server', '{"resourceType":"Bundle","link":[{"relation":"next","url":"http://evil.example/"}]}'],
    ['a next page by another scheme', '{"resourceType":"Bundle","link":[{"relation":"next","url":"file:///etc/passwd"}]}'],
  ])('%s for an answer fails the poll and stores nothing', async (_what, body) => {
    server.interfere = () => ({ body: Buffer.from(body) });
    await expect(poll()).rejects.toThrow(PollFailure);
    expect(intake.units).toEqual([]);
  });

  test('hostile entries are told and left out', async () => {
    const good = { resource: { resourceType: 'Patient', id: 'ok', meta: { versionId: '1' } } };
    const entry = [
      ...[
        null,
        1,
        'x',
        [],
        {},
        { resource: null },
        { resource: { resourceType: 'Patient' } },
        { request: { method: 'DELETE', url: 'Patient' } },
      ],
      ...[{ resource: { resourceType: '../etc', id: 'x' } }, { resource: { resourceType: 'Patient', id: '../1' } }, good],
      { resource: JSON.parse('{"resourceType":"Patient","id":"proto","__proto__":{"x":1}}') as unknown },
    ];
    server.interfere = () => ({ body: Buffer.from(JSON.stringify({ resourceType: 'Bundle', entry })) });
    const { skipped } = await poll();
    expect(skipped).toHaveLength(11);
    expect(intake.story).toEqual(['Patient/lab-ok']);
  });

  test('pages that lead in a circle, and pages without end, fail the poll', async () => {
    const next = (url: string) => ({
      body: Buffer.from(JSON.stringify({ resourceType: 'Bundle', link: [{ relation: 'next', url }] })),
    });
    server.interfere = () => next(`${ADDRESS}?page=1`);
    await expect(poll()).rejects.toThrow('circle');
    server.interfere = (page) => next(`${ADDRESS}?page=${page}`);
    await expect(poll()).rejects.toThrow('more than 1000 pages');
  });

  test('a history larger than the room for it fails the poll', async () => {
    server.commit('Patient', '1', told('a'));
    parts = { ...parts, limits: { ...parts.limits, bytes: 100 } };
    await expect(poll()).rejects.toThrow('too large');
  });

  test('stops before the next unit once another process has the lease', async () => {
    for (let n = 1; n <= 8; n += 1) server.commit('Patient', String(n), told('a'), server.now + n);
    let asked = 0;
    await poll(source(), async () => ++asked < 2);
    expect(intake.story).toHaveLength(3);
    await poll();
    expect(intake.story).toHaveLength(8);
  });
});
