import { FhirError } from '../../fhir/fhir-error.js';
import type { Branch } from '../compile-expression.js';
import type { ParameterRow, SearchDefinitions } from '../search-definitions.js';
import { type ReadingContext, valueReader } from '../value-reader.js';
import type { SearchParameterType } from '../values.js';
import { readExpression, RefusedExpression } from './bounded-expression.js';
import type { CustomDefinition } from './custom-definition.js';
import { splitUnion } from '../split-union.js';

/** What a stored SearchParameter comes to: a definition for searches, or the reason why there is nothing to use. */
export type ReadDefinition = { kind: 'used'; definition: CustomDefinition } | { kind: 'unused'; reason: string };

const TYPES: ReadonlySet<string> = new Set<SearchParameterType>([
  ...(['number', 'date', 'string', 'token', 'reference', 'composite', 'quantity', 'uri'] as const),
]);
/** What a query and an include can name. Names that begin with a low line are the standard's own. */
const CODE = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const NAMED = /^[\s(]*([A-Za-z]+)/;
/** Resources that are no DomainResource. */
const PLAIN_RESOURCES = new Set(['Bundle', 'Binary', 'Parameters']);
const MOST_CHARACTERS = 5_000;
const MOST_COMPONENTS = 3;

/**
 * Reads a SearchParameter as a client wrote it. Only active ones are used; an official definition under its own URL is in use anyway.
 * Custom parameters stand beside the official ones, never in their place.
 * https://hl7.org/fhir/R4B/searchparameter.html
 * @throws FhirError 422 naming the element
 */
export function readDefinition(
  resource: Readonly<Record<string, unknown>>,
  official: SearchDefinitions,
  bases: readonly string[],
): ReadDefinition {
  if (resource['status'] !== 'active') return { kind: 'unused', reason: 'only active SearchParameters are used' };
  const url = textOf(resource, 'url');
  if (official.knowsUrl(url)) return { kind: 'unused', reason: 'this is an official definition, which is used as FHIR has it' };
  const code = textOf(resource, 'code');
  if (!CODE.test(code)) {
    const form = 'begins with a letter and has letters, digits, - and _ (up to 64)';
    throw refused('code', `the code of a parameter ${form}; "${code.slice(0, 64)}" is none`);
  }
  const type = textOf(resource, 'type') as SearchParameterType;
  if (!TYPES.has(type)) throw refused('type', `parameters of type "${type.slice(0, 20)}" cannot be defined here`);
  const usage = resource['xpathUsage'];
  if (usage !== undefined && usage !== 'normal')
    throw refused('xpathUsage', `values are taken as they stand (normal); "${String(usage).slice(0, 20)}" is not to be had`);
  const expression = textOf(resource, 'expression');
  const context: ReadingContext = { elements: official.elements, bases };
  const components = componentsOf(resource, type, official);
  const targets = targetsOf(resource, official);
  const harmless = new Set<string>();
  const rows = Object.fromEntries(
    basesOf(resource, official).map((base): [string, ParameterRow] => {
      if (official.find(base, code) !== undefined)
        throw refused('code', `${base} has a parameter "${code}" by FHIR's own definitions, which stays as it is`);
      const row: ParameterRow = {
        ...{ code, url, type, expression: membersFor(base, expression, official) },
        ...(type === 'reference' && targets !== undefined ? { targets } : {}),
        ...(components === undefined ? {} : { components }),
      };
      checkRow(row, base, context, harmless);
      return [base, row];
    }),
  );
  return { kind: 'used', definition: { url, code, rows } };
}

function textOf(resource: Readonly<Record<string, unknown>>, name: string): string {
  const value = resource[name];
  if (typeof value !== 'string' || value.trim() === '')
    throw refused(name, `an active SearchParameter needs ${name === 'expression' ? 'an' : 'a'} ${name} here`);
  if (value.length > MOST_CHARACTERS) throw refused(name, `${name} has more than ${String(MOST_CHARACTERS)} characters`);
  return value;
}

/** The resource types, those of all types spelled out. */
function basesOf(resource: Readonly<Record<string, unknown>>, official: SearchDefinitions): string[] {
  const bases = Array.isArray(resource['base']) ? (resource['base'] as unknown[]) : [];
  if (bases.length === 0) throw refused('base', 'an active SearchParameter needs a base here');
  const types = bases.flatMap((base, i) => {
    if (base === 'Resource') return official.resourceTypes();
    if (base === 'DomainResource') return official.resourceTypes().filter((type) => !PLAIN_RESOURCES.has(type));
    if (typeof base === 'string' && official.isResourceType(base)) return [base];
    throw refused(`base[${String(i)}]`, `there is no resource type "${String(base).slice(0, 60)}"`);
  });
  return [...new Set(types)].sort();
}

function targetsOf(resource: Readonly<Record<string, unknown>>, official: SearchDefinitions): string[] | undefined {
  const targets = Array.isArray(resource['target']) ? (resource['target'] as unknown[]) : [];
  if (targets.length === 0 || targets.includes('Resource')) return undefined;
  targets.forEach((target, i) => {
    if (typeof target !== 'string' || !official.isResourceType(target))
      throw refused(`target[${String(i)}]`, `there is no resource type "${String(target).slice(0, 60)}"`);
  });
  return [...new Set(targets as string[])].sort();
}

/** Members of the union that begin at another type are not for this one. */
function membersFor(base: string, expression: string, official: SearchDefinitions): string {
  const members = splitUnion(expression).filter((member) => {
    const named = NAMED.exec(member)?.[1] ?? '';
    return named === base || !official.isResourceType(named);
  });
  if (members.length === 0) throw refused('expression', `the expression has no member for ${base}`);
  return members.join(' | ');
}

function componentsOf(
  resource: Readonly<Record<string, unknown>>,
  type: SearchParameterType,
  official: SearchDefinitions,
): ParameterRow['components'] {
  const components = Array.isArray(resource['component']) ? (resource['component'] as Record<string, unknown>[]) : [];
  if (type !== 'composite') {
    if (components.length > 0) throw refused('component', 'only a composite has components');
    return undefined;
  }
  if (components.length < 2 || components.length > MOST_COMPONENTS)
    throw refused('component', `a composite has two components or more, up to ${String(MOST_COMPONENTS)}`);
  return components.map(({ definition, expression }, i) => {
    const at = `component[${String(i)}]`;
    const [url = ''] = String(definition).split('|');
    const known = official.typeOfUrl(url);
    if (known === undefined) throw refused(`${at}.definition`, `"${url.slice(0, 200)}" is no official search parameter`);
    if (known === 'composite' || known === 'special')
      throw refused(`${at}.definition`, `a part of a composite cannot be ${known}`);
    if (typeof expression !== 'string') throw refused(`${at}.expression`, 'a component needs an expression');
    return { url, type: known, expression };
  });
}

/**
 * @param harmless expressions that were found to be for `fhirpath`, so that no two types pay for one
 * @throws FhirError 422 where resources of the type cannot be read by the row
 */
function checkRow(
  { type, expression, components = [] }: ParameterRow,
  base: string,
  context: ReadingContext,
  harmless: Set<string>,
): void {
  const branches = harmless.has(expression) ? 'fhirpath' : readAt('expression', expression, base, base, context);
  if (branches === 'fhirpath') harmless.add(expression);
  if (type !== 'composite') return checkValues('expression', type, branches, context);
  if (branches === 'fhirpath') throw refused('expression', 'the expression of a composite is a path here, with where() and as()');
  components.forEach((component, i) => {
    const at = `component[${String(i)}].expression`;
    for (const branch of branches) {
      const parts = readAt(at, component.expression, base, branch.type, context);
      if (parts === 'fhirpath') throw refused(at, 'the expression of a component is a path here, with where() and as()');
      checkValues(at, component.type, parts, context);
    }
  });
}

function readAt(at: string, expression: string, base: string, contextType: string, { elements }: ReadingContext) {
  try {
    return readExpression(elements, expression, base, contextType);
  } catch (error) {
    if (error instanceof RefusedExpression) throw refused(at, `for ${base} the expression ${error.message}`);
    throw error;
  }
}

function checkValues(
  at: string,
  type: SearchParameterType,
  branches: readonly Branch[] | 'fhirpath',
  context: ReadingContext,
): void {
  if (branches === 'fhirpath' || branches.some((branch) => valueReader(type, branch.type, context) !== undefined)) return;
  const found = [...new Set(branches.map((branch) => branch.type.split('|')[0]))].slice(0, 5).join(', ');
  throw refused(at, `it leads to ${found}, of which a parameter of type ${type} has no values`);
}

function refused(element: string, why: string): FhirError {
  return new FhirError('business-rule', `SearchParameter: ${why}`, `SearchParameter.${element}`);
}
