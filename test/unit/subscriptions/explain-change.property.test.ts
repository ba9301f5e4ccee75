import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Change } from '../../../src/fhir/change.js';
import { StandingQueries } from '../../../src/matching/standing-queries.js';
import { explainChange } from '../../../src/subscriptions/explain-change.js';
import { parseSubscription } from '../../../src/subscriptions/parse-subscription.js';
import { SILENT_LOG } from '../../../src/telemetry/log.js';
import { readTopic } from '../../../src/topics/current-catalog.js';
import { resourceState } from '../../../src/topics/resource-state.js';
import { TopicCatalog } from '../../../src/topics/topic-catalog.js';
import { ChangeMaker } from '../../support/changes.js';
import { SEMANTICS } from '../../support/semantics.js';

const BP = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
const URL = 'http://example.org/topic';

const query = fc.constantFrom('status=final', 'status:not=final', 'code=c1', 'value-quantity=gt3', 'status=final&code=c2');
const results = fc.constantFrom(undefined, 'test-passes', 'test-fails');
const trigger = fc.record(
  {
    resource: fc.constantFrom('Observation', 'Observation', 'Encounter', 'Resource'),
    supportedInteraction: fc.subarray(['create', 'update', 'delete'], { minLength: 1 }),
    queryCriteria: fc
      .record(
        { previous: query, current: query, resultForCreate: results, resultForDelete: results, requireBoth: fc.boolean() },
        { requiredKeys: ['current'] },
      )
      .filter(({ current, previous }) => current !== undefined || previous !== undefined),
    fhirPathCriteria: fc.constantFrom(
      "%current.status = 'final'",
      "%previous.status != 'final' and %current.status = 'final'",
      '%current.status.toInteger() > 1 or 1',
    ),
  },
  { requiredKeys: ['resource'] },
);
const topic = fc.record({
  resourceType: fc.constant('SubscriptionTopic'),
  id: fc.constant('t'),
  url: fc.constant(URL),
  status: fc.constantFrom('active', 'active', 'active', 'retired'),
  resourceTrigger: fc.array(trigger, { minLength: 1, maxLength: 3 }),
  canFilterBy: fc.constant([
    { resource: 'Observation', filterParameter: 'code' },
    { resource: 'Observation', filterParameter: 'status', modifier: ['=', 'not'] },
    { resource: 'Observation', filterParameter: 'value-quantity', modifier: ['=', 'gt', 'lt', 'missing'] },
    { filterParameter: '_id' },
  ]),
});
const filters = fc.subarray([
  'Observation?code=c1,c2',
  'status:not=final',
  'value-quantity=lt5',
  '_id=o1',
  'Observation.code=c2',
]);
const subscription = fc.oneof(
  fc.record({
    criteria: fc.constantFrom('Observation?status=final', 'Observation?code=c1&value-quantity=gt2', 'Encounter', 'Observation'),
  }),
  fc.record({ criteria: fc.constant(URL), filters }),
);
const observation = fc.record(
  {
    status: fc.constantFrom('final', 'amended'),
    code: fc.constantFrom('c1', 'c2', 'c3').map((code) => ({ coding: [{ code }] })),
    valueQuantity: fc.integer({ min: 0, max: 6 }).map((value) => ({ value })),
  },
  { requiredKeys: ['code'] },
);
const step = fc.record({ id: fc.constantFrom('o1', 'o2'), content: fc.option(observation, { nil: null, freq: 4 }) });

const subscriptionOf = (id: string, asked: { criteria: string; filters?: string[] }, status: string) => ({
  resourceType: 'Subscription',
  id,
  status,
  criteria: asked.criteria,
  ...(asked.filters === undefined
    ? { channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/' } }
    : {
        _criteria: { extension: asked.filters.map((valueString) => ({ url: `${BP}filter-criteria`, valueString })) },
        channel: {
          type: 'rest-hook',
          endpoint: 'http://127.0.0.1:9/',
          payload: 'application/fhir+json',
          _payload: { extension: [{ url: `${BP}payload-content`, valueCode: 'empty' }] },
        },
      }),
});

const stateOf = ({ type, id, at, body }: Change) =>
  body === null ? undefined : resourceState(type, JSON.parse(body), SEMANTICS, { id, lastUpdated: at });

describe('an explanation', () => {
  test('says what matching does, for every Subscription and change', () => {
    fc.assert(
      fc.property(
        topic,
        fc.array(subscription, { minLength: 1, maxLength: 4 }),
        fc.array(step, { minLength: 1, maxLength: 8 }),
        fc.constantFrom('active', 'active', 'error', 'off'),
        (made, asked, steps, status) => {
          const maker = new ChangeMaker();
          const standing = new StandingQueries(SEMANTICS, SILENT_LOG);
          const stored = maker.put(made);
          const compiled = readTopic(stored.body ?? '', 't', SEMANTICS);
          fc.pre(compiled !== undefined);
          standing.apply(stored);
          const catalog = new TopicCatalog([compiled!]);
          const definitions = asked.map((one, index) => {
            const change = maker.put(subscriptionOf(`s${index}`, one, status));
            standing.apply(change);
            return parseSubscription(JSON.parse(change.body ?? '{}') as Record<string, unknown>, change.id, 1, 'r4b');
          });
          const before = new Map<string, Change>();
          for (const { id, content } of steps) {
            const previous = before.get(id);
            if (content === null && previous === undefined) continue;
            const change =
              content === null
                ? maker.remove('Observation', id)
                : maker.put({ resourceType: 'Observation', id, ...(content as object) });
            if (content === null) before.delete(id);
            else before.set(id, change);
            const last = change.interaction === 'create' ? undefined : previous;
            const heard = standing.match(change, last);
            for (const definition of definitions) {
              const { outcome } = explainChange(
                definition,
                definition.subject.kind === 'topic' ? catalog.active(definition.subject.topic) : undefined,
                {
                  type: change.type,
                  interaction: change.interaction,
                  previous: last && stateOf(last),
                  current: stateOf(change),
                },
                SEMANTICS,
              );
              const group = standing.groupOf(definition.id);
              expect(outcome === 'event').toBe(group !== undefined && heard.includes(group));
            }
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
