import { readFileSync } from 'node:fs';

/** A rule of FHIRPath that a definition states: https://hl7.org/fhir/R4B/elementdefinition-definitions.html#ElementDefinition.constraint */
export interface Invariant {
  key: string;
  severity: 'error' | 'warning';
  /** The rule in words. */
  human: string;
  expression: string;
}

export interface ElementRules {
  readonly invariants: readonly Invariant[];
  /** The types that a reference may lead to; undefined: any. */
  readonly targets?: readonly string[];
  /** The value set that a code has to come from. */
  readonly valueSet?: string;
}

export interface TypeRules {
  readonly invariants: readonly Invariant[];
  /** By the element's name, `value[x]` for a choice. */
  readonly elements: ReadonlyMap<string, ElementRules>;
}

/** As scripts/compile-invariants.mjs writes them; invariants by their place in one list. */
export interface CompiledRules {
  invariants: [key: string, severity: 'error' | 'warning', human: string, expression: string][];
  types: Record<string, { invariants?: number[]; elements?: Record<string, CompiledElementRules> }>;
}

interface CompiledElementRules {
  invariants?: number[];
  targets?: string[];
  valueSet?: string;
}

/** What the definitions of FHIR R4B ask of a type and its elements beyond their structure. */
export class Rules {
  private readonly invariants: readonly Invariant[];
  private readonly ready = new Map<string, TypeRules>();

  constructor(private readonly compiled: CompiledRules) {
    this.invariants = compiled.invariants.map(([key, severity, human, expression]) => ({ key, severity, human, expression }));
  }

  /** Of a resource type, a datatype or the path of a nested element (`Observation.component`). */
  of(type: string): TypeRules {
    let rules = this.ready.get(type);
    if (rules === undefined) this.ready.set(type, (rules = this.prepare(type)));
    return rules;
  }

  private prepare(type: string): TypeRules {
    const { invariants = [], elements = {} } = Object.hasOwn(this.compiled.types, type) ? this.compiled.types[type]! : {};
    return {
      invariants: this.listed(invariants),
      elements: new Map(
        Object.entries(elements).map(([name, rules]) => [name, { ...rules, invariants: this.listed(rules.invariants ?? []) }]),
      ),
    };
  }

  private listed(indexes: readonly number[]): Invariant[] {
    return indexes.map((index) => this.invariants[index]!);
  }
}

const COMPILED = new URL('../../dist/definitions/rules.json', import.meta.url);
let loaded: Rules | undefined;

/** The rules of FHIR R4B, read at the first call (`npm run build` makes the file). */
export function officialRules(): Rules {
  return (loaded ??= new Rules(JSON.parse(readFileSync(COMPILED, 'utf8')) as CompiledRules));
}
