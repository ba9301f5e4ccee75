import { describe, expect, test } from '@jest/globals';
import type { Change } from '../../../src/fhir/change.js';
import { StandingQueries } from '../../../src/matching/standing-queries.js';
import { SILENT_LOG } from '../../../src/telemetry/log.js';
import { ChangeMaker } from '../../support/changes.js';
import { SEMANTICS } from '../../support/semantics.js';

const BP = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';

const classic = (id: string, criteria: string, status = 'active') => ({
  resourceType: 'Subscription',
  id,
  status,
  criteria,
  channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/' },
});
const topical = (id: string, criteria: string, filters: string[] = [], status = 'active') => ({
  ...classic(id, criteria, status),
  _criteria: { extension: filters.map((valueString) => ({ url: `${BP}filter-criteria`, valueString })) },
  channel: {
    type: 'rest-hook',
    endpoint: 'http://127.0.0.1:9/',
    payload: 'application/fhir+json',
    _payload: { extension: [{ url: `${BP}payload-content`, valueCode: 'empty' }] },
  },
});
const topic = (id: string, url: string, trigger: object | object[], more: object = {}) => ({
  resourceType: 'SubscriptionTopic',
  id,
  url,
  status: 'active',
  resourceTrigger: [trigger].flat(),
  ...more,
});

class World {
  readonly maker = new ChangeMaker();
  readonly warnings: string[] = [];
  readonly standing = new StandingQueries(SEMANTICS, {
    debug: SILENT_LOG.debug,
    info: SILENT_LOG.info,
    fatal: SILENT_LOG.fatal,
    warn: (_facts, event) => void this.warnings.push(event),
    error: (_facts, event) => void this.warnings.push(event),
  });

  apply(resource: Parameters<ChangeMaker['put']>[0]) {
    return this.standing.apply(this.maker.put(resource));
  }

  /** Ids of the subscriptions among `ids` whose group hears of the change. */
  hears(ids: string[], change: Change, previous?: Change): string[] {
    const groups = this.standing.match(change, previous);
    return ids.filter((id) => groups.includes(this.standing.groupOf(id) ?? ''));
  }
}

describe('membership', () => {
  test('subscriptions that ask the same in other words share a group', () => {
    const world = new World();
    const [join] = world.apply(classic('a', 'Observation?status=final&code=http://x|1'));
    world.apply(classic('b', '/Observation?code=http%3A%2F%2Fx%7C1&status=final'));
    expect(join).toMatchObject({ kind: 'join', subscriptionId: 'a' });
    expect(world.standing.groupOf('a')).toBe(world.standing.groupOf('b'));
    expect(world.standing.counters).toMatchObject({ groups: 1, subscriptions: 2, entries: 1 });
  });

  test('a pause leaves, a new filter leaves and joins, a change of anything else does nothing, a delete forgets', () => {
    const world = new World();
    const kinds = (steps: { kind: string }[]) => steps.map(({ kind }) => kind);
    expect(kinds(world.apply(classic('a', 'Patient')))).toEqual(['join']);
    expect(kinds(world.apply(classic('a', 'Patient', 'error')))).toEqual([]);
    expect(kinds(world.apply(classic('a', 'Patient?active=true')))).toEqual(['leave', 'join']);
    expect(kinds(world.apply(classic('a', 'Patient?active=true', 'off')))).toEqual(['leave']);
    expect(kinds(world.apply(classic('a', 'Patient?active=true')))).toEqual(['join']);
    expect(kinds(world.standing.apply(world.maker.remove('Subscription', 'a')))).toEqual(['forget']);
    expect(world.standing.counters).toMatchObject({ groups: 0, subscriptions: 0, entries: 0 });
  });

  test('an older version that comes later in the log changes nothing', () => {
    const world = new World();
    const first = world.maker.put(classic('a', 'Patient'));
    const second = world.maker.put(classic('a', 'Patient', 'off'));
    world.standing.apply(second);
    expect(world.standing.apply(first)).toEqual([]);
    expect(world.standing.groupOf('a')).toBeUndefined();
  });

  test('a Subscription that cannot be read takes no events, and the log says so', () => {
    const world = new World();
    expect(world.apply({ resourceType: 'Subscription', id: 'a', status: 'active', criteria: '?' })).toEqual([]);
    expect(world.warnings).toEqual(['matching.subscription-unreadable']);
  });
});

describe('topics', () => {
  test('a filter for one type is not applied to events of another', () => {
    const world = new World();
    world.apply(
      topic('t', 'http://x/t', [{ resource: 'Encounter' }, { resource: 'Patient' }], {
        canFilterBy: [{ resource: 'Encounter', filterParameter: 'status' }],
      }),
    );
    world.apply(topical('s', 'http://x/t', ['Encounter?status=finished']));
    expect(world.hears(['s'], world.maker.put({ resourceType: 'Encounter', id: 'e', status: 'planned' }))).toEqual([]);
    expect(world.hears(['s'], world.maker.put({ resourceType: 'Encounter', id: 'f', status: 'finished' }))).toEqual(['s']);
    expect(world.hears(['s'], world.maker.put({ resourceType: 'Patient', id: 'p' }))).toEqual(['s']);
  });

  test('a topic about every type hears of all, and its shared filters are read for each', () => {
    const world = new World();
    world.apply(topic('t', 'http://x/t', { resource: 'Resource' }, { canFilterBy: [{ filterParameter: '_id' }] }));
    world.apply(topical('all', 'http://x/t'));
    world.apply(topical('one', 'http://x/t', ['_id=p']));
    world.apply(topical('typed', 'http://x/t', ['Patient?_id=p']));
    const ids = ['all', 'one', 'typed'];
    expect(world.hears(ids, world.maker.put({ resourceType: 'Patient', id: 'p' }))).toEqual(ids);
    expect(world.hears(ids, world.maker.put({ resourceType: 'Patient', id: 'q' }))).toEqual(['all']);
    expect(world.hears(ids, world.maker.put({ resourceType: 'Device', id: 'p' }))).toEqual(['all', 'one', 'typed']);
  });

  test('a bare canonical follows the newest version, a versioned one keeps its own', () => {
    const world = new World();
    world.apply(topic('v1', 'http://x/t', { resource: 'Patient', supportedInteraction: ['create'] }, { version: '1' }));
    world.apply(topical('bare', 'http://x/t'));
    world.apply(topical('fixed', 'http://x/t|1'));
    const ids = ['bare', 'fixed'];
    expect(world.hears(ids, world.maker.put({ resourceType: 'Patient', id: 'p' }))).toEqual(ids);
    world.apply(topic('v2', 'http://x/t', { resource: 'Patient', supportedInteraction: ['update'] }, { version: '2' }));
    expect(world.hears(ids, world.maker.put({ resourceType: 'Patient', id: 'q' }))).toEqual(['fixed']);
    expect(world.hears(ids, world.maker.put({ resourceType: 'Patient', id: 'q' }))).toEqual(['bare']);
    world.standing.apply(world.maker.remove('SubscriptionTopic', 'v2'));
    expect(world.hears(ids, world.maker.put({ resourceType: 'Patient', id: 'r' }))).toEqual(ids);
  });

  test('a FHIRPath that fails on a resource does not fire, is logged, and leaves the other triggers alone', () => {
    const world = new World();
    world.apply(
      topic('t', 'http://x/t', [
        { resource: 'Patient', fhirPathCriteria: "%current.name.given.single() = 'A'" },
        { resource: 'Patient', queryCriteria: { current: 'active=true' } },
      ]),
    );
    world.apply(topical('s', 'http://x/t'));
    const given = [{ given: ['A', 'B'] }];
    expect(world.hears(['s'], world.maker.put({ resourceType: 'Patient', id: 'p', name: given }))).toEqual([]);
    expect(world.warnings).toEqual(['matching.trigger-failed']);
    expect(world.hears(['s'], world.maker.put({ resourceType: 'Patient', id: 'p', name: given, active: true }))).toEqual(['s']);
    expect(world.hears(['s'], world.maker.put({ resourceType: 'Patient', id: 'q', name: [{ given: ['A'] }] }))).toEqual(['s']);
  });

  test('the state before is asked for only where some topic that has subscribers looks at it', () => {
    const world = new World();
    const update = { type: 'Encounter', interaction: 'update' } as const;
    const criteria = { previous: 'status:not=finished', current: 'status=finished', requireBoth: true };
    world.apply(topic('t', 'http://x/t', { resource: 'Encounter', queryCriteria: criteria }));
    expect(world.standing.needsPrevious(update)).toBe(false);
    world.apply(topical('s', 'http://x/t'));
    expect(world.standing.needsPrevious(update)).toBe(true);
    expect(world.standing.needsPrevious({ type: 'Encounter', interaction: 'create' })).toBe(false);
    expect(world.standing.needsPrevious({ type: 'Patient', interaction: 'update' })).toBe(false);
    world.standing.apply(world.maker.remove('Subscription', 's'));
    expect(world.standing.needsPrevious(update)).toBe(false);
  });

  test('filters of a delete are tested on the state before it; classic criteria never hear of one', () => {
    const world = new World();
    world.apply(
      topic('t', 'http://x/t', { resource: 'Patient' }, { canFilterBy: [{ resource: 'Patient', filterParameter: 'active' }] }),
    );
    world.apply(topical('yes', 'http://x/t', ['active=true']));
    world.apply(topical('no', 'http://x/t', ['active=false']));
    world.apply(classic('classic', 'Patient?active=true'));
    const before = world.maker.put({ resourceType: 'Patient', id: 'p', active: true });
    expect(world.hears(['yes', 'no', 'classic'], before)).toEqual(['yes', 'classic']);
    expect(world.hears(['yes', 'no', 'classic'], world.maker.remove('Patient', 'p'), before)).toEqual(['yes']);
  });

  test('a version that no longer declares a filter silences the groups that use it, and no others', () => {
    const world = new World();
    const declared = { canFilterBy: [{ resource: 'Patient', filterParameter: 'active' }] };
    world.apply(topic('t', 'http://x/t', { resource: 'Patient' }, declared));
    world.apply(topical('filtered', 'http://x/t', ['active=true']));
    world.apply(topical('plain', 'http://x/t'));
    world.apply(topic('t', 'http://x/t', { resource: 'Patient' }));
    const ids = ['filtered', 'plain'];
    expect(world.hears(ids, world.maker.put({ resourceType: 'Patient', id: 'p', active: true }))).toEqual(['plain']);
    world.apply(topic('t', 'http://x/t', { resource: 'Patient' }, declared));
    expect(world.hears(ids, world.maker.put({ resourceType: 'Patient', id: 'p', active: true }))).toEqual(ids);
  });
});

describe('coded events', () => {
  const ADMIT = { system: 'http://v2', code: 'A01' };
  const eventTrigger = (resource: string, ...coding: object[]) => [{ resource, event: { coding } }];
  const told = (
    world: World,
    ids: string[],
    focus: Change,
    coding: { system?: string; code: string } = ADMIT,
    heard: string[] = [],
  ) => {
    const event = { codings: [coding], focus: [{ type: focus.type, id: focus.id, written: true }] };
    const groups = world.standing.matchEvent({ event, focus }, heard);
    return ids.filter((id) => groups.includes(world.standing.groupOf(id) ?? ''));
  };

  test('fire the topics with a trigger for the same code of the same system and for the type of the focus', () => {
    const world = new World();
    world.apply(topic('t', 'http://x/t', [], { eventTrigger: eventTrigger('Encounter', { ...ADMIT, code: 'A04' }, ADMIT) }));
    world.apply(topic('any', 'http://x/any', [], { eventTrigger: eventTrigger('Resource', ADMIT) }));
    world.apply(topical('s', 'http://x/t'));
    world.apply(topical('a', 'http://x/any'));
    const encounter = world.maker.put({ resourceType: 'Encounter', id: 'e', status: 'planned' });
    expect(told(world, ['s', 'a'], encounter)).toEqual(['s', 'a']);
    expect(told(world, ['s', 'a'], world.maker.put({ resourceType: 'Patient', id: 'p' }))).toEqual(['a']);
    expect(told(world, ['s', 'a'], encounter, { ...ADMIT, code: 'A02' })).toEqual([]);
    expect(told(world, ['s', 'a'], encounter, { code: 'A01' })).toEqual([]);
    expect(world.hears(['s', 'a'], encounter)).toEqual([]);
  });

  test('ask filters of the focus, never criteria on resources, and tell no group what it has heard', () => {
    const world = new World();
    const more = {
      eventTrigger: eventTrigger('Encounter', ADMIT),
      canFilterBy: [{ resource: 'Encounter', filterParameter: 'status' }],
    };
    world.apply(topic('t', 'http://x/t', { resource: 'Encounter', supportedInteraction: ['delete'] }, more));
    world.apply(topical('yes', 'http://x/t', ['status=planned']));
    world.apply(topical('no', 'http://x/t', ['status=finished']));
    world.apply(classic('classic', 'Encounter?status=planned'));
    const ids = ['yes', 'no', 'classic'];
    const encounter = world.maker.put({ resourceType: 'Encounter', id: 'e', status: 'planned' });
    expect(told(world, ids, encounter)).toEqual(['yes']);
    expect(told(world, ids, encounter, ADMIT, [world.standing.groupOf('yes')!])).toEqual([]);
  });

  test('a trigger may come and go with its topic, and a retired topic is silent', () => {
    const world = new World();
    const more = { eventTrigger: eventTrigger('Patient', ADMIT) };
    world.apply(topic('t', 'http://x/t', { resource: 'Encounter' }));
    world.apply(topical('s', 'http://x/t'));
    const patient = world.maker.put({ resourceType: 'Patient', id: 'p' });
    expect(told(world, ['s'], patient)).toEqual([]);
    world.apply(topic('t', 'http://x/t', { resource: 'Encounter' }, more));
    expect(told(world, ['s'], patient)).toEqual(['s']);
    world.apply({ ...topic('t', 'http://x/t', { resource: 'Encounter' }, more), status: 'retired' });
    expect(told(world, ['s'], patient)).toEqual([]);
  });
});
