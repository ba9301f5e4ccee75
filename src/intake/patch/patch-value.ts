import { type Definitions, type ElementDefinition, type TypeDefinition, definitions } from '../../fhir/definitions.js';
import { isJsonObject, type JsonObject } from '../../fhir/json-object.js';
import { elementNamed, type Item, itemsOf, setItems } from './element-items.js';
import { cannotApply } from './patch-budget.js';

/** A `part` of a FHIRPath Patch's operation: it holds a `value[x]`, a resource or, for a type that has no name, parts in its turn. */
export type ParameterPart = JsonObject;

const ANY_QUANTITY: ReadonlySet<string> = new Set(['Quantity', 'SimpleQuantity', 'Age', 'Count', 'Distance', 'Duration']);

/**
 * What a part says, as a value of an element.
 * @throws FhirError 422 where it is of another type
 */
export function itemOfPart(
  part: ParameterPart,
  type: TypeDefinition,
  element: ElementDefinition,
  where: string,
  known: Definitions = definitions(),
): Item {
  const refuse = (problem: string) => cannotApply(`${element.name.replace('[x]', '')} of ${type.name} ${problem}`, where);
  const only = element.types.length === 1 ? element.members[0]! : undefined;
  if (part['resource'] !== undefined) {
    if (only === undefined || type.members.get(only)?.type !== 'Resource') throw refuse('holds no resource');
    return { member: only, value: part['resource'] };
  }
  if (Array.isArray(part['part'])) {
    const inner = only === undefined ? undefined : known.type(type.members.get(only)!.type);
    if (only === undefined || inner === undefined) throw refuse('is not written in parts; give its value');
    return { member: only, value: objectOfParts(part['part'], inner, where, known) };
  }
  const name = Object.keys(part).find((each) => /^_?value[A-Z]/.test(each));
  if (name === undefined) throw refuse('is given no value');
  const suffix = name.replace(/^_?value/, '');
  const member = only ?? `${element.name.slice(0, -3)}${suffix}`;
  const definition = type.members.get(member);
  if (definition === undefined) throw refuse(`cannot be a ${suffix}`);
  const isPrimitive = known.type(suffix) === undefined;
  if (isPrimitive !== (definition.test !== undefined)) throw refuse(`is a ${definition.type}, not a ${suffix}`);
  if (!isPrimitive && definition.type !== suffix && !(ANY_QUANTITY.has(definition.type) && ANY_QUANTITY.has(suffix)))
    throw refuse(`is a ${definition.type}, not a ${suffix}`);
  const beside = part[`_value${suffix}`];
  return { member, value: part[`value${suffix}`], beside: isJsonObject(beside) ? beside : undefined };
}

/** An object of a type that Parameters cannot name, such as `Patient.contact`: one part for each element, by its name. */
function objectOfParts(parts: readonly unknown[], type: TypeDefinition, where: string, known: Definitions): JsonObject {
  const object: JsonObject = {};
  for (const part of parts) {
    if (!isJsonObject(part)) continue;
    const name = typeof part['name'] === 'string' ? part['name'] : '';
    const element = elementNamed(type, name);
    if (element === undefined) throw cannotApply(`${type.name} has no element ${name.slice(0, 60)}`, where);
    const items = itemsOf({ object, type }, element);
    if (items.length > 0 && !element.list) throw cannotApply(`${type.name} has one ${name} only`, where);
    setItems({ object, type }, element, [...items, itemOfPart(part, type, element, where, known)]);
  }
  return object;
}
