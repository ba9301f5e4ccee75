import type { CapabilityStatementRestResourceOperation as Operation } from 'fhir/r4b.js';

const DEFINITION = 'http://hl7.org/fhir/OperationDefinition';

/** Operations of the standard that every type has. */
const OF_ALL_TYPES = ['validate', 'meta', 'meta-add', 'meta-delete'];

/** Those of one type. */
const OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  Patient: ['everything'],
  Encounter: ['everything'],
  Composition: ['document'],
};

/** What of Bulk Data is routed, for a type or, under the empty name, for the system. https://hl7.org/fhir/uv/bulkdata/STU2/export.html */
const EXPORTS: Readonly<Record<string, string>> = { '': 'export', Patient: 'patient-export', Group: 'group-export' };

/** The operations of the standard that are routed for a resource type, as /metadata lists them. */
export function standardOperationsOf(type: string): Operation[] {
  return [
    ...OF_ALL_TYPES.map((name) => ({ name, definition: `${DEFINITION}/Resource-${name}` })),
    ...(OF_TYPE[type] ?? []).map((name) => ({ name, definition: `${DEFINITION}/${type}-${name}` })),
    ...exportOf(type),
  ];
}

function exportOf(type: string): Operation[] {
  const id = EXPORTS[type];
  return id === undefined ? [] : [{ name: 'export', definition: `http://hl7.org/fhir/uv/bulkdata/OperationDefinition/${id}` }];
}

/** Those of the standard that are routed for the system as a whole. */
export const SYSTEM_OPERATIONS: readonly Operation[] = [
  { name: 'meta', definition: `${DEFINITION}/Resource-meta` },
  ...exportOf(''),
];
