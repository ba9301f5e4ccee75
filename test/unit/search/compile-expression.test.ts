import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fhirpath from 'fhirpath';
import r4 from 'fhirpath/fhir-context/r4';
import { collector, compileExpression } from '../../../src/search/compile-expression.js';
import { typeOfReference } from '../../../src/search/reference-type.js';
import { SearchDefinitions } from '../../../src/search/search-definitions.js';

type Resource = { resourceType: string } & Record<string, unknown>;

const definitions = SearchDefinitions.load();
const folder = dirname(createRequire(import.meta.url).resolve('hl7.fhir.r4b.examples/package.json'));
const examples = readdirSync(folder)
  .filter((file) => file.endsWith('.json') && file !== 'package.json' && !file.startsWith('.'))
  .map((file) => ({ file, resource: JSON.parse(readFileSync(join(folder, file), 'utf8')) as Resource }))
  .filter(({ resource }) => definitions.isResourceType(resource.resourceType));

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
      for (const parameter of definitions.parametersOf(resource.resourceType)) {
        const nodes = collector(compileExpression(definitions.elements, parameter.expression, resource.resourceType));
        const ours = distinct(nodes(resource, resource));
        let theirs: string[];
        try {
          theirs = distinct(reference(parameter.expression, resource));
        } catch (error) {
          theirs = [(error as Error).message];
        }
        compared++;
        if (JSON.stringify(ours) !== JSON.stringify(theirs))
          differences.push(
            `${file} ${parameter.code} ${parameter.expression}: ${ours.join().slice(0, 200)} / ${theirs.join().slice(0, 200)}`,
          );
      }
    }
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(10_000);
  }, 600_000);
});
