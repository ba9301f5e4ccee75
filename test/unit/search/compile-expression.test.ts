import { describe, expect, test } from '@jest/globals';
import fhirpath from 'fhirpath';
import r4 from 'fhirpath/fhir-context/r4';
import { collector, compileExpression } from '../../../src/search/compile-expression.js';
import { UnsupportedExpression } from '../../../src/search/parse-expression.js';
import { typeOfReference } from '../../../src/search/reference-type.js';
import { SearchDefinitions } from '../../../src/search/search-definitions.js';
import { officialExamples, type Resource } from './official-examples.js';

const definitions = SearchDefinitions.load();
const examples = officialExamples(definitions);

/**
 * Where the official expressions and `fhirpath` disagree, the expression is put as `fhirpath` wants it: `as` takes single values only
 * there, `resolve()` fetches (the type that the reference names is all that `is` needs), and its R4 model does not know that the types
 * new in R4B are resources. The members of a union are evaluated one by one: `|` drops what it takes for equal, such as `> 60` beside `60`.
 */
function reference(expression: string, resource: Resource) {
  const adapted = expression
    .replace(/\(([A-Za-z.]+) as (\w+)\)/g, '$1.ofType($2)')
    .replace(/\.as\((\w+)\)/g, '.ofType($1)')
    .replace(/resolve\(\) is (\w+)/g, "namedType() = '$1'")
    .replace(/^Resource\./, `${resource.resourceType}.`);
  const namedType = (inputs: unknown[]) =>
    inputs.flatMap((input) => typeOfReference(fhirpath.util.valData(input as never), resource) ?? []);
  const options = { userInvocationTable: { namedType: { fn: namedType, arity: { 0: [] }, internalStructures: true } } };
  return adapted
    .split(' | ')
    .flatMap((member) => fhirpath.evaluate(resource, member, { resource }, r4, options as never) as unknown[]);
}

const distinct = (nodes: readonly unknown[]) => [...new Set(nodes.map((node) => JSON.stringify(node)))].sort();

describe('a compiled expression', () => {
  test('covers every official search parameter', () => {
    const left: string[] = [];
    for (const type of definitions.resourceTypes()) {
      for (const parameter of definitions.parametersOf(type)) {
        try {
          compileExpression(definitions.elements, parameter.expression, type);
        } catch (error) {
          left.push(`${type}.${parameter.code}: ${(error as Error).message}`);
        }
      }
    }
    expect(left).toEqual([]);
  });

  test('finds the same nodes as fhirpath, for every parameter of every official example', () => {
    const differences: string[] = [];
    let compared = 0;
    for (const { file, resource } of examples) {
      for (const { code, expression } of definitions.parametersOf(resource.resourceType)) {
        const nodes = collector(compileExpression(definitions.elements, expression, resource.resourceType));
        const ours = distinct(nodes(resource, resource));
        const theirs = distinct(reference(expression, resource));
        compared++;
        if (JSON.stringify(ours) !== JSON.stringify(theirs))
          differences.push(`${file} ${code}: ${ours.join()} / ${theirs.join()}`);
      }
    }
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(50_000);
  }, 600_000);

  test('finds the same nodes as fhirpath for every part of every composite', () => {
    const differences: string[] = [];
    let found = 0;
    for (const { file, resource } of examples) {
      for (const { code, expression, components } of definitions.parametersOf(resource.resourceType)) {
        for (const component of components) {
          const ours = distinct(partNodes(resource, expression, component.expression));
          const members = expression
            .split(' | ')
            .flatMap((whole) =>
              component.expression.split(' | ').map((part) => (part.startsWith('%') ? part : `${whole}.${part}`)),
            );
          // The official definitions write DateTime for dateTime once.
          const theirs = distinct(reference(members.join(' | ').replace('DateTime', 'dateTime'), resource));
          if (partNodes(resource, expression, 'id').length === 0 && component.expression.startsWith('%')) continue;
          found += ours.length;
          if (JSON.stringify(ours) !== JSON.stringify(theirs)) differences.push(`${file} ${code} ${component.expression}`);
        }
      }
    }
    expect(differences).toEqual([]);
    expect(found).toBeGreaterThan(100);
  }, 600_000);

  test.each([
    ['Patient.name.where(use = %unknown)', 'a variable nobody set'],
    ['Patient.name.given.count() > 1', 'arithmetic'],
    ['Patient.nonsense', 'an element that does not exist'],
    ["Patient.name.where(use = 'official'", 'a missing parenthesis'],
  ])('leaves %s to fhirpath: %s', (expression) => {
    expect(() => compileExpression(definitions.elements, expression, 'Patient')).toThrow(UnsupportedExpression);
  });
});

function partNodes(resource: Resource, whole: string, part: string): unknown[] {
  const { resourceType } = resource;
  return compileExpression(definitions.elements, whole, resourceType).flatMap((branch) => {
    const parts = collector(compileExpression(definitions.elements, part, resourceType, branch.type));
    return collector([branch])(resource, resource).flatMap((node) => parts(node, resource));
  });
}
