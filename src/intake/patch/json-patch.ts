import { isExactNumber, parseExact, stringifyExact } from '../../fhir/exact-json.js';
import { FhirError } from '../../fhir/fhir-error.js';
import { isJsonObject, type JsonObject } from '../../fhir/json-object.js';
import { parseJsonList } from '../../fhir/json-text.js';
import { equalByValue } from './json-equal.js';
import { parsePointer } from './json-pointer.js';
import { cannotApply, PatchBudget } from './patch-budget.js';

/** Deepest nesting a patch may make; the same as of any body. */
const MAX_DEPTH = 64;
const MAX_OPERATIONS = 1000;

type Operation =
  | { op: 'add' | 'replace' | 'test'; path: string[]; value: unknown }
  | { op: 'remove'; path: string[] }
  | { op: 'move' | 'copy'; path: string[]; from: string[] };

/** https://www.rfc-editor.org/rfc/rfc6902 */
export type JsonPatch = readonly Operation[];

/**
 * A body of `application/json-patch+json`. Numbers in it keep their digits.
 * @throws FhirError 400 naming the operation
 */
export function readJsonPatch(body: Buffer | string): JsonPatch {
  const operations = parseExact(parseJsonList(body).text) as unknown[];
  if (operations.length > MAX_OPERATIONS)
    throw new FhirError('too-long', `A patch has at most ${String(MAX_OPERATIONS)} operations`, 'patch', { status: 400 });
  return operations.map(readOperation);
}

function readOperation(operation: unknown, index: number): Operation {
  const where = `patch[${String(index)}]`;
  if (!isJsonObject(operation)) throw new FhirError('structure', 'An operation of a JSON Patch is an object in braces', where);
  const { op } = operation;
  const path = pointerOf(operation, 'path', where);
  switch (op) {
    case 'add':
    case 'replace':
    case 'test':
      if (!Object.hasOwn(operation, 'value')) throw new FhirError('required', `${op} has a value`, `${where}.value`);
      return { op, path, value: operation['value'] };
    case 'remove':
      return { op, path };
    case 'move':
    case 'copy':
      return { op, path, from: pointerOf(operation, 'from', where) };
    default:
      throw new FhirError('value', 'The op of an operation is one of add, remove, replace, move, copy, test', `${where}.op`);
  }
}

function pointerOf(operation: JsonObject, name: 'path' | 'from', where: string): string[] {
  const text = operation[name];
  if (typeof text !== 'string') throw new FhirError('required', `${name} is a JSON Pointer such as /name/0`, `${where}.${name}`);
  const pointer = parsePointer(text);
  if (pointer === undefined || pointer.includes('__proto__'))
    throw new FhirError('value', `${JSON.stringify(text.slice(0, 100))} is no JSON Pointer such as /name/0`, `${where}.${name}`);
  return pointer;
}

/**
 * All operations or, by what it throws, none.
 * @param document from `parseExact`; changed in place
 * @throws FhirError 422 naming the operation
 */
export function applyJsonPatch(document: unknown, patch: JsonPatch, budget = new PatchBudget()): unknown {
  // One member more above the root, so that the root is a place like any other.
  const holder: JsonObject = { root: document };
  const emptied: Emptied[] = [];
  for (const [index, operation] of patch.entries()) {
    try {
      applyOperation(holder, operation, budget, emptied);
    } catch (error) {
      if (error instanceof Unfit) throw cannotApply(`${operation.op}: ${error.message}`, `patch[${String(index)}]`);
      throw error;
    }
  }
  // FHIR has no empty lists, and JSON Patch no way to take a list with its last item; in between it may be filled again.
  for (const { owner, name, list } of emptied) if (list.length === 0 && owner[name] === list) delete owner[name];
  return holder['root'];
}

/** A list that an operation took the last item of, and where it stands. */
interface Emptied {
  owner: JsonObject;
  name: string;
  list: readonly unknown[];
}

/** Why an operation does not fit the document. */
class Unfit extends Error {}

function applyOperation(holder: JsonObject, operation: Operation, budget: PatchBudget, emptied: Emptied[]): void {
  const { op, path } = operation;
  switch (op) {
    case 'add':
      return add(holder, path, copyOf(operation.value, budget));
    case 'remove':
      return remove(holder, path, emptied);
    case 'replace':
      return replace(holder, path, copyOf(operation.value, budget));
    case 'test':
      budget.spend(stringifyExact(operation.value).length);
      if (!equalByValue(valueAt(holder, path), operation.value)) throw new Unfit(`${shown(path)} has another value`);
      return;
    case 'copy':
      return add(holder, path, copyOf(valueAt(holder, operation.from), budget));
    case 'move': {
      const { from } = operation;
      const value = valueAt(holder, from);
      if (isSame(from, path)) return;
      if (isSame(from, path.slice(0, from.length))) throw new Unfit(`${shown(from)} cannot be moved into itself`);
      budget.spend(stringifyExact(value).length);
      remove(holder, from, emptied);
      return add(holder, path, value);
    }
  }
}

function add(holder: JsonObject, path: readonly string[], value: unknown): void {
  if (path.length + depthOf(value, MAX_DEPTH) > MAX_DEPTH) throw new Unfit(`${shown(path)} would be nested too deep`);
  const { owner, name } = ownerAt(holder, path);
  if (!Array.isArray(owner)) owner[name] = value;
  else if (name === '-') owner.push(value);
  else owner.splice(indexIn(owner, name, owner.length, path), 0, value);
}

function remove(holder: JsonObject, path: readonly string[], emptied: Emptied[]): void {
  if (path.length === 0) throw new Unfit('the whole resource cannot be taken away; use DELETE');
  const { owner, name } = ownerAt(holder, path);
  valueIn(owner, name, path);
  if (!Array.isArray(owner)) {
    delete owner[name];
    return;
  }
  owner.splice(Number(name), 1);
  if (owner.length > 0) return;
  const list = ownerAt(holder, path.slice(0, -1));
  if (!Array.isArray(list.owner)) emptied.push({ owner: list.owner, name: list.name, list: owner });
}

function replace(holder: JsonObject, path: readonly string[], value: unknown): void {
  if (path.length + depthOf(value, MAX_DEPTH) > MAX_DEPTH) throw new Unfit(`${shown(path)} would be nested too deep`);
  const { owner, name } = ownerAt(holder, path);
  valueIn(owner, name, path);
  if (Array.isArray(owner)) owner[Number(name)] = value;
  else owner[name] = value;
}

function valueAt(holder: JsonObject, path: readonly string[]): unknown {
  const { owner, name } = ownerAt(holder, path);
  return valueIn(owner, name, path);
}

function ownerAt(holder: JsonObject, path: readonly string[]): { owner: JsonObject | unknown[]; name: string } {
  const steps = ['root', ...path];
  let owner: unknown = holder;
  for (const [index, step] of steps.slice(0, -1).entries()) owner = valueIn(asContainer(owner, path), step, path.slice(0, index));
  return { owner: asContainer(owner, path), name: steps.at(-1)! };
}

function asContainer(value: unknown, path: readonly string[]): JsonObject | unknown[] {
  if (Array.isArray(value)) return value;
  if (isJsonObject(value) && !isExactNumber(value)) return value;
  throw new Unfit(`there is no object or list that ${shown(path)} could be in`);
}

function valueIn(owner: JsonObject | unknown[], name: string, path: readonly string[]): unknown {
  if (Array.isArray(owner)) return owner[indexIn(owner, name, owner.length - 1, path)];
  if (!Object.hasOwn(owner, name)) throw new Unfit(`there is no ${shown(path)}`);
  return owner[name];
}

function indexIn(_list: readonly unknown[], name: string, most: number, path: readonly string[]): number {
  const index = /^(0|[1-9][0-9]{0,8})$/.test(name) ? Number(name) : NaN;
  if (index <= most) return index;
  throw new Unfit(`there is no ${shown(path)}`);
}

function copyOf(value: unknown, budget: PatchBudget): unknown {
  const text = stringifyExact(value);
  budget.spend(text.length);
  return typeof value === 'object' && value !== null ? parseExact(text) : value;
}

/** How deep containers are nested in a value, as far as `most`. */
function depthOf(value: unknown, most: number): number {
  if (typeof value !== 'object' || value === null || isExactNumber(value) || most === 0) return 0;
  let deepest = 0;
  for (const item of Object.values(value)) deepest = Math.max(deepest, depthOf(item, most - 1));
  return deepest + 1;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((token, index) => token === b[index]);
}

/** A pointer as text, short. */
function shown(path: readonly string[]): string {
  if (path.length === 0) return 'the resource';
  return path
    .map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
    .slice(0, 120);
}
