import { createRequire } from 'node:module';
import { typeOfReference } from './reference-type.js';

type Fhirpath = typeof import('fhirpath');
interface ResourceNode {
  data: unknown;
  path: string | null;
}

/** Nodes with their types, as `fhirpath` finds them. */
export type FindNodes = (node: unknown, resource: unknown) => readonly { type: string; node: unknown }[];

/**
 * For expressions that the compiler does not cover: none of the official ones, maybe those of a custom SearchParameter. Some 20 times
 * slower, and loaded only when such an expression turns up. `resolve()` does not fetch: it yields a resource that has nothing but its type.
 * @throws Error for what is no FHIRPath
 */
export function fhirpathNodes(expression: string): FindNodes {
  const require = createRequire(import.meta.url);
  const fhirpath = require('fhirpath') as Fhirpath;
  const model = require('fhirpath/fhir-context/r4');
  let current: unknown;
  // Only nodes of fhirpath's own making have a type.
  const typedNodes = (resourceType: string) =>
    fhirpath.evaluate({ resourceType }, '$this', {}, model, { resolveInternalTypes: false } as never) as unknown[];
  const resolve = (inputs: unknown[]) =>
    inputs.flatMap((input) => {
      const type = typeOfReference(fhirpath.util.valData(input), current);
      return type === undefined ? [] : typedNodes(type);
    });
  const evaluate = fhirpath.compile(expression, model, {
    resolveInternalTypes: false,
    userInvocationTable: { resolve: { fn: resolve, arity: { 0: [] }, internalStructures: true } },
  } as never) as (node: unknown, variables: object) => unknown[];
  return (node, resource) => {
    current = resource;
    return evaluate(node, { resource }).map(typed).filter(canBeKept);
  };
}

function typed(result: unknown): { type: string; node: unknown } {
  if (typeof result === 'object' && result !== null && 'path' in result && 'data' in result) {
    const { path, data } = result as ResourceNode;
    return { type: path ?? 'Resource', node: data };
  }
  if (typeof result === 'boolean') return { type: 'boolean', node: result };
  const text = String(result);
  // Its decimals are objects of its own; a text of digits is still a text.
  const isNumber = typeof result !== 'string' && /^-?\d+(\.\d+)?$/.test(text);
  return isNumber ? { type: 'decimal', node: Number(text) } : { type: 'string', node: text };
}

/** A literal may name NUL, which PostgreSQL keeps in no text: such a result is no value. */
function canBeKept({ node }: { node: unknown }): boolean {
  return typeof node !== 'string' || !node.includes('\0');
}
