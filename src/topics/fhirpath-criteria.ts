import fhirpath from 'fhirpath';
import r4Model from 'fhirpath/fhir-context/r4';

/** Whether a FHIRPath criterion holds for the state before and the state after a change (undefined: there is none). */
export type FhirPathTest = (previous: unknown, current: unknown) => boolean;

/**
 * Compiles `fhirPathCriteria` once. `%previous` is empty on create, `%current` on delete; bare paths start at `%current`, on delete at
 * `%previous`. Only a single `true` holds; the test throws where the expression cannot be evaluated on the resource.
 * @throws Error when the expression cannot be parsed
 */
export function compileFhirPath(expression: string): FhirPathTest {
  const evaluate = fhirpath.compile(expression, r4Model) as (resource: unknown, variables: object) => unknown[];
  return (previous, current) => {
    const result = evaluate(current ?? previous ?? {}, { previous: previous ?? [], current: current ?? [] });
    return result.length === 1 && result[0] === true;
  };
}
