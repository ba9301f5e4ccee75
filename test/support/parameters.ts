/** The parts of one parameter by name; a part that repeats shows its last value. */
export type Parts = Record<string, unknown>;

interface Parameter {
  name: string;
  part?: Parameter[];
}

/** The parameters of this name in a Parameters resource, each as its parts. */
export function partsOf(resource: { parameter?: Parameter[] }, name: string): Parts[] {
  return (resource.parameter ?? [])
    .filter((parameter) => parameter.name === name)
    .map(({ part = [] }) => Object.fromEntries(part.map((one) => [one.name, valueOf(one)])));
}

const valueOf = (parameter: Parameter): unknown => Object.entries(parameter).find(([key]) => key.startsWith('value'))?.[1];
