import { createRequire } from 'node:module';
import { MODEL } from './official-definitions.js';

const fhirpath = createRequire(import.meta.url)('fhirpath') as typeof import('fhirpath');

/** Something that a FHIRPath expression found in a resource. */
export interface Node {
  /** FHIR type: `Quantity`, `code`, `Observation.component` … */
  type: string;
  data: unknown;
  /** The element it stands in: `Patient` and `gender`, `Observation.component` and `code`. */
  owner: string;
  name: string;
}

export type Resource = { resourceType: string; id?: string; contained?: Resource[] } & Record<string, unknown>;

type Evaluate = (data: unknown, variables: object) => unknown[];

interface Found {
  data: unknown;
  path: string | null;
  parentResNode?: { path: string | null } | null;
  propName?: string | null;
}

const compiled = new Map<string, readonly Evaluate[]>();
let current: Resource;

/** Evaluates an expression on a resource, or, as part of a composite, on a node of it. `resolve()` goes by what the reference names. */
export function findNodes(expression: string, resource: Resource, from?: Node): readonly Node[] {
  current = resource;
  const base = from === undefined || from.type === resource.resourceType ? undefined : from.type;
  const key = `${base ?? ''} ${expression}`;
  let members = compiled.get(key);
  if (members === undefined) compiled.set(key, (members = membersOf(asFilter(expression)).map((text) => compile(text, base))));
  return members.flatMap((evaluate) => evaluate(from?.data ?? resource, { resource }).map(nodeOf));
}

function compile(expression: string, base: string | undefined): Evaluate {
  const resolve = (inputs: unknown[]) => inputs.flatMap((input) => stub(typeReferredTo(fhirpath.util.valData(input))));
  return fhirpath.compile(
    base === undefined ? expression : { base, expression },
    MODEL as never,
    {
      resolveInternalTypes: false,
      userInvocationTable: { resolve: { fn: resolve, arity: { 0: [] }, internalStructures: true } },
    } as never,
  ) as Evaluate;
}

const stubs = new Map<string | undefined, unknown[]>([[undefined, []]]);

/** A resource that has nothing but its type, as FHIRPath's own kind of node, which alone has a type. */
function stub(type: string | undefined): unknown[] {
  let nodes = stubs.get(type);
  if (nodes === undefined) {
    nodes = fhirpath.evaluate(
      { resourceType: type },
      '$this',
      {},
      MODEL as never,
      { resolveInternalTypes: false } as never,
    ) as unknown[];
    stubs.set(type, nodes);
  }
  return nodes;
}

/** `x as T` is meant for all that x is, one or many, which FHIRPath calls ofType; and there is no type DateTime. */
function asFilter(expression: string): string {
  return expression
    .replace(/ as (\w+)/g, '.ofType($1)')
    .replace(/\.as\((\w+)\)/g, '.ofType($1)')
    .replaceAll('(DateTime)', '(dateTime)');
}

/** The members of a union, each of which may find values; FHIRPath's own union would drop what is twice, and stumbles over comparators. */
function membersOf(expression: string): string[] {
  const members = [''];
  let depth = 0;
  for (const character of expression) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (character === '|' && depth === 0) members.push('');
    else members[members.length - 1] += character;
  }
  return members;
}

function nodeOf(found: unknown): Node {
  if (typeof found === 'boolean') return { type: 'boolean', data: found, owner: '', name: '' };
  const { data, path, parentResNode, propName } = found as Found;
  return { type: path ?? 'Resource', data, owner: parentResNode?.path ?? '', name: propName ?? '' };
}

/** `Patient/1`, `http://elsewhere/fhir/Patient/1/_history/2`, `#contained`; where the text does not tell, Reference.type may. */
function typeReferredTo(reference: unknown): string | undefined {
  const { reference: text, type } =
    typeof reference === 'string' ? { reference, type: undefined } : (reference as { reference?: string; type?: string });
  if (text?.startsWith('#') === true) {
    if (text === '#') return current.resourceType;
    return current.contained?.find(({ id }) => `#${id ?? ''}` === text)?.resourceType;
  }
  const parts = (text ?? '').split('/');
  if (parts.at(-2) === '_history') parts.splice(-2);
  const [named = '', id = ''] = parts.slice(-2);
  return /^[A-Z][A-Za-z]+$/.test(named) && /^[A-Za-z0-9.-]{1,64}$/.test(id) ? named : type;
}
