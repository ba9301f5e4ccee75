/** For every FHIR type the types of its elements: one name, or the list of a choice (`value[x]`). */
export type ElementTable = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

/** A property in JSON and the type of what it holds. */
export interface TypedProperty {
  property: string;
  /** FHIR type, `Observation.component` for a backbone; a code bound to one code system is `code|system`. */
  type: string;
}

/** The JSON properties that `type.name` can stand for: several for a choice, none for an element that does not exist. */
export function propertiesOf(table: ElementTable, type: string, name: string): readonly TypedProperty[] {
  const members = table[type];
  if (members === undefined || !Object.hasOwn(members, name)) return [];
  const found = members[name] as string | readonly string[];
  if (typeof found === 'string') return [{ property: name, type: found }];
  return found.map((choice) => ({ property: name + (choice[0] as string).toUpperCase() + choice.slice(1), type: choice }));
}

/** Primitive types are written in lower case. */
export function isPrimitive(type: string): boolean {
  return type[0] !== type[0]?.toUpperCase();
}
