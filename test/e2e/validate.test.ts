import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { OperationOutcome } from 'fhir/r4b.js';
import { validateResource } from '../../src/fhir/validate-resource.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { classicSubscription, Client, type FaceName } from '../support/subscriber.js';

let hub: Hub;
beforeAll(async () => {
  hub = await startHub({ env: { VALIDATION_SECONDS: '2' } });
});
afterAll(() => hub?.stop());

const text = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">a</div>' };
const observation = (more: object = {}) => ({ resourceType: 'Observation', text, status: 'final', code: { text: 'a' }, ...more });

describe.each<FaceName>(['r4b', 'r4'])('$validate in the face %s', (face) => {
  const base = () => `${hub.url}/fhir/${face}`;

  async function post(path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(`${base()}/${path}`, {
      method: 'POST',
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/fhir+json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const outcome = (await response.json()) as OperationOutcome;
    expect(validateResource(outcome)).toEqual([]);
    return { status: response.status, issue: outcome.issue };
  }
  const parameters = (...parameter: object[]) => ({ resourceType: 'Parameters', parameter });
  const found = async (path: string, body?: unknown, headers?: Record<string, string>) => {
    const { status, issue } = await post(path, body, headers);
    expect(status).toBe(200);
    return issue.map(({ severity, code, expression }) => [severity, code, expression?.[0]]);
  };
  const countOf = async (type: string) =>
    ((await (await fetch(`${base()}/${type}?_summary=count`)).json()) as { total: number }).total;
  const WELL = [['information', 'informational', undefined]];

  test('a valid resource, by itself and in Parameters, and nothing is stored', async () => {
    const before = await countOf('Observation');
    expect(await found('Observation/$validate', observation())).toEqual(WELL);
    expect(await found('Observation/$validate', parameters({ name: 'resource', resource: observation() }))).toEqual(WELL);
    expect(await countOf('Observation')).toBe(before);
  });

  test('every error at once, with its expression', async () => {
    const wrong = observation({
      status: 'done',
      code: undefined,
      subject: { reference: 7 },
      component: [{ code: { text: 'x' } }, { value: 1 }],
      issued: '2026-02-30T00:00:00Z',
    });
    expect(await found('Observation/$validate', wrong)).toEqual(
      expect.arrayContaining([
        ['error', 'code-invalid', 'Observation.status'],
        ['error', 'required', 'Observation.code'],
        ['error', 'value', 'Observation.subject.reference'],
        ['error', 'structure', 'Observation.component[1].value'],
        ['error', 'required', 'Observation.component[1].code'],
        ['error', 'value', 'Observation.issued'],
      ]),
    );
    const many = observation({ component: Array.from({ length: 60 }, () => ({ valueString: 'x' })) });
    expect(await found('Observation/$validate', many)).toHaveLength(60);
    const beyond = observation({ component: Array.from({ length: 600 }, () => ({ valueString: 'x' })) });
    const listed = await found('Observation/$validate', beyond);
    expect(listed).toHaveLength(501);
    expect(listed.at(-1)).toEqual(['information', 'informational', undefined]);
  });

  test('invariants, targets of references and required value sets, in what is nested, too', async () => {
    const wrong = observation({
      dataAbsentReason: { text: 'a' },
      valueQuantity: { value: 1, code: 'mg' },
      subject: { reference: 'Encounter/1' },
      text: undefined,
    });
    expect(await found('Observation/$validate', wrong)).toEqual([
      ['warning', 'invariant', 'Observation'],
      ['error', 'invariant', 'Observation'],
      ['error', 'invariant', 'Observation.valueQuantity'],
      ['error', 'structure', 'Observation.subject'],
    ]);
    const { issue } = await post('Observation/$validate', wrong);
    expect(issue.map(({ diagnostics }) => /the rule (\S+): .+/.exec(diagnostics ?? '')?.[1])).toEqual([
      'dom-6',
      'obs-6',
      'qty-3',
      undefined,
    ]);
    const collection = { resourceType: 'Bundle', type: 'collection', total: 1, entry: [{ resource: wrong }] };
    const places = (await found('Bundle/$validate', collection)).map(([, , expression]) => expression);
    expect(places).toEqual(expect.arrayContaining(['Bundle', 'Bundle.entry[0].resource.valueQuantity']));
  });

  test('what a write takes, an invariant that is broken does not stop', async () => {
    const warned = observation({ text: undefined });
    expect(await found('Observation/$validate?mode=create', warned)).toEqual([...WELL, ['warning', 'invariant', 'Observation']]);
    expect(await found('Observation/$validate?mode=create', observation({ valueQuantity: { code: 'mg' } }))).toEqual([
      ['error', 'invariant', 'Observation.valueQuantity'],
    ]);
    await new Client(hub, face).create(JSON.stringify(observation({ valueQuantity: { code: 'mg' } })), 'Observation');
  });

  test('of too much it says that not all was checked, and others are answered meanwhile', async () => {
    const item = Array.from({ length: 60_000 }, (_, index) => ({ linkId: String(index), type: 'display', text: 'a' }));
    const large = found('Questionnaire/$validate', { resourceType: 'Questionnaire', text, status: 'draft', item });
    const small = found('Observation/$validate', observation());
    expect((await fetch(`${base()}/metadata`)).status).toBe(200);
    expect((await large).at(-1)).toEqual(['warning', 'timeout', undefined]);
    const answer = await small;
    expect([WELL, [...WELL, ['warning', 'throttled', undefined]]]).toContainEqual(answer);
  });

  test('another type than the address names', async () => {
    expect(await found('Patient/$validate', observation())).toEqual([['error', 'invalid', 'resourceType']]);
  });

  test('mode create asks the rules of the type, and creates nothing', async () => {
    const subscription = { ...classicSubscription('http://127.0.0.1:9/x'), text, criteria: 'Observation?no-such=1' };
    const asked = (mode?: string) => found(`Subscription/$validate${mode ? `?mode=${mode}` : ''}`, subscription);
    expect(await asked()).toEqual(WELL);
    expect(await asked('create')).toEqual([['error', 'not-supported', 'Subscription.criteria']]);
    expect(await countOf('Subscription')).toBe(0);
  });

  test('mode update checks the id and If-Match', async () => {
    const client = new Client(hub, face);
    const { id } = await client.create(JSON.stringify(observation()), 'Observation');
    const path = `Observation/${id}/$validate?mode=update`;
    expect(await found(path, observation({ id }))).toEqual(WELL);
    expect(await found(path, observation())).toEqual([['error', 'value', 'Observation.id']]);
    expect(await found(path, observation({ id }), { 'if-match': 'W/"1"' })).toEqual(WELL);
    expect(await found(path, observation({ id }), { 'if-match': 'W/"2"' })).toEqual([['error', 'conflict', 'If-Match']]);
    const read = (await (await fetch(`${base()}/Observation/${id}`)).json()) as { meta: object };
    expect(read.meta).toMatchObject({ versionId: '1' });
  });

  test('mode delete needs no resource', async () => {
    const { id } = await new Client(hub, face).create(JSON.stringify(observation()), 'Observation');
    expect(await found(`Observation/${id}/$validate?mode=delete`)).toEqual(WELL);
    expect(await found(`Observation/${id}/$validate`, parameters({ name: 'mode', valueCode: 'delete' }))).toEqual(WELL);
    expect(await found('Observation/never-there/$validate?mode=delete')).toEqual([...WELL, ...WELL]);
    expect((await fetch(`${base()}/Observation/${id}`)).status).toBe(200);
  });

  test('of a profile that it does not know, nothing is claimed', async () => {
    const profile = 'http://example.org/StructureDefinition/strict-observation';
    expect(
      await found(
        'Observation/$validate',
        parameters({ name: 'resource', resource: observation() }, { name: 'profile', valueCanonical: profile }),
      ),
    ).toEqual([['error', 'not-supported', 'profile']]);
    const claims = observation({ meta: { profile: [profile, 'http://hl7.org/fhir/StructureDefinition/Observation'] } });
    expect(await found('Observation/$validate', claims)).toEqual([
      ...WELL,
      ['information', 'informational', 'Observation.meta.profile[0]'],
    ]);
    const own = 'http://hl7.org/fhir/StructureDefinition/Observation';
    expect(await found(`Observation/$validate?profile=${own}`, observation())).toEqual(WELL);
    expect(await found(`Observation/$validate?profile=${own}`, observation({ status: 'x' }))).toEqual([
      ['error', 'code-invalid', 'Observation.status'],
    ]);
  });

  test.each([
    ['another mode', 'Observation/$validate?mode=profile', observation(), 'mode'],
    ['mode update of a type', 'Observation/$validate?mode=update', observation(), 'mode'],
    ['no resource', 'Observation/$validate', undefined, 'resource'],
    ['no resource in Parameters', 'Observation/$validate', parameters(), 'resource'],
    [
      'two resources',
      'Observation/$validate',
      parameters(...[1, 2].map(() => ({ name: 'resource', resource: observation() }))),
      'resource',
    ],
    ['a parameter that it does not have', 'Observation/$validate?level=high', observation(), 'level'],
    ['what is no JSON', 'Observation/$validate', '{"resourceType":"Observation",', 'Observation'],
  ])('%s is refused', async (_, path, body, expression) => {
    const { status, issue } = await post(path, body);
    expect(status).toBe(400);
    expect(issue[0]?.expression).toEqual([expression]);
  });

  test('as an entry of a batch', async () => {
    const entry = [{ request: { method: 'POST', url: 'Observation/$validate' }, resource: observation({ status: 'x' }) }];
    const response = await fetch(base(), {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }),
    });
    expect(await response.json()).toMatchObject({
      entry: [{ response: { status: '200 OK', outcome: { issue: [{ code: 'code-invalid' }] } } }],
    });
  });
});
