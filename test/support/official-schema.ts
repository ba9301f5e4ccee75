import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';

const SCHEMA = new URL('../../node_modules/hl7.fhir.r4b.core/openapi/fhir.schema.json', import.meta.url);

interface JsonSchema {
  $id?: string;
  $schema?: string;
  id?: string;
  oneOf?: unknown;
  discriminator?: unknown;
  definitions: Record<string, object>;
}

let ajv: Ajv | undefined;
const validators = new Map<string, ValidateFunction>();

/**
 * Whether the official JSON schema takes a resource; contained ones are not looked into (the schema tries 141 types for each). JavaScript's
 * `\S` leaves out the no-break space, which the official examples use: that pattern is mended.
 */
export function officialSchemaTakes(resource: { resourceType: string }): boolean {
  ajv ??= new Ajv({ strict: false }).addSchema(officialSchema(), 'fhir');
  let validate = validators.get(resource.resourceType);
  if (validate === undefined) {
    validate = ajv.compile({ $ref: `fhir#/definitions/${resource.resourceType}` });
    validators.set(resource.resourceType, validate);
  }
  return validate(resource);
}

function officialSchema(): JsonSchema {
  const text = readFileSync(SCHEMA, 'utf8').replaceAll(JSON.stringify('^[ \\r\\n\\t\\S]+$'), JSON.stringify('^[\\s\\S]+$'));
  const { definitions } = JSON.parse(text) as JsonSchema;
  return { definitions: { ...definitions, ResourceList: { type: 'object' } } };
}
