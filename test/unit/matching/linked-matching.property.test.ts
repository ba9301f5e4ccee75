import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Change } from '../../../src/fhir/change.js';
import type { MembershipChange } from '../../../src/matching/event-ledger.js';
import { groupPlan } from '../../../src/matching/group-plan.js';
import { matchSlice } from '../../../src/matching/match-slice.js';
import { StandingQueries } from '../../../src/matching/standing-queries.js';
import { clauseHolds } from '../../../src/search/clause-holds.js';
import { isLinked } from '../../../src/search/conditions.js';
import { parseSubscription } from '../../../src/subscriptions/parse-subscription.js';
import { resolveFilters } from '../../../src/subscriptions/resolve-filters.js';
import { SILENT_LOG } from '../../../src/telemetry/log.js';
import { readTopic } from '../../../src/topics/current-catalog.js';
import { ChangeMaker } from '../../support/changes.js';
import { SEMANTICS } from '../../support/semantics.js';
import { MemoryChangeLog } from '../../support/twins/memory-change-log.js';
import { MemoryLinkedResources } from '../../support/twins/memory-linked-resources.js';

/*
 * Subscriptions with and without links beside changes of everything that they look at, matched slice by slice; against a walk that asks
 * each subscription of each change in turn, with the other resources as they stand when the slice is matched.
 */

const TOPIC = {
  resourceType: 'SubscriptionTopic',
  id: 't',
  url: 'http://x/t',
  status: 'active',
  resourceTrigger: [{ resource: 'Observation' }],
  canFilterBy: [
    { resource: 'Observation', filterParameter: 'status' },
    { resource: 'Observation', filterParameter: 'patient.gender' },
    { resource: 'Observation', filterParameter: 'patient.organization' },
  ],
};
const BP = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';

const who = fc.constantFrom('a', 'b', 'c');
const gender = fc.constantFrom('male', 'female');
const status = fc.constantFrom('final', 'amended');
const local = fc.oneof(
  status.map((value) => `status=${value}`),
  status.map((value) => `status:not=${value}`),
  who.map((id) => `patient=${id}`),
);
const link = fc.oneof(
  gender.map((value) => `subject:Patient.gender=${value}`),
  gender.map((value) => `patient.gender:not=${value}`),
  fc.constantFrom('h1', 'h2').map((id) => `subject:Patient.organization=Organization/${id}`),
  fc.constantFrom('lake', 'hill').map((name) => `patient.organization.name=${name}`),
  status.map((value) => `patient._has:Observation:patient:status=${value}`),
);
const criteria = fc.oneof(
  fc.tuple(fc.array(local, { maxLength: 2 }), fc.array(link, { maxLength: 2 })).map(([own, links]) => {
    const all = [...own, ...links];
    return all.length === 0 ? 'Observation' : `Observation?${all.join('&')}`;
  }),
  status.map((value) => `Patient?_has:Observation:patient:status=${value}`),
  fc.tuple(gender, status).map(([a, b]) => `Patient?gender=${a}&_has:Observation:subject:status:not=${b}`),
);
const filters = fc.subarray(['status=final', 'patient.gender=female', 'Observation?patient.organization=Organization/h1']);
const asked = fc.oneof(
  { weight: 3, arbitrary: criteria.map((text) => ({ criteria: text })) },
  {
    weight: 1,
    arbitrary: filters.map((some) => ({
      criteria: TOPIC.url,
      _criteria: { extension: some.map((valueString) => ({ url: `${BP}filter-criteria`, valueString })) },
    })),
  },
);
const subscription = fc
  .tuple(fc.constantFrom('s1', 's2', 's3', 's4', 's5', 's6'), asked, fc.constantFrom('active', 'active', 'active', 'off'))
  .map(([id, about, state]) => ({
    resourceType: 'Subscription',
    id,
    status: state,
    ...about,
    channel: {
      type: 'rest-hook',
      endpoint: 'http://127.0.0.1:9/',
      payload: 'application/fhir+json',
      ...(about.criteria === TOPIC.url && {
        _payload: { extension: [{ url: `${BP}payload-content`, valueCode: 'empty' }] },
      }),
    },
  }));
const resource = fc.oneof(
  subscription,
  fc.record({
    resourceType: fc.constant('Patient'),
    id: who,
    gender,
    managingOrganization: fc.constantFrom('h1', 'h2').map((id) => ({ reference: `Organization/${id}` })),
  }),
  fc.record({
    resourceType: fc.constant('Organization'),
    id: fc.constantFrom('h1', 'h2'),
    name: fc.constantFrom('lake', 'hill'),
  }),
  fc.record({
    resourceType: fc.constant('Observation'),
    id: fc.constantFrom('x', 'y', 'z'),
    status,
    subject: who.map((id) => ({ reference: `Patient/${id}` })),
  }),
);
const write = fc.oneof(
  { weight: 8, arbitrary: resource.map((value) => ({ value: value as { resourceType: string; id: string } })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('Patient/a', 'Organization/h1', 'Observation/x', 'Subscription/s1').map((gone) => ({ gone })),
  },
);

test('events are those of a walk over all subscriptions, link by link', async () => {
  let linkedHits = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(write, { minLength: 1, maxLength: 6 }), { maxLength: 14 }), async (slices) => {
      const maker = new ChangeMaker();
      const log: Change[] = [];
      const changes = new MemoryChangeLog();
      const linked = new MemoryLinkedResources(log, SEMANTICS);
      const standing = new StandingQueries(SEMANTICS, SILENT_LOG);
      const given = new Given();
      const model = new Model(linked);
      const alive = new Set<string>();
      for (const writes of [[{ value: TOPIC }], ...slices]) {
        const pending = writes.flatMap((one) => {
          if ('value' in one) {
            alive.add(`${one.value.resourceType}/${one.value.id}`);
            return [maker.put(one.value)];
          }
          const [type = '', id = ''] = one.gone.split('/');
          return alive.delete(one.gone) ? [maker.remove(type, id)] : [];
        });
        log.push(...pending);
        changes.append(...pending);
        for (let left = pending; left.length > 0;) {
          const slice = await matchSlice(left, standing, changes, SILENT_LOG, {
            milliseconds: 1000,
            overtaken: new Set(),
            reached: undefined,
            links: { linked, failing: { switchOff: () => Promise.reject(new Error('nothing fails here')) } },
            beforeChange: () => undefined,
          });
          given.play(slice!.batch);
          left = left.slice(slice!.taken);
        }
        for (const change of pending) linkedHits += await model.play(change);
        expect(given.bySubscription).toEqual(model.bySubscription);
      }
    }),
    { numRuns: 150 },
  );
  expect(linkedHits).toBeGreaterThan(50);
}, 60_000);

/** Events of each subscription as the numbered log would give them: memberships stand between the events. */
class Given {
  readonly bySubscription = new Map<string, bigint[]>();
  private readonly open = new Map<string, string>();

  play({
    events,
    memberships,
  }: {
    events: readonly { groupFingerprint: string; change: { seq: bigint } }[];
    memberships: readonly MembershipChange[];
  }): void {
    const steps = [...memberships];
    for (let n = 0; n <= events.length; n++) {
      while (steps[0] !== undefined && (steps[0].kind === 'forget' || steps[0].afterEvent === n)) this.move(steps.shift()!);
      const event = events[n];
      if (event === undefined) continue;
      for (const [id, fingerprint] of this.open)
        if (fingerprint === event.groupFingerprint) this.bySubscription.get(id)?.push(event.change.seq);
    }
    expect(steps).toEqual([]);
  }

  private move(step: MembershipChange): void {
    if (step.kind === 'join') {
      this.open.set(step.subscriptionId, step.groupFingerprint);
      if (!this.bySubscription.has(step.subscriptionId)) this.bySubscription.set(step.subscriptionId, []);
    } else this.open.delete(step.subscriptionId);
    if (step.kind === 'forget') this.bySubscription.delete(step.subscriptionId);
  }
}

/** No index and no groups: each subscription is asked of each change. */
class Model {
  readonly bySubscription = new Map<string, bigint[]>();
  private readonly active = new Map<string, Change>();
  private readonly bodies = new Map<string, string | null>();

  constructor(private readonly linked: MemoryLinkedResources) {}

  async play(change: Change): Promise<number> {
    let linkedHits = 0;
    const name = `${change.type}/${change.id}`;
    for (const [id, subscription] of this.active) {
      const { conditions, type, hearsOfDeletes } = this.conditionsOf(subscription);
      if (type !== change.type || (change.body === null && !hearsOfDeletes)) continue;
      const body = JSON.parse(change.body ?? this.bodies.get(name)!) as unknown;
      const values = SEMANTICS.extract(type, body, { id: change.id, lastUpdated: change.at });
      const links = conditions.filter(isLinked).map((one) => one.link);
      const [verdict] = await this.linked.hold([{ type, id: change.id, values, links }]);
      if (verdict !== true || !conditions.every((one) => isLinked(one) || clauseHolds(one, values))) continue;
      this.bySubscription.get(id)!.push(change.position.seq);
      linkedHits += Math.min(1, links.length);
    }
    this.bodies.set(name, change.body);
    if (change.type !== 'Subscription') return linkedHits;
    if (change.body === null) {
      this.active.delete(change.id);
      this.bySubscription.delete(change.id);
      return linkedHits;
    }
    if (!this.bySubscription.has(change.id)) this.bySubscription.set(change.id, []);
    const { status: state } = JSON.parse(change.body) as { status: string };
    if (state === 'off') this.active.delete(change.id);
    else this.active.set(change.id, change);
    return linkedHits;
  }

  private conditionsOf({ body, id, version, face }: Change) {
    const { subject } = parseSubscription(JSON.parse(body!) as Record<string, unknown>, id, version, face);
    if (subject.kind === 'topic') {
      const topic = readTopic(JSON.stringify(TOPIC), 't', SEMANTICS)!;
      return {
        type: 'Observation',
        hearsOfDeletes: true,
        conditions: resolveFilters(subject.filters, topic.definition, SEMANTICS).get('Observation') ?? [],
      };
    }
    const query = SEMANTICS.parseCriteria(subject.criteria);
    return {
      type: query.type,
      hearsOfDeletes: false,
      conditions: [...query.clauses, ...query.links.map((one) => ({ link: one, written: '' }))],
    };
  }
}

const definitionOf = (text: string) =>
  parseSubscription(
    {
      resourceType: 'Subscription',
      status: 'active',
      criteria: text,
      channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/' },
    },
    's',
    1,
    'r4b',
  );

test('criteria with links read back from the definition of their group as they were', () => {
  for (const text of [
    'Observation?status=final&subject:Patient.name=a%26b,c%2Bd',
    'Patient?_has:Observation:patient:code=http://x|1,2&gender=male',
    'Observation?patient.organization.name:exact=Lake House',
  ]) {
    const { subject, fingerprint } = groupPlan(definitionOf(text), SEMANTICS);
    const again = groupPlan(definitionOf((subject as { criteria: string }).criteria), SEMANTICS);
    expect(again.fingerprint).toBe(fingerprint);
    const { clauses, links } = SEMANTICS.parseCriteria((subject as { criteria: string }).criteria);
    const written = SEMANTICS.parseCriteria(text);
    expect({ clauses, links }).toEqual({ clauses: written.clauses, links: written.links });
  }
});
