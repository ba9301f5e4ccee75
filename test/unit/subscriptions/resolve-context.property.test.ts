/* eslint-disable @typescript-eslint/no-explicit-any -- looks into any resource */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { NotifiedVersion } from '../../../src/fhir/event-parts.js';
import { MOST_INCLUDED, MOST_ROUNDS, resolveContexts } from '../../../src/subscriptions/resolve-context.js';
import { ShapePlan } from '../../../src/topics/notification-shape.js';
import { parseTopic } from '../../../src/topics/parse-topic.js';
import { SEMANTICS } from '../../support/semantics.js';
import { MemoryContextStore } from '../../support/twins/memory-context-store.js';

type Resource = Record<string, unknown> & { resourceType: string; id: string };
const reference = (text: string) => ({ reference: text });

/** Where the parameters of this test find their references, written by hand. */
const PATHS: Record<string, (resource: any) => { reference: string }[]> = {
  'Encounter:patient': ({ subject }) => [subject].filter((one) => /Patient\//.test(one?.reference)),
  'Encounter:subject': ({ subject }) => [subject],
  'Encounter:service-provider': ({ serviceProvider }) => [serviceProvider],
  'Patient:link': ({ link }) => (link ?? []).map(({ other }: any) => other),
  'Patient:organization': ({ managingOrganization }) => [managingOrganization],
  'Organization:partof': ({ partOf }) => [partOf],
  'Observation:encounter': ({ encounter }) => [encounter],
  'Observation:subject': ({ subject }) => [subject],
  'Observation:has-member': ({ hasMember }) => hasMember ?? [],
};

const FOCUS = { type: 'Encounter', id: 'e1' };
const BASE = 'http://127.0.0.1:8080/fhir/r4b';
const NAMES = [
  'Patient/p1',
  'Patient/p2',
  'Patient/p3',
  'Organization/o1',
  'Organization/o2',
  'Observation/b1',
  'Observation/b2',
  'Encounter/e1',
  'Encounter/e2',
];

const anyReference = (...types: string[]) =>
  fc
    .tuple(
      fc.constantFrom(...NAMES.filter((name) => types.some((type) => name.startsWith(type))), `${types[0]}/none`),
      fc.constantFrom('', `${BASE}/`, 'http://elsewhere.example/fhir/'),
      fc.constantFrom('', '/_history/1'),
    )
    .map(([name, base, version]) => reference(base + name + version));
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const resourceOf = (name: string): fc.Arbitrary<Resource> => {
  const [resourceType, id] = name.split('/') as [string, string];
  const of = (members: Record<string, fc.Arbitrary<unknown>>) =>
    fc.record(members).map((rest) => JSON.parse(JSON.stringify({ resourceType, id, ...rest })) as Resource);
  switch (resourceType) {
    case 'Patient':
      return of({
        link: fc.array(
          anyReference('Patient').map((other) => ({ other, type: 'seealso' })),
          { maxLength: 2 },
        ),
        managingOrganization: maybe(anyReference('Organization')),
      });
    case 'Organization':
      return of({ partOf: maybe(anyReference('Organization')) });
    case 'Observation':
      return of({
        subject: maybe(anyReference('Patient', 'Organization')),
        encounter: maybe(anyReference('Encounter')),
        hasMember: fc.array(anyReference('Observation'), { maxLength: 2 }),
      });
    default:
      return of({ subject: maybe(anyReference('Patient')), serviceProvider: maybe(anyReference('Organization')) });
  }
};

interface Directive {
  parameter: string;
  target?: string;
  iterate: boolean;
}
const directives = fc.array(
  fc.record(
    {
      parameter: fc.constantFrom(...Object.keys(PATHS)),
      target: fc.constantFrom('Patient', 'Organization', 'Encounter', 'Observation'),
      iterate: fc.boolean(),
    },
    { requiredKeys: ['parameter', 'iterate'] },
  ),
  { maxLength: 4 },
);
const spelt = ({ parameter, target, iterate }: Directive) =>
  `${iterate ? 'iterate=' : ''}${parameter}${target === undefined ? '' : `:${target}`}`;

/** `Type/id` of what a reference leads to within the hub. */
function localName({ reference: text }: { reference: string }): string {
  const local = text.startsWith(`${BASE}/`) ? text.slice(BASE.length + 1) : text;
  return local.replace('/_history/1', '');
}

/** As a person would do it: walk everything there is, level by level. */
function naively(world: ReadonlyMap<string, Resource>, include: Directive[], revInclude: Directive[]): Set<string> {
  const leadsTo = (resource: Resource, { parameter, target }: Directive): string[] =>
    parameter.startsWith(`${resource.resourceType}:`)
      ? PATHS[parameter]!(resource)
          .filter((one) => one !== undefined)
          .map(localName)
          .filter((name) => target === undefined || name.startsWith(`${target}/`))
      : [];
  const focus = `${FOCUS.type}/${FOCUS.id}`;
  const found = new Set<string>();
  let level = [focus];
  for (let round = 0; round < MOST_ROUNDS && level.length > 0; round++) {
    const next = new Set<string>();
    for (const name of level) {
      const resource = world.get(name)!;
      const applies = ({ iterate }: Directive) => iterate || round === 0;
      for (const directive of include.filter(applies)) for (const to of leadsTo(resource, directive)) next.add(to);
      for (const directive of revInclude.filter(applies))
        for (const [other, referring] of world) if (leadsTo(referring, directive).includes(name)) next.add(other);
    }
    level = [...next].filter((name) => world.has(name) && name !== focus && !found.has(name));
    for (const name of level) found.add(name);
  }
  return found;
}

function version(resource: Resource): NotifiedVersion {
  const { resourceType: type, id } = resource;
  return { type, id, version: 1, interaction: 'create', method: 'PUT', at: new Date(0), body: JSON.stringify(resource) };
}

function planOf(include: Directive[], revInclude: Directive[]): ShapePlan | undefined {
  const topic = parseTopic(
    {
      resourceType: 'SubscriptionTopic',
      url: 'http://x/t',
      status: 'active',
      notificationShape: [{ resource: 'Encounter', include: include.map(spelt), revInclude: revInclude.map(spelt) }],
    },
    't',
    (name) => SEMANTICS.definitions.isResourceType(name),
  );
  return ShapePlan.of(topic, 'Encounter', SEMANTICS.definitions);
}

const never = (error: unknown) => {
  throw error;
};

test('what is included is what walking every resource by hand comes to, for any directives and any references', async () => {
  const world = fc.tuple(fc.subarray(NAMES), fc.tuple(...NAMES.map(resourceOf)));
  await fc.assert(
    fc.asyncProperty(world, directives, directives, async ([present, resources], include, revInclude) => {
      const names = new Set([...present, 'Encounter/e1']);
      const all = resources.filter(({ resourceType, id }) => names.has(`${resourceType}/${id}`));
      const plan = planOf(include, revInclude);
      if (plan === undefined) return;
      const store = new MemoryContextStore(SEMANTICS);
      store.versions.push(...all.map(version));
      const focus = store.versions.find(({ type, id }) => type === FOCUS.type && id === FOCUS.id)!;
      const { contexts } = await resolveContexts(
        [{ plan, focus, body: focus.body! }],
        (...asked) => store.find(...asked),
        SEMANTICS,
        never,
      );
      const included = contexts[0]!.map(({ type, id }) => `${type}/${id}`);
      expect(new Set(included)).toEqual(
        naively(new Map(all.map((one) => [`${one.resourceType}/${one.id}`, one])), include, revInclude),
      );
      expect(included).toHaveLength(new Set(included).size);
    }),
    { numRuns: 500 },
  );
});

test('an event has no more than the most that may go with it, and the focus does not count', async () => {
  const store = new MemoryContextStore(SEMANTICS);
  const focus = version({ resourceType: 'Encounter', id: 'e1', partOf: reference('Encounter/e1') });
  store.versions.push(focus);
  for (let n = 0; n < MOST_INCLUDED + 20; n++)
    store.versions.push(version({ resourceType: 'Observation', id: `b${n}`, encounter: reference('Encounter/e1') }));
  const plan = planOf([], [{ parameter: 'Observation:encounter', iterate: false }])!;
  const { contexts } = await resolveContexts(
    [{ plan, focus, body: focus.body! }],
    (...asked) => store.find(...asked),
    SEMANTICS,
    never,
  );
  expect(contexts[0]).toHaveLength(MOST_INCLUDED);
});

test('a chain is followed so far and no further, and a ring comes to an end', async () => {
  const store = new MemoryContextStore(SEMANTICS);
  const focus = version({ resourceType: 'Encounter', id: 'e1', serviceProvider: reference('Organization/o0') });
  for (let n = 0; n < 20; n++)
    store.versions.push(version({ resourceType: 'Organization', id: `o${n}`, partOf: reference(`Organization/o${n + 1}`) }));
  const plan = planOf(
    [
      { parameter: 'Encounter:service-provider', iterate: false },
      { parameter: 'Organization:partof', iterate: true },
    ],
    [],
  )!;
  const resolve = async () =>
    (await resolveContexts([{ plan, focus, body: focus.body! }], (...asked) => store.find(...asked), SEMANTICS, never))
      .contexts[0]!;
  expect((await resolve()).map(({ id }) => id)).toEqual(Array.from({ length: MOST_ROUNDS }, (_, n) => `o${n}`));
  store.versions.push(version({ resourceType: 'Organization', id: 'o2', partOf: reference('Organization/o0') }));
  expect((await resolve()).map(({ id }) => id)).toEqual(['o0', 'o1', 'o2']);
});
