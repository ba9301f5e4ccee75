import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Change } from '../../../src/fhir/change.js';
import { Gates } from '../../../src/matching/gates.js';
import { EVERY_PARTITION, partitionOf } from '../../../src/matching/partitions.js';
import { StandingQueries } from '../../../src/matching/standing-queries.js';
import { SILENT_LOG } from '../../../src/telemetry/log.js';
import { ChangeMaker } from '../../support/changes.js';
import { SEMANTICS } from '../../support/semantics.js';

const TOPIC = {
  resourceType: 'SubscriptionTopic',
  id: 't',
  url: 'http://x/t',
  status: 'active',
  resourceTrigger: [{ resource: 'Observation' }, { resource: 'Encounter', supportedInteraction: ['create'] }],
  canFilterBy: [
    { resource: 'Observation', filterParameter: 'patient' },
    { resource: 'Observation', filterParameter: 'status' },
    { resource: 'Encounter', filterParameter: 'patient' },
  ],
};
const patients = fc.constantFrom('a', 'b', 'c');
const status = fc.constantFrom('final', 'amended');
const asked = fc.oneof(
  fc.record({
    criteria: fc.oneof(
      patients.map((patient) => `Observation?patient=${patient}`),
      fc.tuple(patients, status).map(([patient, value]) => `Observation?patient=${patient}&status=${value}`),
      status.map((value) => `Observation?status:not=${value}`),
      fc.constant('Observation?value-quantity=gt3'),
      fc.constant('Encounter'),
    ),
    filters: fc.constant<string[] | undefined>(undefined),
  }),
  fc.record({
    criteria: fc.constant(TOPIC.url),
    filters: fc.oneof(
      fc.constant<string[]>([]),
      patients.map((patient) => [`patient=Patient/${patient}`]),
      fc.tuple(patients, status).map(([patient, value]) => [`Observation?patient=Patient/${patient}`, `status=${value}`]),
    ),
  }),
);
const BP = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
const subscription = fc
  .tuple(fc.constantFrom('s1', 's2', 's3', 's4', 's5', 's6'), asked, fc.constantFrom('active', 'active', 'off'))
  .map(([id, { criteria, filters }, state]) => ({
    resourceType: 'Subscription',
    id,
    status: state,
    criteria,
    ...(filters && { _criteria: { extension: filters.map((valueString) => ({ url: `${BP}filter-criteria`, valueString })) } }),
    channel: {
      type: 'rest-hook',
      endpoint: 'http://127.0.0.1:9/',
      payload: 'application/fhir+json',
      _payload: { extension: [{ url: `${BP}payload-content`, valueCode: 'empty' }] },
    },
  }));
const focus = fc.record({
  resourceType: fc.constantFrom('Observation', 'Encounter'),
  id: fc.constantFrom('x', 'y'),
  status,
  subject: patients.map((id) => ({ reference: `Patient/${id}` })),
  valueQuantity: fc.nat(6).map((value) => ({ value })),
});
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('put' as const), resource: subscription }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), id: fc.constantFrom('s1', 's2', 's3') }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('change' as const), resource: focus }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('split' as const), partitions: fc.subarray([...EVERY_PARTITION]) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'merge' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'topic' as const }) },
);

/** Everything of one index is in these: what they hold, by what partition each fingerprint is of. */
test('indexes of some partitions each, built, split and merged at any time, hear together what one index of all hears', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const maker = new ChangeMaker();
      const gates = new Gates();
      const one = new StandingQueries(SEMANTICS, SILENT_LOG);
      let parts = [
        { partitions: new Set(EVERY_PARTITION), standing: new StandingQueries(SEMANTICS, SILENT_LOG, EVERY_PARTITION, gates) },
      ];
      const topics: Change[] = [];
      const members = new Map<string, { fingerprint: string; definition: string }>();
      const apply = (change: Change) => {
        for (const wanted of one.apply(change)) {
          if (wanted.kind === 'join')
            members.set(wanted.subscriptionId, { fingerprint: wanted.groupFingerprint, definition: wanted.groupDefinition });
          else members.delete(wanted.subscriptionId);
        }
        const steps = parts.flatMap(({ standing }) => standing.apply(change));
        return steps;
      };
      /** As a process builds it that takes partitions over: from what the ledger says. */
      const built = (partitions: ReadonlySet<number>) => {
        const standing = new StandingQueries(SEMANTICS, SILENT_LOG, partitions, gates);
        for (const topic of topics) standing.apply(topic);
        const groups = Map.groupBy(members.values(), ({ fingerprint }) => fingerprint);
        for (const [fingerprint, [first, ...others]] of groups) {
          if (partitions.has(partitionOf(fingerprint)))
            standing.stand({ fingerprint, definition: first!.definition, subscribers: 1 + others.length });
        }
        return { partitions: new Set(partitions), standing };
      };
      const learnAll = () => {
        const known = new Map([...members].map(([id, { fingerprint }]) => [id, { open: fingerprint, last: fingerprint }]));
        for (const { standing } of parts) standing.learn(known.keys(), known);
      };
      for (const action of [{ kind: 'topic' as const }, ...steps]) {
        if (action.kind === 'topic') {
          topics.push(maker.put(TOPIC));
          apply(topics.at(-1)!);
        } else if (action.kind === 'put') apply(maker.put(action.resource));
        else if (action.kind === 'delete') apply(maker.remove('Subscription', action.id));
        else if (action.kind === 'merge') {
          const [first, ...others] = parts as [(typeof parts)[number], ...typeof parts];
          for (const { standing, partitions } of others) {
            for (const _each of first.standing.absorb(standing));
            for (const partition of partitions) first.partitions.add(partition);
          }
          parts = [first];
        } else if (action.kind === 'split') {
          const [first] = parts as [(typeof parts)[number]];
          const given = new Set([...first.partitions].filter((partition) => action.partitions.includes(partition)));
          if (given.size === 0 || given.size === first.partitions.size) continue;
          for (const partition of given) first.partitions.delete(partition);
          for (const _each of first.standing.keep(first.partitions));
          parts.push(built(given));
          learnAll();
        } else {
          const change = maker.put(action.resource);
          const heard = parts.map(({ partitions, standing }) => {
            const groups = standing.match(change, undefined);
            for (const group of groups) expect(partitions).toContain(partitionOf(group));
            return groups;
          });
          expect(heard.flat().sort()).toEqual(one.match(change, undefined).sort());
        }
        const count = (name: 'groups' | 'subscriptions' | 'entries') =>
          parts.reduce((sum, { standing }) => sum + standing.counters[name], 0);
        for (const name of ['groups', 'subscriptions', 'entries'] as const)
          expect([name, count(name)]).toEqual([name, one.counters[name]]);
      }
    }),
    { numRuns: 150 },
  );
});
