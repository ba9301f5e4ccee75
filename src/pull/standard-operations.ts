import type { CapabilityStatementRestResourceOperation } from 'fhir/r4b.js';

const DEFINITION = 'http://hl7.org/fhir/OperationDefinition';

/** Operations of the standard that every type has. */
const OF_ALL_TYPES = ['validate'];

/** The operations of the standard that are routed for a resource type, as /metadata lists them. */
export function standardOperationsOf(_type: string): CapabilityStatementRestResourceOperation[] {
  return OF_ALL_TYPES.map((name) => ({ name, definition: `${DEFINITION}/Resource-${name}` }));
}
