import { createRequire } from 'node:module';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { splitUnion } from '../../../src/search/split-union.js';

interface SyntaxNode {
  type: string;
  children?: SyntaxNode[];
}

const { parse } = createRequire(import.meta.url)('fhirpath') as { parse: (text: string) => SyntaxNode };

test.each<[expression: string, members: string[]]>([
  ['Patient.name', ['Patient.name']],
  [' Patient.name | Patient.alias\n', ['Patient.name', 'Patient.alias']],
  ["a.where(b = 'c' | 'd') | (e | f).g", ["a.where(b = 'c' | 'd')", '(e | f).g']],
  [String.raw`a.where(b = 'it\'s | (') | c`, [String.raw`a.where(b = 'it\'s | (')`, 'c']],
  [String.raw`a.where(b = 'c\\') | d`, [String.raw`a.where(b = 'c\\')`, 'd']],
  ["a.where(b = '(') | c.where(d = ')')", ["a.where(b = '(')", "c.where(d = ')')"]],
  ['a.`b|c` | a.`d\\`|e`', ['a.`b|c`', 'a.`d\\`|e`']],
  ["a // it's | b\n | c /* | d */ | e", ["a // it's | b", 'c /* | d */', 'e']],
  ['a[0] | {} | b', ['a[0]', '{}', 'b']],
  ['ValueSet.expansion.contains | a.contains(b) | in', ['ValueSet.expansion.contains', 'a.contains(b)', 'in']],
  ['android | b.organization | inner', ['android', 'b.organization', 'inner']],
])('the members of %j are %j', (expression, members) => {
  expect(splitUnion(expression)).toEqual(members);
});

test.each([
  'a | b = c',
  'a.exists() | b and c',
  '(a | b) in c | d',
  "a | b ~ 'c'",
  'a | b /* so */ contains c',
  'a | b\nimplies c',
])('%j is no union as a whole', (expression) => {
  expect(splitUnion(expression)).toEqual([expression]);
});

/** No word of the grammar, though some are hidden in them. */
const piece = fc.constantFrom('f', 'g', 'inner', 'android', 'organ', 'contained', 'ascii', 'isin_or', 'Xor');
const quoted = fc
  .array(fc.constantFrom('a', '|', '(', ')', ' ', '=', '`', '/', String.raw`\'`, String.raw`\\`))
  .map((characters) => `'${characters.join('')}'`);
const operand = fc.letrec<{ any: string; member: string }>((tie) => ({
  member: fc.oneof(
    { depthSize: 'small' },
    piece,
    quoted,
    piece.map((name) => `\`${name}|(\``),
    fc.tuple(tie('any'), piece).map(([of, name]) => `(${of}).${name}`),
    fc.tuple(piece, tie('any')).map(([of, condition]) => `${of}.where(${condition})`),
    fc.tuple(piece, fc.nat(9)).map(([of, index]) => `${of}[${index}]`),
    piece.map((name) => `${name} as Quantity`),
  ),
  any: fc.oneof(
    { depthSize: 'small' },
    tie('member'),
    fc.tuple(tie('member'), fc.constantFrom('|', '=', 'and', '!=', '>='), tie('any')).map((parts) => parts.join(' ')),
  ),
}));

/** As the grammar has it. */
function membersOf(expression: string): number {
  const count = ({ type, children = [] }: SyntaxNode): number =>
    type === 'UnionExpression' ? children.map(count).reduce((sum, each) => sum + each) : 1;
  return count(parse(expression).children![0]!.children![0]!);
}

test('the members are those that the grammar sees', () => {
  fc.assert(
    fc.property(operand.any, (expression) => {
      const members = splitUnion(expression);
      expect(members).toHaveLength(membersOf(expression));
      expect(members.join(' | ')).toBe(expression);
    }),
  );
});
