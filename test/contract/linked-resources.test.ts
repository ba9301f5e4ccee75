import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ChangeStore } from '../../src/intake/change-store.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import { Database } from '../../src/storage/database.js';
import { type LookUpBudgets, PostgresLinkedResources } from '../../src/storage/linked-resources.js';
import type { LinkedResources, LinkQuestion } from '../../src/subscriptions/linked-resources.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { semanticsWith } from '../support/custom-parameters.js';
import { SEMANTICS } from '../support/semantics.js';
import { MemoryChangeStore } from '../support/twins/memory-change-store.js';
import { MemoryLinkedResources } from '../support/twins/memory-linked-resources.js';

let clone: OpenClone;
let database: Database;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
});

afterAll(async () => {
  await clone.drop();
});

type Resource = { resourceType: string; id: string; [element: string]: unknown };

const ref = (reference: string) => ({ reference });
const coded = (code: string) => ({ coding: [{ system: 'http://x', code }] });
const WORLD: readonly Resource[] = [
  { resourceType: 'Organization', id: 'top', name: 'Lake Trust' },
  { resourceType: 'Organization', id: 'a', name: 'House A', partOf: ref('Organization/top') },
  { resourceType: 'Organization', id: 'b', name: 'House B' },
  {
    resourceType: 'Patient',
    id: 'anna',
    name: [{ family: 'Straßé "x"', given: ['Anna'] }],
    gender: 'female',
    birthDate: '1970-03-04',
    managingOrganization: ref('Organization/a'),
  },
  { resourceType: 'Patient', id: 'ben', name: [{ family: 'Berg' }], gender: 'male', managingOrganization: ref('Organization/b') },
  { resourceType: 'Patient', id: 'gone', name: [{ family: 'Berg' }], managingOrganization: ref('Organization/a') },
  { resourceType: 'Group', id: 'berg', type: 'person', actual: true, name: 'berg', member: [{ entity: ref('Patient/ben') }] },
  {
    resourceType: 'Observation',
    id: 'high',
    status: 'final',
    code: coded('sugar'),
    subject: ref('Patient/anna'),
    effectiveDateTime: '2026-05-06',
    valueQuantity: { value: 9.5, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
  },
  { resourceType: 'Observation', id: 'low', status: 'amended', code: coded('salt'), subject: ref('Patient/ben') },
  { resourceType: 'Questionnaire', id: 'q1', url: 'http://c.example/q', version: '1', status: 'draft', title: 'First' },
  { resourceType: 'Questionnaire', id: 'q2', url: 'http://c.example/q', version: '2', status: 'active', title: 'Second' },
  { resourceType: 'QuestionnaireResponse', id: 'r1', questionnaire: 'http://c.example/q|1', status: 'completed' },
  { resourceType: 'QuestionnaireResponse', id: 'r2', questionnaire: 'http://c.example/q', status: 'amended' },
  { resourceType: 'Condition', id: 'c', subject: ref('Patient/ben'), code: { text: 'Heavy cough' } },
  { resourceType: 'Condition', id: 'far', subject: ref('http://c.example/photo'), code: coded('far') },
];

const sides: [string, (budgets?: LookUpBudgets) => Promise<LinkedResources>][] = [
  [
    'in memory',
    async () => {
      const store = new MemoryChangeStore();
      await fill(store);
      return new MemoryLinkedResources(store.log, SEMANTICS);
    },
  ],
  [
    'on PostgreSQL',
    async (budgets) => {
      const rowsOf = (type: string, value: unknown, id: string, lastUpdated: Date) =>
        SEMANTICS.indexRows(SEMANTICS.extract(type, value, { id, lastUpdated }));
      const store = new PostgresChangeStore(
        database,
        ({ type, id, value }, lastUpdated) => rowsOf(type, value, id, lastUpdated),
        new LocalWakeUps(),
      );
      await fill(store);
      return new PostgresLinkedResources(database, SEMANTICS, budgets);
    },
  ],
];

async function fill(store: ChangeStore): Promise<void> {
  for (const resource of WORLD) {
    const { resourceType: type, id } = resource;
    const text = JSON.stringify(resource);
    await store.write({
      face: 'r4b',
      writes: [{ kind: 'put', method: 'PUT', resource: { type, id, text, value: resource } }],
    });
  }
  await store.write({ face: 'r4b', writes: [{ kind: 'delete', type: 'Patient', id: 'gone' }] });
}

function question(criteria: string, resource: Resource): LinkQuestion {
  const { type, links } = SEMANTICS.parseCriteria(criteria);
  expect(resource.resourceType).toBe(type);
  const values = SEMANTICS.extract(type, resource, { id: resource.id, lastUpdated: new Date() });
  return { type, id: resource.id, values, links };
}

const of = (patient: string): Resource => ({ resourceType: 'Observation', id: 'o', subject: ref(`Patient/${patient}`) });
const patient = (id: string): Resource => ({ resourceType: 'Patient', id });

const answers = (questionnaire: string): Resource => ({ resourceType: 'QuestionnaireResponse', id: 'o', questionnaire });
const questions = (version?: string, url = 'http://c.example/q'): Resource => {
  return { resourceType: 'Questionnaire', id: 'o', url, ...(version === undefined ? {} : { version }) };
};

const CASES: readonly [criteria: string, resource: Resource, holds: boolean][] = [
  ['Observation?subject:Patient.organization=Organization/a', of('anna'), true],
  ['Observation?subject:Patient.organization=Organization/a', of('ben'), false],
  ['Observation?subject.name=berg', of('ben'), true],
  ['QuestionnaireResponse?questionnaire.title=first', answers('http://c.example/q'), true],
  ['QuestionnaireResponse?questionnaire.title=first', answers('http://c.example/q|1'), true],
  ['QuestionnaireResponse?questionnaire.title=first', answers('http://c.example/q|2'), false],
  ['QuestionnaireResponse?questionnaire.title=first', answers('http://c.example/q|1.0'), false],
  ['QuestionnaireResponse?questionnaire.title=first', answers('http://c.example/other'), false],
  ['QuestionnaireResponse?questionnaire.title=first', answers('Questionnaire/q1'), true],
  ['QuestionnaireResponse?questionnaire.status=active', answers('http://c.example/q|2'), true],
  ['Questionnaire?_has:QuestionnaireResponse:questionnaire:status=completed', questions('1'), true],
  ['Questionnaire?_has:QuestionnaireResponse:questionnaire:status=completed', questions('2'), false],
  ['Questionnaire?_has:QuestionnaireResponse:questionnaire:status=amended', questions('2'), true],
  ['Questionnaire?_has:QuestionnaireResponse:questionnaire:status=amended', questions(), true],
  ['Questionnaire?_has:QuestionnaireResponse:questionnaire:status=amended', questions('2', 'http://c.example/r'), false],
  ['Observation?subject.name=berg', of('gone'), false],
  ['Observation?subject.name=berg', { resourceType: 'Observation', id: 'o', subject: ref('Group/berg') }, false],
  ['Observation?subject.name=berg', of('nobody'), false],
  ['Observation?subject.name=berg', { resourceType: 'Observation', id: 'o' }, false],
  ['Observation?patient.family:exact=Straßé "x"', of('anna'), true],
  ['Observation?patient.gender:not=male', of('anna'), true],
  ['Observation?patient.gender:not=male', of('ben'), false],
  ['Observation?patient.birthdate=lt1980', of('anna'), true],
  ['Observation?patient.birthdate:missing=true', of('ben'), true],
  ['Observation?patient.organization.partof.name=lake', of('anna'), true],
  ['Observation?patient.organization.partof.name=lake', of('ben'), false],
  ['Observation?patient.organization.name=house&patient.gender=male', of('ben'), true],
  ['Observation?patient.organization.name=house&patient.gender=male', of('anna'), false],
  ['Observation?patient._has:Observation:patient:code=salt', of('ben'), true],
  ['Observation?patient._has:Observation:patient:code=salt', of('anna'), false],
  ['Patient?_has:Observation:patient:code=http://x|sugar', patient('anna'), true],
  ['Patient?_has:Observation:patient:code=http://x|sugar', patient('ben'), false],
  ['Patient?_has:Observation:patient:code=sugar,salt', patient('ben'), true],
  ['Patient?_has:Observation:patient:status:not=final', patient('ben'), true],
  ['Patient?_has:Observation:patient:status:not=final', patient('anna'), false],
  ['Patient?_has:Observation:patient:date=ge2026-05', patient('anna'), true],
  ['Patient?_has:Observation:patient:date=ge2026-05-07', patient('anna'), false],
  ['Patient?_has:Observation:patient:value-quantity=gt9', patient('anna'), true],
  ['Patient?_has:Observation:patient:value-quantity=gt9.5', patient('anna'), false],
  ['Patient?_has:Observation:patient:value-quantity=9.5||mmol/L', patient('anna'), true],
  ['Patient?_has:Observation:patient:value-quantity:missing=true', patient('ben'), true],
  ['Patient?_has:Observation:patient:_id=high,other', patient('anna'), true],
  ['Patient?_has:Group:member:_id=berg', patient('ben'), true],
  ['Patient?_has:Group:member:_id=berg', patient('gone'), false],
  ['Organization?_has:Patient:organization:family=stra', { resourceType: 'Organization', id: 'a' }, true],
  ['Organization?_has:Patient:organization:family:contains=Ë "X', { resourceType: 'Organization', id: 'a' }, true],
  ['Organization?_has:Patient:organization:family=berg', { resourceType: 'Organization', id: 'a' }, false],
  ['Organization?_has:Patient:organization:birthdate=1970', { resourceType: 'Organization', id: 'a' }, true],
  ['Patient?_has:Observation:patient:code=sugar&_has:Observation:patient:code=salt', patient('anna'), false],
];

describe.each(sides)('links of a resource that has just changed, %s', (_, make) => {
  test.each(CASES)('%s', async (criteria, resource, holds) => {
    const linked = await make();
    expect(await linked.hold([question(criteria, resource)])).toEqual([holds]);
  });

  test('many questions at once are answered in their order', async () => {
    const linked = await make();
    const many = Array.from({ length: 60 }, () => CASES).flat();
    expect(await linked.hold(many.map(([criteria, resource]) => question(criteria, resource)))).toEqual(
      many.map(([, , holds]) => holds),
    );
  });

  test('a chain begins at the references of the state asked about, not of the stored one', async () => {
    const linked = await make();
    const moved = question('Observation?patient.organization=Organization/b', { ...of('ben'), id: 'high' });
    expect(await linked.hold([moved])).toEqual([true]);
  });
});

const [, [, onPostgres]] = sides as [(typeof sides)[0], (typeof sides)[1]];

test('what a client calls url is no canonical by which others refer to it', async () => {
  const row = { code: 'url', url: 'http://example.org/sp', type: 'uri', expression: 'Patient.photo.url' } as const;
  const semantics = semanticsWith({ url: row.url, code: row.code, rows: { Patient: row } });
  const value = { resourceType: 'Patient', id: 'x', photo: [{ url: 'http://c.example/photo' }] };
  const { links } = semantics.parseCriteria('Patient?_has:Condition:subject:code=far');
  const values = semantics.extract('Patient', value);
  expect(values.get('url')?.values).toEqual(['http://c.example/photo']);
  const linked = await onPostgres();
  expect(await linked.hold([{ type: 'Patient', id: 'x', values, links }])).toEqual([false]);
});

test('what cannot be answered in time is undecided, and the next change does not wait for it', async () => {
  const linked = await onPostgres({ together: 20, alone: 20 });
  const asked = question('Patient?_has:Observation:patient:code=sugar', patient('anna'));
  const other = question('Patient?_has:Observation:patient:code=salt', patient('ben'));
  await database.transaction(async (tx) => {
    await tx.run({ text: 'LOCK TABLE resource IN ACCESS EXCLUSIVE MODE' });
    expect(await linked.hold([asked])).toEqual(['undecided']);
  });
  expect(await linked.hold([asked, other])).toEqual(['undecided', true]);
  expect(
    await linked.hold([{ ...asked, links: [...SEMANTICS.parseCriteria('Patient?_has:Observation:patient:code=sugar').links] }]),
  ).toEqual([true]);
});

test('a link that fails is of no weight where another decides', async () => {
  const linked = await onPostgres({ together: 20, alone: 20 });
  const both = question('Patient?_has:Observation:patient:code=sugar&organization.name=nowhere', {
    ...patient('anna'),
    managingOrganization: ref('Organization/nowhere'),
  });
  const has = both.links.filter(({ kind }) => kind === 'has');
  await database.transaction(async (tx) => {
    await tx.run({ text: 'LOCK TABLE resource IN ACCESS EXCLUSIVE MODE' });
    expect(await linked.hold([{ ...both, links: has }])).toEqual(['undecided']);
  });
  expect(await linked.hold([both])).toEqual([false]);
});

test('where the database cannot be asked, the questions fail, and none is answered', async () => {
  const closed = new Database(clone.url, 1, () => undefined);
  const linked = new PostgresLinkedResources(closed, SEMANTICS);
  await closed.close();
  await expect(linked.hold([question('Observation?patient.gender=male', of('ben'))])).rejects.toThrow();
  await expect(linked.hold([question('Patient?_has:Observation:patient:code=salt', patient('ben'))])).rejects.toThrow();
});
