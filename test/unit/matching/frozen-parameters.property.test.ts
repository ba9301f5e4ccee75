import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Change } from '../../../src/fhir/change.js';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { groupPlan } from '../../../src/matching/group-plan.js';
import type { OpenMatch } from '../../../src/matching/settle-links.js';
import { StandingQueries } from '../../../src/matching/standing-queries.js';
import type { CustomDefinition } from '../../../src/search/custom/custom-definition.js';
import { readDefinition } from '../../../src/search/custom/read-definition.js';
import { clauseHolds } from '../../../src/search/clause-holds.js';
import { SearchSemantics } from '../../../src/search/search-semantics.js';
import { parseSubscription } from '../../../src/subscriptions/parse-subscription.js';
import { StoredSubscriptions } from '../../../src/subscriptions/stored-subscriptions.js';
import { SubscriptionRule } from '../../../src/subscriptions/subscription-rule.js';
import { SILENT_LOG } from '../../../src/telemetry/log.js';
import { CurrentCatalog } from '../../../src/topics/current-catalog.js';
import { StoredTopics } from '../../../src/topics/stored-topics.js';
import { TopicRule } from '../../../src/topics/topic-rule.js';
import { ChangeMaker } from '../../support/changes.js';
import { semanticsWith } from '../../support/custom-parameters.js';
import { SEMANTICS } from '../../support/semantics.js';
import { MemoryLinkedResources } from '../../support/twins/memory-linked-resources.js';

/*
 * Subscriptions and topics that go by custom parameters, written under one definition and matched while it is another one, or gone. Against
 * a walk that holds each change to a search by the definitions that were there when the Subscription, or its topic, was written.
 */

const BP = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
const TOPIC = 'http://x/t';

const definition = (code: string, base: string, type: string, mark: string): CustomDefinition => {
  const read = readDefinition(
    {
      ...{ resourceType: 'SearchParameter', status: 'active', url: `http://x/${code}`, code, base: [base], type },
      expression: `${base}.extension('http://x/${mark}').value`,
    },
    SEMANTICS.definitions,
    SEMANTICS.bases,
  );
  if (read.kind !== 'used') throw new Error(read.reason);
  return read.definition;
};
/** What `mark` and `tint` have meant; the last: nothing any more. */
const TIMES: readonly (readonly CustomDefinition[])[] = [
  [definition('mark', 'Observation', 'token', 'a'), definition('tint', 'Patient', 'token', 'a')],
  [definition('mark', 'Observation', 'token', 'b'), definition('tint', 'Patient', 'token', 'b')],
  [definition('mark', 'Observation', 'string', 'a'), definition('tint', 'Patient', 'token', 'b')],
  [],
];
const SEARCHES = TIMES.map((definitions) => semanticsWith(...definitions));

const isReadable = (query: string, time: number): boolean => {
  try {
    SEARCHES[time]!.parse('Observation', query, { handling: 'strict', links: true });
    return true;
  } catch {
    return false;
  }
};

const colour = fc.constantFrom('red', 'blue');
const extension = fc
  .tuple(fc.option(colour, { nil: undefined }), fc.option(colour, { nil: undefined }))
  .map((colours) =>
    ['a', 'b'].flatMap((name, i) => (colours[i] === undefined ? [] : [{ url: `http://x/${name}`, valueCode: colours[i] }])),
  );
const criteria = fc.constantFrom(
  ...['mark=red', 'mark:not=red', 'mark:missing=true', 'mark=red,blue', 'status=final&mark=blue', 'mark=red&mark=blue'],
  ...['subject:Patient.tint=red', 'mark=blue&subject.tint=blue', 'status=final'],
);
const step = fc.oneof(
  fc.nat(TIMES.length - 1).map((time) => ({ kind: 'define' as const, time })),
  fc
    .record({ id: fc.constantFrom('s1', 's2', 's3', 's4'), query: criteria })
    .map((one) => ({ kind: 'subscribe' as const, ...one })),
  fc
    .record({ id: fc.constantFrom('t1', 't2'), filter: fc.constantFrom('mark=red', 'sign=blue', 'status=final') })
    .map((one) => ({ kind: 'follow' as const, ...one })),
  fc.option(fc.constantFrom('mark=red', 'mark:missing=false'), { nil: undefined }).map((current) => ({
    kind: 'topic' as const,
    current,
  })),
  fc.tuple(fc.constantFrom('p', 'q'), extension).map(([id, marks]) => ({
    kind: 'write' as const,
    resource: { resourceType: 'Patient', id, extension: marks },
  })),
  {
    weight: 5,
    arbitrary: fc
      .tuple(extension, fc.constantFrom('final', 'amended'), fc.constantFrom('p', 'q'))
      .map(([marks, status, who]) => ({
        kind: 'write' as const,
        resource: {
          ...{ resourceType: 'Observation', id: 'o', status, extension: marks },
          subject: { reference: `Patient/${who}` },
        },
      })),
  },
);

class NoneStored extends StoredSubscriptions {
  current() {
    return Promise.resolve(undefined);
  }
}

class OneTopic extends StoredTopics {
  stored: { id: string; version: number; text: string }[] = [];
  versions() {
    return Promise.resolve(this.stored);
  }
  read() {
    return Promise.resolve(this.stored);
  }
  newest() {
    return Promise.resolve(undefined);
  }
}

const channel = { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/' };

test('a Subscription goes by what a custom parameter meant when it was written, in every process, whatever becomes of that', async () => {
  let heard = 0;
  let frozen = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 40 }), async (steps) => {
      const log: Change[] = [];
      const maker = new ChangeMaker();
      const writer = new SearchSemantics(SEMANTICS.definitions, SEMANTICS.bases);
      const topics = new OneTopic();
      const catalog = new CurrentCatalog(topics, writer);
      const rule = new SubscriptionRule(new NoneStored(), catalog, writer);
      const topicRule = new TopicRule(writer, catalog);
      // One process that hears of every definition, one that has heard of none.
      const processes = [writer, new SearchSemantics(SEMANTICS.definitions, SEMANTICS.bases)].map((semantics) => ({
        standing: new StandingQueries(semantics, SILENT_LOG),
        linked: new MemoryLinkedResources(log, semantics),
      }));
      let time = 0;
      define(0);
      /** By Subscription, what it asks and when it was written. */
      const classic = new Map<string, { query: string; time: number }>();
      const topical = new Map<string, string>();
      let topic: { current: string | undefined; time: number } | undefined;

      function define(next: number): void {
        time = next;
        writer.adopt({ ...SEARCHES[time]!.catalog.custom, revision: log.length + 2, generation: log.length + 2 });
      }
      const apply = (resource: { resourceType: string; id: string }): Change => {
        const change = maker.put(resource);
        log.push(change);
        for (const { standing } of processes) standing.apply(change);
        return change;
      };
      const written = async (
        resource: Record<string, unknown> & { resourceType: string; id: string },
        by: { apply(next: { text: string; value: Record<string, unknown> }, id: string, face: 'r4b'): Promise<{ text: string }> },
      ): Promise<boolean> => {
        try {
          const ruled = await by.apply({ text: JSON.stringify(resource), value: resource }, resource.id, 'r4b');
          const value = JSON.parse(ruled.text) as typeof resource;
          apply(value.resourceType === 'Subscription' ? { ...value, status: 'active' } : value);
          if (value.resourceType === 'SubscriptionTopic')
            topics.stored = [
              { id: 't', version: topics.stored.length === 0 ? 1 : topics.stored[0]!.version + 1, text: ruled.text },
            ];
          return true;
        } catch (error) {
          if (!(error instanceof FhirError)) throw error;
          return false;
        }
      };

      const expected = async (change: Change): Promise<string[]> => {
        if (change.type !== 'Observation') return [];
        const holds = async (query: string, at: number) => {
          const search = SEARCHES[at]!;
          const asked = search.parse('Observation', query, { handling: 'strict', links: true });
          const values = search.extract('Observation', JSON.parse(change.body!), { id: change.id, lastUpdated: change.at });
          const links = new MemoryLinkedResources(log, search);
          const [verdict] = await links.hold([{ type: 'Observation', id: change.id, values, links: asked.links }]);
          return verdict === true && asked.clauses.every((clause) => clauseHolds(clause, values));
        };
        const ids: string[] = [];
        for (const [id, one] of classic) if (await holds(one.query, one.time)) ids.push(id);
        for (const [id, filter] of topical)
          if (
            topic !== undefined &&
            (await holds([filter.replace('sign', 'mark'), topic.current ?? ''].filter(Boolean).join('&'), topic.time))
          )
            ids.push(id);
        return ids.sort();
      };

      for (const one of steps) {
        if (one.kind === 'define') {
          define(one.time);
        } else if (one.kind === 'subscribe') {
          const resource = { ...{ resourceType: 'Subscription', id: one.id, status: 'requested', reason: 'r', channel } };
          const isTaken = await written({ ...resource, criteria: `Observation?${one.query}` }, rule);
          expect(isTaken).toBe(isReadable(one.query, time));
          if (isTaken) classic.set(one.id, { query: one.query, time });
        } else if (one.kind === 'follow') {
          const isTaken = await written(
            {
              ...{ resourceType: 'Subscription', id: one.id, status: 'requested', reason: 'r', criteria: TOPIC },
              _criteria: { extension: [{ url: `${BP}filter-criteria`, valueString: one.filter }] },
              channel: {
                ...{ ...channel, payload: 'application/fhir+json' },
                _payload: { extension: [{ url: `${BP}payload-content`, valueCode: 'empty' }] },
              },
            },
            rule,
          );
          expect(isTaken).toBe(topic !== undefined);
          if (isTaken) topical.set(one.id, one.filter);
        } else if (one.kind === 'topic') {
          const isTaken = await written(
            {
              ...{ resourceType: 'SubscriptionTopic', id: 't', url: TOPIC, status: 'active' },
              resourceTrigger: [{ resource: 'Observation', ...(one.current && { queryCriteria: { current: one.current } }) }],
              canFilterBy: [
                ...['mark', 'status'].map((filterParameter) => ({ resource: 'Observation', filterParameter })),
                { resource: 'Observation', filterParameter: 'sign', filterDefinition: 'http://x/mark' },
              ],
            },
            topicRule,
          );
          expect(isTaken).toBe(time < TIMES.length - 1);
          if (isTaken) topic = { current: one.current, time };
        } else {
          const change = apply(one.resource);
          const wanted = await expected(change);
          heard += wanted.length;
          frozen += [...classic].filter(([id, { time: at }]) => at !== time && wanted.includes(id)).length;
          const ids = [...classic.keys(), ...topical.keys()];
          for (const { standing, linked } of processes) {
            const open: OpenMatch[] = [];
            const groups = new Set(standing.match(change, undefined, open));
            const verdicts = await linked.hold(open);
            open.forEach(({ fingerprint }, i) => verdicts[i] === true && groups.add(fingerprint));
            expect(ids.filter((id) => groups.has(standing.groupOf(id) ?? '')).sort()).toEqual(wanted);
          }
        }
      }
    }),
    { numRuns: 100 },
  );
  expect(heard).toBeGreaterThan(100);
  expect(frozen).toBeGreaterThan(20);
}, 60_000);

test('a group is built again from its definition alone, by a process that knows no custom parameter', () => {
  const standing = new StandingQueries(SEMANTICS, SILENT_LOG);
  const maker = new ChangeMaker();
  const plans = TIMES.slice(0, 2).map(([mark]) => {
    const subscription = parseSubscription(
      { resourceType: 'Subscription', status: 'active', criteria: 'Observation?mark=red', channel },
      's',
      1,
      'r4b',
    );
    return groupPlan(
      { ...subscription, subject: { kind: 'classic', criteria: 'Observation?mark=red', parameters: [mark!] } },
      SEMANTICS,
    );
  });
  for (const { fingerprint, definition: text } of plans) standing.stand({ fingerprint, definition: text, subscribers: 1 });
  const heardOf = (name: string) =>
    standing.match(
      maker.put({ resourceType: 'Observation', id: name, extension: [{ url: `http://x/${name}`, valueCode: 'red' }] }),
      undefined,
    );
  expect([heardOf('a'), heardOf('b')]).toEqual(plans.map(({ fingerprint }) => [fingerprint]));
});

test('a topic about every type reads each type by its own part of the definition', async () => {
  const extension = (type: string, mark: string) => `${type}.extension('http://x/${mark}').value`;
  const read = readDefinition(
    {
      ...{ status: 'active', url: 'http://x/hue', code: 'hue', base: ['Patient', 'Observation', 'Basic'], type: 'token' },
      expression: ['Patient', 'Observation', 'Basic'].map((type, i) => extension(type, 'abc'.charAt(i))).join(' | '),
    },
    SEMANTICS.definitions,
    SEMANTICS.bases,
  );
  const semantics = semanticsWith((read as { definition: CustomDefinition }).definition);
  const topic = {
    ...{ resourceType: 'SubscriptionTopic', id: 't', url: TOPIC, status: 'active' },
    resourceTrigger: [{ resource: 'Resource' }],
    canFilterBy: [{ filterParameter: 'hue' }],
  };
  const { text } = await new TopicRule(semantics).apply({ text: JSON.stringify(topic), value: topic }, 't');
  const standing = new StandingQueries(SEMANTICS, SILENT_LOG);
  const maker = new ChangeMaker();
  standing.apply(maker.put(JSON.parse(text) as typeof topic));
  standing.apply(
    maker.put({
      ...{ resourceType: 'Subscription', id: 's', status: 'active', criteria: TOPIC },
      _criteria: { extension: [{ url: `${BP}filter-criteria`, valueString: 'hue=red' }] },
      channel: {
        ...{ ...channel, payload: 'application/fhir+json' },
        _payload: { extension: [{ url: `${BP}payload-content`, valueCode: 'empty' }] },
      },
    }),
  );
  const hears = (resourceType: string, mark: string) =>
    standing.match(maker.put({ resourceType, id: 'x', extension: [{ url: `http://x/${mark}`, valueCode: 'red' }] }), undefined)
      .length;
  for (const mark of ['a', 'b', 'c'])
    expect(['Patient', 'Observation', 'Basic'].map((type) => hears(type, mark))).toEqual(
      ['a', 'b', 'c'].map((own) => Number(own === mark)),
    );
});
