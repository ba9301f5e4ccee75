import { definitions } from '../fhir/definitions.js';
import { type Expression, parseExpression, UnsupportedExpression } from './parse-expression.js';
import type { SearchParameter } from './values.js';

const known = new Map<string, boolean>();

/**
 * Whether no resource has more than one value for a parameter: a date, number or quantity at the end of elements of which there is one at most,
 * a choice of types included. Two conditions on it are then conditions on the same value.
 */
export function isSingleValued({ base, code, type, expression }: SearchParameter): boolean {
  const name = `${base} ${code} ${expression}`;
  let single = known.get(name);
  if (single === undefined) known.set(name, (single = ONE_EACH.has(type) && hasOneNode(base, expression)));
  return single;
}

/** Types of which each node has one value at most. */
const ONE_EACH = new Set(['date', 'number', 'quantity']);

function hasOneNode(base: string, expression: string): boolean {
  try {
    const paths = new Set(membersOf(parseExpression(expression)).map((member) => pathOf(member)?.join('.')));
    const [path] = paths;
    return paths.size === 1 && path !== undefined && isWithoutLists(base, path.split('.'));
  } catch (error) {
    if (error instanceof UnsupportedExpression) return false;
    throw error;
  }
}

function membersOf(expression: Expression): readonly Expression[] {
  return expression.kind === 'union' ? expression.members.flatMap(membersOf) : [expression];
}

/** `Condition.onset.as(Period)` as its names, the type left aside; undefined for what is more than a path. */
function pathOf(expression: Expression): string[] | undefined {
  if (expression.kind === 'type' && expression.operator === 'as') return pathOf(expression.of);
  if (expression.kind !== 'member') return undefined;
  if (expression.of === undefined) return [expression.name];
  return pathOf(expression.of)?.concat(expression.name);
}

function isWithoutLists(base: string, [root, ...names]: readonly string[]): boolean {
  let types: readonly string[] = [base];
  if (root !== base || names.length === 0) return false;
  for (const name of names) {
    const found = types.length === 1 ? definitions().type(types[0] ?? '') : undefined;
    const element = found?.elements.find((one) => one.name === name || one.name === `${name}[x]`);
    if (element === undefined || element.list) return false;
    types = element.types;
  }
  return true;
}
