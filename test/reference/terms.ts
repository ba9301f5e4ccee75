import { codeSystem, type Concept, valueSet } from './official-definitions.js';

/** The codes of a value set as `system code`, where it says them all itself or takes whole code systems or value sets that do. */
export function codesIn(canonical: string): ReadonlySet<string> | undefined {
  const { include, exclude } = valueSet(canonical)?.compose ?? {};
  if (include === undefined || exclude !== undefined) return undefined;
  const codes = new Set<string>();
  for (const { system, concept, filter, valueSet: others = [] } of include) {
    if (filter !== undefined || others.length + (system === undefined ? 0 : 1) !== 1) return undefined;
    const listed = system === undefined ? codesIn(others[0] as string) : codesOf(system, concept);
    if (listed === undefined) return undefined;
    for (const code of listed) codes.add(code);
  }
  return codes;
}

function codesOf(system: string, chosen: readonly { code: string }[] | undefined): string[] | undefined {
  if (chosen !== undefined) return chosen.map(({ code }) => `${system} ${code}`);
  const known = codeSystem(system);
  return known?.content === 'complete' ? all(known.concept ?? []).map(({ code }) => `${system} ${code}`) : undefined;
}

const all = (concepts: readonly Concept[]): Concept[] => concepts.flatMap((each) => [each, ...all(each.concept ?? [])]);

/** Whether `lower` is `upper` or lies below it in a code system; undefined where not all of it is known. */
export function isBelow(system: string, lower: string, upper: string): boolean | undefined {
  const known = codeSystem(system);
  if (known?.content !== 'complete') return undefined;
  if (lower === upper) return true;
  const concepts = all(known.concept ?? []);
  const parents = concepts.filter(
    (each) =>
      each.concept?.some(({ code }) => code === lower) === true ||
      concepts.some(
        ({ code, property }) =>
          code === lower && property?.some((one) => one.code === 'parent' && one.valueCode === each.code) === true,
      ),
  );
  return parents.some(({ code }) => isBelow(system, code, upper) === true);
}
