import { type Definitions, type ElementDefinition, definitions } from '../../fhir/definitions.js';
import { parseExact, stringifyExact } from '../../fhir/exact-json.js';
import { FhirError } from '../../fhir/fhir-error.js';
import { isJsonObject, type JsonObject } from '../../fhir/json-object.js';
import { elementNamed, insideOf, type Item, itemsOf, setItems, type TypedObject } from './element-items.js';
import { cannotApply, PatchBudget } from './patch-budget.js';
import { compilePatchPath, type FindPlaces, type PlaceStep } from './patch-path.js';
import { itemOfPart, type ParameterPart } from './patch-value.js';

const MAX_OPERATIONS = 200;
/** Of all different paths: the parser takes up to a tenth of a millisecond for each. */
const MAX_PATH_CHARACTERS = 4000;

interface Located {
  path: string;
  find: FindPlaces;
}

type Operation = Located &
  (
    | { type: 'add'; name: string; value: ParameterPart }
    | { type: 'insert'; index: number; value: ParameterPart }
    | { type: 'delete' }
    | { type: 'replace'; value: ParameterPart }
    | { type: 'move'; source: number; destination: number }
  );

/** https://hl7.org/fhir/R4B/fhirpatch.html */
export type FhirPathPatch = readonly Operation[];

/**
 * The operations of a Parameters resource that is valid by its definition.
 * @param text its exact text
 * @throws FhirError 400 naming the parameter
 */
export function readFhirPathPatch(text: string): FhirPathPatch {
  const { parameter = [] } = parseExact(text) as { parameter?: JsonObject[] };
  if (parameter.length > MAX_OPERATIONS)
    throw new FhirError('too-long', `A patch has at most ${String(MAX_OPERATIONS)} operations`, 'Parameters.parameter', {
      status: 400,
    });
  const paths = new Set(parameter.flatMap(({ part }) => (Array.isArray(part) ? part : []).map(pathIn)));
  if ([...paths].join('').length > MAX_PATH_CHARACTERS)
    throw new FhirError('too-long', 'The paths of the patch are too many and too long', 'Parameters.parameter', { status: 400 });
  return parameter.map(readOperation);
}

function pathIn(part: unknown): string {
  return isJsonObject(part) && part['name'] === 'path' && typeof part['valueString'] === 'string' ? part['valueString'] : '';
}

function readOperation(parameter: JsonObject, at: number): Operation {
  const where = whereOf(at);
  if (parameter['name'] !== 'operation')
    throw new FhirError('value', 'Each parameter of a FHIRPath Patch is an operation', `${where}.name`);
  const parts = new Map<string, JsonObject>();
  for (const part of Array.isArray(parameter['part']) ? parameter['part'] : []) {
    if (!isJsonObject(part)) continue;
    const name = String(part['name']);
    if (parts.has(name)) throw new FhirError('value', `An operation has one ${name.slice(0, 60)}`, where);
    parts.set(name, part);
  }
  const need = (name: string) => {
    const part = parts.get(name);
    if (part === undefined) throw new FhirError('required', `The operation has no ${name}`, where);
    return part;
  };
  const text = (name: string) => {
    const part = need(name);
    const value = part['valueString'] ?? part['valueCode'];
    if (typeof value !== 'string') throw new FhirError('value', `${name} is a text`, where);
    return value;
  };
  const place = (name: string) => {
    const value = need(name)['valueInteger'];
    if (typeof value !== 'number' || value < 0) throw new FhirError('value', `${name} is a place in a list, from 0 on`, where);
    return value;
  };
  const type = text('type');
  const path = text('path');
  const located = { path, find: compilePatchPath(path, where) };
  switch (type) {
    case 'add':
      return { ...located, type, name: text('name'), value: need('value') };
    case 'insert':
      return { ...located, type, index: place('index'), value: need('value') };
    case 'delete':
      return { ...located, type };
    case 'replace':
      return { ...located, type, value: need('value') };
    case 'move':
      return { ...located, type, source: place('source'), destination: place('destination') };
    default:
      throw new FhirError('code-invalid', 'The type of an operation is add, insert, delete, replace or move', where, {
        status: 400,
      });
  }
}

/**
 * All operations or, by what it throws, none.
 * @param resource from `parseExact`; changed in place
 * @throws FhirError 422 naming the operation
 */
export function applyFhirPathPatch(resource: JsonObject, patch: FhirPathPatch, budget = new PatchBudget()): void {
  // The paths are followed in a resource of plain numbers, made anew once something has changed.
  let plain: unknown;
  for (const [at, operation] of patch.entries()) {
    if (plain === undefined) {
      const text = stringifyExact(resource);
      budget.spend(text.length);
      plain = JSON.parse(text);
    }
    const edit = new Edit(resource, operation.path, whereOf(at));
    if (applyOperation(edit, operation, operation.find(plain))) plain = undefined;
  }
}

/** Whether anything changed. */
function applyOperation(edit: Edit, operation: Operation, places: readonly PlaceStep[][]): boolean {
  switch (operation.type) {
    case 'add':
      edit.add(edit.one(places), operation.name, operation.value);
      return true;
    case 'insert':
      edit.insert(places, operation.index, operation.value);
      return true;
    case 'delete':
      if (places.length === 0) return false;
      edit.delete(edit.one(places));
      return true;
    case 'replace':
      edit.replace(edit.one(places), operation.value);
      return true;
    case 'move':
      edit.move(places, operation.source, operation.destination);
      return true;
  }
}

/** The values of one element of one object. */
interface Slot {
  owner: TypedObject;
  element: ElementDefinition;
  items: Item[];
}

class Edit {
  private readonly known: Definitions = definitions();

  constructor(
    private readonly resource: JsonObject,
    private readonly path: string,
    private readonly where: string,
  ) {}

  one(places: readonly PlaceStep[][]): PlaceStep[] {
    const [place, ...more] = places;
    if (place === undefined) throw this.refusal('finds nothing');
    if (more.length > 0) throw this.refusal(`finds ${String(places.length)} elements; it has to find one`);
    return place;
  }

  add(place: readonly PlaceStep[], name: string, value: ParameterPart): void {
    const owner = this.objectAt(place, true);
    const element = elementNamed(owner.type, name);
    if (element === undefined) throw cannotApply(`${owner.type.name} has no element ${name.slice(0, 60)}`, this.where);
    const items = itemsOf(owner, element);
    if (!element.list && items.length > 0) throw this.refusal(`has a ${name.slice(0, 60)} already; use replace`);
    setItems(owner, element, [...items, itemOfPart(value, owner.type, element, this.where)]);
  }

  insert(places: readonly PlaceStep[][], index: number, value: ParameterPart): void {
    const { owner, element, items } = this.list(places);
    if (index > items.length)
      throw this.refusal(`has ${String(items.length)} elements, so nothing is inserted at ${String(index)}`);
    items.splice(index, 0, itemOfPart(value, owner.type, element, this.where));
    setItems(owner, element, items);
  }

  delete(place: readonly PlaceStep[]): void {
    const { slot, index } = this.slotAt(place);
    slot.items.splice(index, 1);
    setItems(slot.owner, slot.element, slot.items);
    this.dropEmptyBeside(place.slice(0, -1));
  }

  replace(place: readonly PlaceStep[], value: ParameterPart): void {
    const { slot, index } = this.slotAt(place);
    slot.items[index] = itemOfPart(value, slot.owner.type, slot.element, this.where);
    setItems(slot.owner, slot.element, slot.items);
  }

  move(places: readonly PlaceStep[][], source: number, destination: number): void {
    const { owner, element, items } = this.list(places);
    if (source >= items.length || destination >= items.length)
      throw this.refusal(`has ${String(items.length)} elements, counted from 0`);
    items.splice(destination, 0, ...items.splice(source, 1));
    setItems(owner, element, items);
  }

  /** The list that a path names as a whole; one without elements is found by its owner's path. */
  private list(places: readonly PlaceStep[][]): Slot {
    const [first] = places;
    if (first === undefined) return this.emptyList();
    const { slot } = this.slotAt(first);
    const { list, name } = slot.element;
    const parent = JSON.stringify(first.slice(0, -1));
    const whole =
      list && places.length === slot.items.length && places.every((place) => JSON.stringify(place.slice(0, -1)) === parent);
    if (!whole) throw this.refusal(list ? 'finds a part of a list, or several lists' : `finds ${name}, which is no list`);
    return slot;
  }

  private emptyList(): Slot {
    const [, ownerPath, name] = /^(.+)\.([A-Za-z]+)$/s.exec(this.path.trim()) ?? [];
    if (ownerPath === undefined || name === undefined) throw this.refusal('finds nothing');
    const places = compilePatchPath(ownerPath, this.where)(JSON.parse(stringifyExact(this.resource)));
    const owner = this.objectAt(this.one(places), true);
    const element = elementNamed(owner.type, name);
    if (element?.list !== true) throw this.refusal('names no list');
    return { owner, element, items: itemsOf(owner, element) };
  }

  private slotAt(place: readonly PlaceStep[]): { slot: Slot; index: number } {
    const last = place.at(-1);
    if (last === undefined) throw this.refusal('is the resource itself; use PUT or DELETE');
    const owner = this.objectAt(place.slice(0, -1), false);
    const element = elementNamed(owner.type, last.name);
    if (element === undefined) throw this.refusal('leads to no element');
    const items = itemsOf(owner, element);
    const index = last.index ?? 0;
    if (index >= items.length) throw this.refusal('leads to no element');
    return { slot: { owner, element, items }, index };
  }

  /** @param grow whether a primitive gets a place for its extensions, where it has none */
  private objectAt(place: readonly PlaceStep[], grow: boolean): TypedObject {
    const type = this.known.type(String(this.resource['resourceType']));
    if (type === undefined) throw this.refusal('starts at no resource');
    let here: TypedObject = { object: this.resource, type };
    for (const { name, index = 0 } of place) {
      const element = elementNamed(here.type, name);
      const items = element === undefined ? [] : itemsOf(here, element);
      const item = items[index];
      if (element === undefined || item === undefined) throw this.refusal('leads to no element');
      if (grow && item.beside === undefined && here.type.members.get(item.member)?.sibling !== undefined) {
        item.beside = {};
        setItems(here, element, items);
      }
      const inside = insideOf(item, here.type, this.known);
      if (inside === undefined) throw this.refusal('leads to an element that has no others in it');
      here = inside;
    }
    return here;
  }

  /** A primitive that lost its last extension has no object for them any more. */
  private dropEmptyBeside(place: readonly PlaceStep[]): void {
    const last = place.at(-1);
    if (last === undefined) return;
    const { slot, index } = this.slotAt(place);
    const item = slot.items[index]!;
    if (item.beside === undefined || Object.keys(item.beside).length > 0) return;
    item.beside = undefined;
    setItems(slot.owner, slot.element, item.value === undefined ? slot.items.filter((each) => each !== item) : slot.items);
  }

  private refusal(problem: string): FhirError {
    return cannotApply(`The path ${JSON.stringify(this.path.slice(0, 100))} ${problem}`, this.where);
  }
}

function whereOf(at: number): string {
  return `Parameters.parameter[${String(at)}]`;
}
