import type { CapabilityStatementRestResourceOperation as Operation } from 'fhir/r4b.js';

const DEFINITION = 'http://hl7.org/fhir/OperationDefinition';

/** Operations of the standard that every type has. */
const OF_ALL_TYPES = ['validate', 'meta', 'meta-add', 'meta-delete'];

/** The operations of the standard that are routed for a resource type, as /metadata lists them. */
export function standardOperationsOf(_type: string): Operation[] {
  return OF_ALL_TYPES.map((name) => ({ name, definition: `${DEFINITION}/Resource-${name}` }));
}

/** Those of the standard that are routed for the system as a whole. */
export const SYSTEM_OPERATIONS: readonly Operation[] = [{ name: 'meta', definition: `${DEFINITION}/Resource-meta` }];
