import { createRequire } from 'node:module';
import { compileExpression, type Branch } from '../compile-expression.js';
import type { ElementTable } from '../element-types.js';
import {
  type Expression,
  parseExpression,
  UnboundedExpression,
  UnknownElement,
  UnsupportedExpression,
} from '../parse-expression.js';
import { splitUnion } from '../split-union.js';

/** An expression that cannot be taken, with the reason as the end of a sentence. */
export class RefusedExpression extends Error {
  override readonly name = 'RefusedExpression';
}

/** Characters of an expression, after what is for other types was cut off. */
const MOST_CHARACTERS = 2_000;
/** The same for `fhirpath`, whose parser takes a time that grows by the square: 0.1 s for this many at the worst. */
const MOST_FALLBACK_CHARACTERS = 500;
/** Brackets within brackets. */
const MOST_DEPTH = 30;
/** Of select(), which makes several values of one, so that a few of them cannot make millions. */
const MOST_PROJECTIONS = 2;

/**
 * What `fhirpath` may do for clients' expressions, beyond paths: functions that look at what they are given and make no more of it.
 * Left out is what walks a whole tree, runs regular expressions, multiplies its input, compares each value with each other (`distinct()`,
 * `union()`, `intersect()`, `exclude()`: a minute for 20,000 names), or says something else tomorrow.
 */
const FUNCTIONS = new Set([
  ...['where', 'exists', 'empty', 'not', 'all', 'count', 'hasValue', 'iif', 'resolve', 'extension', 'ofType', 'as', 'is'],
  ...['first', 'last', 'tail', 'skip', 'take', 'single', 'select', 'coalesce'],
  ...['lower', 'upper', 'trim', 'length', 'substring', 'startsWith', 'endsWith', 'contains', 'indexOf'],
  ...['toString', 'toInteger', 'toDecimal', 'toDate', 'toDateTime', 'abs', 'round', 'floor', 'ceiling', 'truncate'],
]);
/** Those whose arguments are asked again for every value. */
const REPEATED = new Set(['where', 'exists', 'all', 'select', 'iif']);

/**
 * The paths of a client's expression, or `fhirpath` where it is beyond the compiler but harmless there. Its evaluation takes a time that
 * grows with the resource and no faster than that: no search of a tree for each of its nodes.
 * @throws RefusedExpression
 */
export function readExpression(
  elements: ElementTable,
  text: string,
  resourceType: string,
  contextType = resourceType,
): readonly Branch[] | 'fhirpath' {
  if (text.length > MOST_CHARACTERS) throw new RefusedExpression(`has more than ${String(MOST_CHARACTERS)} characters`);
  if (depthOf(text) > MOST_DEPTH) throw new RefusedExpression(`nests its brackets more than ${String(MOST_DEPTH)} deep`);
  try {
    checkRepeats(parseExpression(text), false);
    return compileExpression(elements, text, resourceType, contextType);
  } catch (error) {
    if (error instanceof UnboundedExpression) throw new RefusedExpression('stands for too many paths');
    if (error instanceof UnknownElement) throw new RefusedExpression(`cannot be followed: there is ${error.message}`);
    if (!(error instanceof UnsupportedExpression)) throw error;
  }
  checkFallback(text);
  return 'fhirpath';
}

const OPENING = new Set('([{');
const CLOSING = new Set(')]}');

function depthOf(text: string): number {
  let depth = 0;
  let most = 0;
  for (const character of text) {
    if (OPENING.has(character)) most = Math.max(most, ++depth);
    else if (CLOSING.has(character)) depth--;
  }
  return most;
}

/** A condition that begins at the resource anew would walk all of it for each node. */
function checkRepeats(expression: Expression, isRepeated: boolean): void {
  switch (expression.kind) {
    case 'variable':
      if (isRepeated) throw rootInCondition(`%${expression.name}`);
      return;
    case 'call':
      if (expression.of) checkRepeats(expression.of, isRepeated);
      for (const each of expression.args) checkRepeats(each, isRepeated || REPEATED.has(expression.name));
      return;
    case 'member':
      if (expression.of) checkRepeats(expression.of, isRepeated);
      return;
    case 'index':
    case 'type':
      return checkRepeats(expression.of, isRepeated);
    case 'union':
      return expression.members.forEach((member) => checkRepeats(member, isRepeated));
    case 'binary':
      checkRepeats(expression.left, isRepeated);
      return checkRepeats(expression.right, isRepeated);
    case 'literal':
    case 'this':
      return;
  }
}

const rootInCondition = (name: string) => new RefusedExpression(`names ${name.slice(0, 60)} within a condition`);

/** A node of what `fhirpath` parses. */
interface SyntaxNode {
  type: string;
  text?: string;
  children?: SyntaxNode[];
}

/** The members of an outermost union are evaluated one by one, see extract-values.ts: none of its values is compared with the others. */
function checkFallback(text: string): void {
  if (text.length > MOST_FALLBACK_CHARACTERS)
    throw new RefusedExpression(`is more than a path and has more than ${String(MOST_FALLBACK_CHARACTERS)} characters`);
  for (const member of splitUnion(text)) checkMember(member);
}

function checkMember(text: string): void {
  const { parse, compile } = createRequire(import.meta.url)('fhirpath') as {
    parse: (text: string) => SyntaxNode;
    compile: (text: string) => unknown;
  };
  let tree: SyntaxNode;
  try {
    tree = parse(text);
    compile(text);
  } catch {
    throw new RefusedExpression('is no FHIRPath');
  }
  let projections = 0;
  const walk = (node: SyntaxNode, isRepeated: boolean): void => {
    let repeats = isRepeated;
    if (node.type === 'Functn') {
      const name = node.text ?? node.children?.[0]?.text ?? '';
      if (!FUNCTIONS.has(name))
        throw new RefusedExpression(`uses ${name.slice(0, 60)}(), which search parameters cannot use here`);
      if (name === 'select' && ++projections > MOST_PROJECTIONS)
        throw new RefusedExpression(`uses select() more than ${String(MOST_PROJECTIONS)} times`);
      repeats ||= REPEATED.has(name);
    }
    if (node.type === 'UnionExpression' && !isOfLiterals(node))
      throw new RefusedExpression('joins values by | within an expression; it can be a union as a whole');
    if (node.type === 'ExternalConstant') {
      const name = node.children?.[0]?.text ?? '';
      if (name !== 'resource') throw new RefusedExpression(`names %${name.slice(0, 60)}, which is not known here`);
      if (isRepeated) throw rootInCondition('%resource');
    }
    for (const child of node.children ?? []) walk(child, repeats);
  };
  walk(tree, false);
}

/** As in `$this in ('a' | 'b')`. */
function isOfLiterals({ children = [] }: SyntaxNode): boolean {
  return children.every((child) => (child.type === 'UnionExpression' ? isOfLiterals(child) : hasOnlyLiterals(child)));
}

function hasOnlyLiterals({ type, children = [] }: SyntaxNode): boolean {
  return type.endsWith('Literal') || ((type.endsWith('Term') || type === 'TermExpression') && children.every(hasOnlyLiterals));
}
