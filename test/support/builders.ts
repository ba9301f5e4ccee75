import type { Encounter, Observation, Patient, Subscription } from 'fhir/r4b.js';

/** Resources that the hub takes as they are; a test states only what it is about. */

export function patient(changes: Partial<Patient> = {}): Patient {
  return { resourceType: 'Patient', active: true, name: [{ family: 'Cloche', given: ['Émile'] }], ...changes };
}

export function observation(changes: Partial<Observation> = {}): Observation {
  return {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
    subject: { reference: 'Patient/p1' },
    valueQuantity: { value: 7.2, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
    ...changes,
  };
}

export function encounter(changes: Partial<Encounter> = {}): Encounter {
  return {
    resourceType: 'Encounter',
    status: 'in-progress',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'IMP' },
    subject: { reference: 'Patient/p1' },
    ...changes,
  };
}

/** A classic Subscription: criteria, and a rest-hook that gets the resource itself unless `payload` is null. */
export function classicSubscription(
  criteria: string,
  endpoint: string | undefined,
  options: { payload?: string | null; header?: string[]; type?: Subscription['channel']['type'] } = {},
): Subscription {
  const { payload = 'application/fhir+json', header, type = endpoint === undefined ? 'websocket' : 'rest-hook' } = options;
  return {
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'test',
    criteria,
    channel: {
      type,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(payload === null ? {} : { payload }),
      ...(header === undefined ? {} : { header }),
    },
  };
}

const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition';

/** A topic-based Subscription by the Backport profile. */
export function topicSubscription(
  topic: string,
  endpoint: string | undefined,
  options: {
    filters?: string[];
    content?: 'empty' | 'id-only' | 'full-resource';
    header?: string[];
    heartbeatSeconds?: number;
    timeoutSeconds?: number;
    maxCount?: number;
    type?: Subscription['channel']['type'];
  } = {},
): Subscription {
  const { filters = [], content = 'full-resource', header, type = endpoint === undefined ? 'websocket' : 'rest-hook' } = options;
  const numbers = [
    ['backport-heartbeat-period', 'valueUnsignedInt', options.heartbeatSeconds],
    ['backport-timeout', 'valueUnsignedInt', options.timeoutSeconds],
    ['backport-max-count', 'valuePositiveInt', options.maxCount],
  ] as const;
  const extension = numbers.flatMap(([name, kind, value]) =>
    value === undefined ? [] : [{ url: `${BACKPORT}/${name}`, [kind]: value }],
  );
  const filterExtensions = filters.map((filter) => ({ url: `${BACKPORT}/backport-filter-criteria`, valueString: filter }));
  return {
    resourceType: 'Subscription',
    meta: { profile: [`${BACKPORT}/backport-subscription`] },
    status: 'requested',
    reason: 'test',
    criteria: topic,
    ...(filterExtensions.length === 0 ? {} : { _criteria: { extension: filterExtensions } }),
    channel: {
      type,
      ...(extension.length === 0 ? {} : { extension }),
      ...(endpoint === undefined ? {} : { endpoint }),
      payload: 'application/fhir+json',
      _payload: { extension: [{ url: `${BACKPORT}/backport-payload-content`, valueCode: content }] },
      ...(header === undefined ? {} : { header }),
    },
  };
}
