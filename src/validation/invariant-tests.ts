import { createRequire } from 'node:module';
import type { JsonObject } from '../fhir/json-object.js';
import { typeOfReference } from '../search/reference-type.js';
import { r4bModel } from './r4b-model.js';
import type { Invariant } from './rules.js';

type Fhirpath = typeof import('fhirpath');
type Evaluate = (value: unknown, variables: object) => unknown[];

/** Where a value stands: `resource` holds it, `root` holds that one where it is contained. */
export interface Scope {
  resource: JsonObject;
  root: JsonObject;
}

/**
 * Whether an invariant holds for a value; empty is no answer and counts as held. `type` is the value's own or the path of its element,
 * undefined for a resource. @throws Error where the evaluator cannot tell
 */
export type InvariantTest = (invariant: Invariant, value: unknown, type: string | undefined, scope: Scope) => boolean;

/**
 * Runs invariants by `fhirpath`. Nothing is fetched: `resolve()` yields the contained resource, and for any other reference a resource
 * that has nothing but its type. What a rule traces is not written anywhere.
 */
export function fhirpathTests(): InvariantTest {
  const fhirpath = createRequire(import.meta.url)('fhirpath') as Fhirpath;
  const model = r4bModel();
  const compiled = new Map<string, Evaluate>();
  let root: JsonObject = {};
  const options = {
    traceFn: () => undefined,
    userInvocationTable: {
      resolve: {
        fn(this: unknown, inputs: ResourceNode[]) {
          return inputs.flatMap((input) =>
            resolved(fhirpath.util.valData(input), root).map((found) => nodeOf(this, input, found)),
          );
        },
        arity: { 0: [] },
        internalStructures: true,
      },
      matches: {
        fn: (inputs: unknown[], pattern: string) =>
          inputs.map((input) => patternOf(pattern).test(String(fhirpath.util.valData(input)))),
        arity: { 1: ['String'] },
        internalStructures: true,
      },
    },
  };
  return (invariant, value, type, scope) => {
    // A number that is evaluated by itself has no use for its type, and fhirpath 5.2 fails where it is told one.
    const base = typeof value === 'number' ? undefined : type;
    const name = `${base ?? ''} ${invariant.expression}`;
    let evaluate = compiled.get(name);
    if (evaluate === undefined) {
      const path = base === undefined ? invariant.expression : { base, expression: invariant.expression };
      evaluate = fhirpath.compile(path, model as never, options as never) as unknown as Evaluate;
      compiled.set(name, evaluate);
    }
    root = scope.root;
    const result = evaluate(value, { resource: scope.resource, rootResource: scope.root });
    return !(result.length === 1 && result[0] === false);
  };
}

interface ResourceNode {
  constructor: { makeResNode(context: unknown, value: unknown, ...place: null[]): unknown };
}

function nodeOf(context: unknown, beside: ResourceNode, resource: unknown): unknown {
  return beside.constructor.makeResNode(context, resource, null, null, null, null);
}

function resolved(reference: unknown, root: JsonObject): unknown[] {
  const text = typeof reference === 'string' ? reference : (reference as { reference?: unknown } | null)?.reference;
  if (typeof text === 'string' && text.startsWith('#')) {
    if (text === '#') return [root];
    const contained = Array.isArray(root['contained']) ? (root['contained'] as JsonObject[]) : [];
    return contained.filter(({ id }) => id === text.slice(1));
  }
  const type = typeOfReference(reference, root);
  return type === undefined ? [] : [{ resourceType: type }];
}

const patterns = new Map<string, RegExp>();

/** The definitions escape more than JavaScript's stricter mode, which fhirpath asks for, lets pass (`\/`, `\-`). */
function patternOf(pattern: string): RegExp {
  let found = patterns.get(pattern);
  if (found === undefined) patterns.set(pattern, (found = new RegExp(pattern, 's')));
  return found;
}
