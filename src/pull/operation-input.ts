import type { FastifyRequest } from 'fastify';
import type { Face } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import { isJsonObject, type JsonObject } from '../fhir/json-object.js';
import { parseJson } from '../fhir/json-text.js';
import { jsonBodyOf } from '../http/request-body.js';
import { isPresentation } from './presentation.js';
import { type Pair, pairsOfUrl } from './query-pairs.js';

/** The input parameters of an operation, each with its values in order. */
export class OperationInput {
  constructor(
    private readonly pairs: readonly Pair[],
    private readonly resources: readonly (readonly [name: string, resource: JsonObject])[] = [],
  ) {}

  /** @throws FhirError 400 where it is given more than once */
  resource(name: string): JsonObject | undefined {
    const values = this.resources.filter(([key]) => key === name);
    if (values.length > 1) throw new FhirError('value', `${name} is given more than once`, name);
    return values[0]?.[1];
  }

  /** All values of a parameter; one text may hold several, separated by commas. */
  list(name: string): string[] {
    return this.pairs
      .filter(([key]) => key === name)
      .flatMap(([, value]) =>
        value
          .split(',')
          .map((part) => part.trim())
          .filter(Boolean),
      );
  }

  /** @throws FhirError 400 where it is given more than once */
  single(name: string): string | undefined {
    const values = this.pairs.filter(([key]) => key === name);
    if (values.length > 1) throw new FhirError('value', `${name} is given more than once`, name);
    return values[0]?.[1];
  }
}

/**
 * Input from the query of a GET, and from the query and the Parameters of a POST; `resourceNames` are the parameters that are resources.
 * @throws FhirError 400 for a parameter that the operation does not have, 415
 */
export function operationInput(
  request: FastifyRequest,
  face: Face,
  names: readonly string[],
  resourceNames: readonly string[] = [],
): OperationInput {
  const pairs = pairsOfUrl(request.url).filter((pair) => !isPresentation(pair));
  const hasBody = request.method === 'POST' && Buffer.isBuffer(request.body) && request.body.length > 0;
  const given = hasBody
    ? readParameters(parseJson(jsonBodyOf(request, face)).value, resourceNames)
    : { pairs: [], resources: [] };
  return checked([...pairs, ...given.pairs], given.resources, names, resourceNames);
}

/**
 * The same for an operation that also takes its one resource by itself as the body: then the other parameters are those of the query.
 * @throws FhirError 400 for a parameter that the operation does not have, 415
 */
export function resourceOrParameters(
  request: FastifyRequest,
  face: Face,
  names: readonly string[],
  resourceName: string,
): OperationInput {
  const body = Buffer.isBuffer(request.body) && request.body.length > 0 ? jsonBodyOf(request, face) : undefined;
  const value = body && parseJson(body).value;
  if (value === undefined || value['resourceType'] === 'Parameters') return operationInput(request, face, names, [resourceName]);
  const pairs = pairsOfUrl(request.url).filter((pair) => !isPresentation(pair));
  return checked(pairs, [[resourceName, value]], names, [resourceName]);
}

function checked(
  pairs: readonly Pair[],
  resources: readonly (readonly [string, JsonObject])[],
  names: readonly string[],
  resourceNames: readonly string[],
): OperationInput {
  for (const [name] of pairs) {
    if (!names.includes(name))
      throw new FhirError(
        'not-supported',
        `The operation takes ${[...names, ...resourceNames].join(', ') || 'no parameters'}, not "${name.slice(0, 100)}"`,
        name.slice(0, 100),
      );
  }
  return new OperationInput(pairs, resources);
}

/** https://hl7.org/fhir/R4B/parameters.html with primitive values, references and resources, as these operations have them. */
function readParameters(
  value: unknown,
  resourceNames: readonly string[],
): { pairs: Pair[]; resources: (readonly [string, JsonObject])[] } {
  const resources: (readonly [string, JsonObject])[] = [];
  const resource = value as { resourceType?: unknown; parameter?: unknown } | null;
  if (resource?.resourceType !== 'Parameters')
    throw new FhirError('structure', 'The body of an operation is a Parameters resource', 'Parameters');
  const { parameter = [] } = resource;
  if (!Array.isArray(parameter)) throw new FhirError('structure', 'parameter is a list', 'Parameters.parameter');
  const pairs = parameter.flatMap((entry: unknown, index): Pair[] => {
    const where = `Parameters.parameter[${index}]`;
    const { name, ...rest } = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
    if (typeof name !== 'string' || name === '') throw new FhirError('required', 'A parameter has a name', `${where}.name`);
    if (resourceNames.includes(name)) {
      if (!isJsonObject(rest['resource'])) throw new FhirError('value', `${name} is a resource`, `${where}.resource`);
      resources.push([name, rest['resource']]);
      return [];
    }
    const values = Object.entries(rest).filter(([key]) => /^value[A-Z]/.test(key));
    const [, found] = values[0] ?? [];
    const only = isJsonObject(found) ? found['reference'] : found;
    if (values.length !== 1 || !['string', 'number', 'boolean'].includes(typeof only))
      throw new FhirError('value', `${name} takes one simple value`, `${where}.value[x]`);
    return [[name, String(only)]];
  });
  return { pairs, resources };
}
