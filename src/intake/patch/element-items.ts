import { type Definitions, type ElementDefinition, type TypeDefinition, definitions } from '../../fhir/definitions.js';
import { isJsonObject, type JsonObject } from '../../fhir/json-object.js';

/** One value of an element: JSON keeps a primitive's value and its id and extensions in two members, `status` and `_status`. */
export interface Item {
  /** The JSON member that holds it: `valueQuantity`. */
  member: string;
  value?: unknown;
  beside?: JsonObject;
}

/** An object of a resource, and its type. */
export interface TypedObject {
  object: JsonObject;
  type: TypeDefinition;
}

/** The element of that name; `value` and `valueQuantity` both name `value[x]`. */
export function elementNamed(type: TypeDefinition, name: string): ElementDefinition | undefined {
  return (
    type.elements.find((element) => element.name === name || element.name === `${name}[x]`) ??
    (name.startsWith('_') ? undefined : type.members.get(name)?.element)
  );
}

/** The values that an object has of an element, in order. */
export function itemsOf({ object, type }: TypedObject, element: ElementDefinition): Item[] {
  for (const member of element.members) {
    if (member.startsWith('_')) continue;
    const sibling = type.members.get(member)?.sibling;
    const value = own(object, member);
    const beside = sibling === undefined ? undefined : own(object, sibling);
    if (value === undefined && beside === undefined) continue;
    if (!element.list) return [{ member, value, beside: asObject(beside) }];
    const values = Array.isArray(value) ? value : [];
    const besides = Array.isArray(beside) ? beside : [];
    return Array.from({ length: Math.max(values.length, besides.length) }, (_, index) => ({
      member,
      value: (values[index] ?? undefined) as unknown,
      beside: asObject(besides[index]),
    }));
  }
  return [];
}

/** Puts other values of an element into an object. Members that stay keep their place. */
export function setItems({ object, type }: TypedObject, element: ElementDefinition, items: readonly Item[]): void {
  const held = items[0]?.member;
  for (const member of element.members) {
    if (member !== held && member !== (held === undefined ? undefined : type.members.get(held)?.sibling)) delete object[member];
  }
  if (held === undefined) return;
  const sibling = type.members.get(held)?.sibling;
  put(
    object,
    held,
    element.list,
    items.map(({ value }) => value),
  );
  if (sibling !== undefined)
    put(
      object,
      sibling,
      element.list,
      items.map(({ beside }) => beside),
    );
}

function put(object: JsonObject, member: string, list: boolean, values: readonly unknown[]): void {
  if (values.every((value) => value === undefined)) delete object[member];
  else object[member] = list ? values.map((value) => value ?? null) : values[0];
}

/** The object that the elements of an item stand in: of a primitive, its `_status`. */
export function insideOf(
  { member, value, beside }: Item,
  owner: TypeDefinition,
  known: Definitions = definitions(),
): TypedObject | undefined {
  const definition = owner.members.get(member);
  if (definition === undefined) return undefined;
  if (definition.test !== undefined) {
    const type = known.type('Element');
    return type === undefined || beside === undefined ? undefined : { object: beside, type };
  }
  if (!isJsonObject(value)) return undefined;
  const resourceType = value['resourceType'];
  const name = definition.type === 'Resource' ? (typeof resourceType === 'string' ? resourceType : '') : definition.type;
  const type = known.type(name);
  return type === undefined ? undefined : { object: value, type };
}

function own(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function asObject(value: unknown): JsonObject | undefined {
  return isJsonObject(value) ? value : undefined;
}
