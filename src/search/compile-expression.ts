import type { JsonObject } from '../fhir/json-object.js';
import { isPrimitive, propertiesOf, type ElementTable } from './element-types.js';
import {
  parseExpression,
  UnboundedExpression,
  UnknownElement,
  UnsupportedExpression,
  type Expression,
} from './parse-expression.js';
import { typeOfReference } from './reference-type.js';

/** Shows every node of a branch to `read`; `resource` is the whole resource, where `node` may be a part of it. */
export type Visit<Sink> = (node: unknown, resource: unknown, sink: Sink) => void;

/**
 * One way through the JSON that an expression stands for. Types are settled here, at compile time: a choice element becomes one branch
 * for each type it allows, so that evaluating is nothing but walking properties.
 */
export interface Branch {
  /** FHIR type of the nodes it leads to, see {@link TypedProperty}. */
  type: string;
  from: 'context' | 'resource';
  steps: readonly Step[];
}

type Step =
  | { kind: 'member'; property: string }
  | { kind: 'filter'; keeps: Test }
  | { kind: 'test'; test: Test }
  /** The n-th node that the steps before lead to. */
  | { kind: 'index'; index: number };

/** FHIRPath's three-valued logic: undefined is the empty collection. */
type Test = (node: unknown, resource: unknown) => boolean | undefined;

interface Scope {
  elements: ElementTable;
  resourceType: string;
  /** What `$this` is here. */
  context: Branch;
  /** Branches that may still be made: each choice element multiplies them. */
  left: { branches: number };
}

/** The official expression with the most makes 51. */
const MOST_BRANCHES = 2_000;

/**
 * Compiles a search parameter's expression for resources of `resourceType`, or for nodes of `contextType` in them.
 * @throws UnsupportedExpression
 * @throws UnboundedExpression
 */
export function compileExpression(
  elements: ElementTable,
  text: string,
  resourceType: string,
  contextType: string = resourceType,
): readonly Branch[] {
  return branchesOf(parseExpression(text), {
    elements,
    resourceType,
    context: { type: contextType, from: 'context', steps: [] },
    left: { branches: MOST_BRANCHES },
  });
}

function branchesOf(expression: Expression, scope: Scope): readonly Branch[] {
  switch (expression.kind) {
    case 'union':
      return expression.members.flatMap((member) => branchesOf(member, scope));
    case 'this':
      return [scope.context];
    case 'variable':
      if (expression.name !== 'resource') throw new UnsupportedExpression(`%${expression.name}`);
      return [{ type: scope.resourceType, from: 'resource', steps: [] }];
    case 'member':
      return memberBranches(expression.of, expression.name, scope);
    case 'index':
      return nth(branchesOf(expression.of, scope), expression.index);
    case 'type':
      if (expression.operator === 'is') return [testBranch(expression, scope)];
      return branchesOf(expression.of, scope).filter(({ type }) => sameType(type, expression.type));
    case 'call':
      return callBranches(expression, scope);
    case 'binary':
      return [testBranch(expression, scope)];
    case 'literal':
      throw new UnsupportedExpression('a literal as a result');
  }
}

function memberBranches(of: Expression | undefined, name: string, scope: Scope): readonly Branch[] {
  const { context } = scope;
  const isRoot = !of && context.steps.length === 0 && context.type === scope.resourceType;
  if (isRoot && (name === scope.resourceType || name === 'Resource' || name === 'DomainResource')) return [context];
  const owners = of ? branchesOf(of, scope) : [context];
  const branches = owners.flatMap((owner) =>
    propertiesOf(scope.elements, owner.type, name).map(({ property, type }) => then(owner, type, { kind: 'member', property })),
  );
  if (branches.length === 0) throw new UnknownElement(`no element ${name} in ${shownTypes(owners)}`);
  if ((scope.left.branches -= branches.length) < 0) throw new UnboundedExpression('it stands for too many paths');
  return branches;
}

function shownTypes(owners: readonly Branch[]): string {
  const types = [...new Set(owners.map(({ type }) => type.split('|')[0]))];
  return types.length > 3 ? `${types.slice(0, 3).join(', ')} …` : types.join(', ');
}

function callBranches(call: Expression & { kind: 'call' }, scope: Scope): readonly Branch[] {
  const owners = call.of ? branchesOf(call.of, scope) : [scope.context];
  const [argument] = call.args;
  switch (call.name) {
    case 'where':
      if (!argument) break;
      return owners.map((owner) =>
        then(owner, owner.type, {
          kind: 'filter',
          keeps: testOf(argument, { ...scope, context: { type: owner.type, from: 'context', steps: [] } }),
        }),
      );
    case 'extension': {
      if (argument?.kind !== 'literal') break;
      const keeps = (extension: unknown) => (extension as JsonObject).url === argument.value;
      return owners.map((owner) =>
        then(then(besideValue(owner), 'Extension', { kind: 'member', property: 'extension' }), 'Extension', {
          kind: 'filter',
          keeps,
        }),
      );
    }
    case 'first':
      return nth(owners, 0);
    case 'exists':
      return [testBranch(call, scope)];
  }
  throw new UnsupportedExpression(`${call.name}()`);
}

/** Extensions of a primitive stand in its underscore sibling: `criteria` → `_criteria`. */
function besideValue(owner: Branch): Branch {
  const last = owner.steps.at(-1);
  if (!isPrimitive(owner.type)) return owner;
  if (last?.kind !== 'member') throw new UnsupportedExpression('extensions of a filtered primitive');
  return { ...owner, steps: [...owner.steps.slice(0, -1), { kind: 'member', property: `_${last.property}` }] };
}

function nth(branches: readonly Branch[], index: number): readonly Branch[] {
  const [branch] = branches;
  if (branches.length !== 1 || !branch) throw new UnsupportedExpression('an index into several paths');
  return [then(branch, branch.type, { kind: 'index', index })];
}

function then(branch: Branch, type: string, step: Step): Branch {
  return { from: branch.from, type, steps: [...branch.steps, step] };
}

function testBranch(expression: Expression, scope: Scope): Branch {
  return then(scope.context, 'boolean', { kind: 'test', test: testOf(expression, scope) });
}

/** A type is also each of its ancestors. `value.as(DateTime)` in the official definitions means dateTime. */
function sameType(found: string, wanted: string): boolean {
  const bare = found.split('|')[0] as string;
  return bare === wanted || SUBTYPES[wanted]?.includes(bare) === true || (bare === 'dateTime' && wanted === 'DateTime');
}

const SUBTYPES: Readonly<Record<string, readonly string[]>> = {
  uri: ['canonical', 'url', 'oid', 'uuid'],
  string: ['code', 'id', 'markdown'],
  integer: ['positiveInt', 'unsignedInt'],
  Quantity: ['Age', 'Count', 'Distance', 'Duration', 'SimpleQuantity'],
};

function testOf(expression: Expression, scope: Scope): Test {
  if (expression.kind === 'binary') {
    const { operator, left, right } = expression;
    if (operator === 'and') {
      const [a, b] = [testOf(left, scope), testOf(right, scope)];
      return (node, resource) => both(a(node, resource), b(node, resource));
    }
    if (operator === 'or') {
      const [a, b] = [testOf(left, scope), testOf(right, scope)];
      return (node, resource) => either(a(node, resource), b(node, resource));
    }
    if (right.kind !== 'literal') throw new UnsupportedExpression('a comparison of two paths');
    const nodes = collector(branchesOf(left, scope));
    return (node, resource) => {
      const found = nodes(node, resource);
      if (found.length === 0) return undefined;
      return (found.length === 1 && found[0] === right.value) === (operator === '=');
    };
  }
  if (expression.kind === 'type' && expression.operator === 'is') return typeTest(expression, scope);
  if (expression.kind === 'call' && expression.name === 'exists') {
    const owners = expression.of ? branchesOf(expression.of, scope) : [scope.context];
    const [argument] = expression.args;
    const nodes = collector(
      argument ? callBranches({ kind: 'call', of: expression.of, name: 'where', args: [argument] }, scope) : owners,
    );
    return (node, resource) => nodes(node, resource).length > 0;
  }
  throw new UnsupportedExpression(`${expression.kind} as a condition`);
}

/** `x is T` by the static types of x; `x.resolve() is T` by the type that the reference names. */
function typeTest({ of, type: wanted }: Expression & { kind: 'type' }, scope: Scope): Test {
  if (of.kind === 'call' && of.name === 'resolve') {
    const nodes = collector(of.of ? branchesOf(of.of, scope) : [scope.context]);
    return (node, resource) => {
      const [reference] = nodes(node, resource);
      return reference === undefined ? undefined : typeOfReference(reference, resource) === wanted;
    };
  }
  const branches = branchesOf(of, scope);
  const all = collector(branches);
  const fitting = collector(branches.filter(({ type }) => sameType(type, wanted)));
  return (node, resource) => (all(node, resource).length === 0 ? undefined : fitting(node, resource).length > 0);
}

function both(a: boolean | undefined, b: boolean | undefined): boolean | undefined {
  if (a === false || b === false) return false;
  return a === undefined || b === undefined ? undefined : true;
}

function either(a: boolean | undefined, b: boolean | undefined): boolean | undefined {
  if (a === true || b === true) return true;
  return a === undefined || b === undefined ? undefined : false;
}

/** All nodes of some branches, from a context node. */
export function collector(branches: readonly Branch[]): (node: unknown, resource: unknown) => unknown[] {
  const visits = branches.map((branch) => visitor<unknown[]>(branch, (node, sink) => sink.push(node)));
  return (node, resource) => {
    const sink: unknown[] = [];
    for (const visit of visits) visit(node, resource, sink);
    return sink;
  };
}

/** The branch as a chain of closures, one for each step, that ends in `read`. */
export function visitor<Sink>(branch: Branch, read: (node: unknown, sink: Sink) => void): Visit<Sink> {
  let visit: Visit<Sink> = (node, _resource, sink) => read(node, sink);
  for (let i = branch.steps.length - 1; i >= 0; i--) {
    const step = branch.steps[i] as Step;
    if (step.kind === 'index') {
      const nodes = collector([{ ...branch, steps: branch.steps.slice(0, i) }]);
      const { index } = step;
      const next = visit;
      return (node, resource, sink) => {
        const found = nodes(node, resource)[index];
        if (found !== undefined) next(found, resource, sink);
      };
    }
    visit = visitStep(step, visit);
  }
  if (branch.from === 'context') return visit;
  const whole = visit;
  return (_node, resource, sink) => whole(resource, resource, sink);
}

function visitStep<Sink>(step: Exclude<Step, { kind: 'index' }>, next: Visit<Sink>): Visit<Sink> {
  switch (step.kind) {
    case 'member': {
      const { property } = step;
      return (node, resource, sink) => {
        const found = (node as JsonObject)[property];
        if (found === undefined || found === null) return;
        if (!Array.isArray(found)) return next(found, resource, sink);
        // A null stands for a primitive that has only extensions.
        for (let i = 0; i < found.length; i++) if (found[i] !== null) next(found[i], resource, sink);
      };
    }
    case 'filter':
      return (node, resource, sink) => {
        if (step.keeps(node, resource) === true) next(node, resource, sink);
      };
    case 'test':
      return (node, resource, sink) => {
        const result = step.test(node, resource);
        if (result !== undefined) next(result, resource, sink);
      };
  }
}
