import { createRequire } from 'node:module';
import { FhirError } from '../../fhir/fhir-error.js';
import { cannotApply } from './patch-budget.js';

const MOST_CHARACTERS = 300;
/** The parser looks far ahead at each open bracket: 500 of them, never closed, take it half a second. */
const MOST_OPEN = 10;
/**
 * What a path may call: ways to pick out elements, each of which looks at an element once. What walks the whole resource again and again,
 * runs a pattern of the client or leaves the resource is not among them.
 */
const FUNCTIONS: ReadonlySet<string> = new Set([
  'all',
  'as',
  'contains',
  'count',
  'empty',
  'endsWith',
  'exists',
  'extension',
  'first',
  'hasValue',
  'indexOf',
  'is',
  'last',
  'length',
  'lower',
  'not',
  'ofType',
  'single',
  'skip',
  'startsWith',
  'tail',
  'take',
  'toString',
  'upper',
  'where',
]);

/** Where an element stands: names as FHIRPath has them (`value` for `valueQuantity`), an index in lists. */
export interface PlaceStep {
  name: string;
  index?: number;
}

interface FoundNode {
  fullPropertyName?(): string | undefined;
}

/** The elements a path finds in a resource, each by the steps that lead to it; none for the resource itself. */
export type FindPlaces = (resource: unknown) => PlaceStep[][];

/**
 * Compiles the path of a FHIRPath Patch operation.
 * @throws FhirError 400 for what is no FHIRPath or more than a patch needs
 */
export function compilePatchPath(path: string, where: string): FindPlaces {
  const refuse = (problem: string) => new FhirError('value', `The path ${shown(path)} ${problem}`, where);
  if (path.length > MOST_CHARACTERS) throw refuse(`is longer than ${String(MOST_CHARACTERS)} characters`);
  const bare = path.replace(/'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`/g, "''");
  if (openBrackets(bare) > MOST_OPEN) throw refuse('has too many brackets in brackets');
  if (/[%|]/.test(bare)) throw refuse('uses variables or unions, which no path of a patch needs');
  for (const [, name = ''] of bare.matchAll(/([A-Za-z_][A-Za-z0-9_]*)\s*\(/g)) {
    if (!FUNCTIONS.has(name) && !OPERATORS.has(name)) throw refuse(`calls ${name}(), which paths of patches cannot`);
  }
  let evaluate: (resource: unknown, variables: object) => unknown[];
  try {
    evaluate = compile(path);
  } catch {
    throw refuse('is no FHIRPath');
  }
  return (resource) => {
    let found: unknown[];
    try {
      found = evaluate(resource, {});
    } catch {
      throw cannotApply(`The path ${shown(path)} cannot be followed in this resource`, where);
    }
    return found.map((node) => {
      const name = (node as FoundNode | null)?.fullPropertyName?.();
      if (name === undefined) throw cannotApply(`The path ${shown(path)} leads to a value that is no element`, where);
      return stepsOf(name);
    });
  };
}

/** Words that may stand before a bracket without calling anything. */
const OPERATORS: ReadonlySet<string> = new Set(['and', 'or', 'xor', 'implies', 'in', 'contains', 'div', 'mod', 'is', 'as']);

/** Paths come again and again, and taking one apart costs milliseconds. The oldest make room. */
const compiled = new Map<string, ReturnType<Compile>>();
const MOST_COMPILED = 1000;

type Compile = (path: string) => (resource: unknown, variables: object) => unknown[];
let loaded: Compile | undefined;

/** Loaded with the first FHIRPath Patch: many hubs never see one. */
function compile(path: string): ReturnType<Compile> {
  if (loaded === undefined) {
    const require = createRequire(import.meta.url);
    const fhirpath = require('fhirpath') as typeof import('fhirpath');
    const model = require('fhirpath/fhir-context/r4') as object;
    loaded = (text) => fhirpath.compile(text, model as never, { resolveInternalTypes: false } as never) as never;
  }
  let evaluate = compiled.get(path);
  if (evaluate === undefined) {
    evaluate = loaded(path);
    if (compiled.size >= MOST_COMPILED) compiled.delete(compiled.keys().next().value!);
    compiled.set(path, evaluate);
  }
  return evaluate;
}

/** `Patient.name[0].given[1]`, the type left out. */
function stepsOf(fullName: string): PlaceStep[] {
  return fullName
    .split('.')
    .slice(1)
    .map((step) => {
      const [, name = step, index] = /^(.*)\[([0-9]+)\]$/.exec(step) ?? [];
      return index === undefined ? { name } : { name, index: Number(index) };
    });
}

function openBrackets(text: string): number {
  let open = 0;
  let most = 0;
  for (const character of text) {
    if (character === '(' || character === '[' || character === '{') most = Math.max(most, ++open);
    else if (character === ')' || character === ']' || character === '}') open -= 1;
  }
  return most;
}

function shown(path: string): string {
  return JSON.stringify(path.slice(0, 100));
}
