import { readFileSync } from 'node:fs';
import { equalityKey } from './equality-key.js';

/** The compartments of FHIR R4B: which resources belong to a patient, an encounter, a practitioner, a related person or a device. */
export class Compartments {
  /** @param table by compartment and type: the reference parameters of the type by which a resource belongs */
  constructor(private readonly table: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>) {}

  /** Reads what scripts/compile-definitions.mjs made. */
  static load(): Compartments {
    const file = new URL('../../dist/definitions/compartments.json', import.meta.url);
    return new Compartments(JSON.parse(readFileSync(file, 'utf8')) as ConstructorParameters<typeof Compartments>[0]);
  }

  names(): readonly string[] {
    return Object.keys(this.table);
  }

  /** The types whose resources may belong to a compartment. */
  typesOf(compartment: string): readonly string[] {
    return Object.keys(this.table[compartment] ?? {});
  }

  /** The search parameters by any of which a resource of `type` belongs to a compartment; none where it never does. */
  parametersOf(compartment: string, type: string): readonly string[] {
    return this.table[compartment]?.[type] ?? [];
  }

  /** The equality keys of which every resource in the compartment of `id` has one, for these types. */
  keysOf(compartment: string, id: string, types: readonly string[]): number[] {
    return types.flatMap((type) =>
      this.parametersOf(compartment, type).map((code) => equalityKey(type, code, 'local', compartment, id)),
    );
  }
}
