import { ANY_TYPE } from './topic-definition.js';

const DEFINITIONS = 'http://hl7.org/fhir/StructureDefinition/';

/** The type that a topic's `resource` means: a bare name resolves against HL7's StructureDefinitions. Undefined: no such type. */
export function resourceTypeOf(uri: string, isType: (name: string) => boolean): string | undefined {
  const name = uri.startsWith(DEFINITIONS) ? uri.slice(DEFINITIONS.length) : uri;
  if (name === 'Resource' || name === 'DomainResource') return ANY_TYPE;
  return isType(name) ? name : undefined;
}
