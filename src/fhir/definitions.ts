import { readFileSync } from 'node:fs';
import { PRIMITIVE_TESTS, type PrimitiveTest } from './primitive-types.js';

/** One element of a type. `name` is `value[x]` for a choice; JSON calls its members `valueString`, `valueQuantity` … */
export interface ElementDefinition {
  readonly name: string;
  /** Names of types; an element with a structure of its own names that by path: `Observation.component`. */
  readonly types: readonly string[];
  readonly min: number;
  readonly list: boolean;
  /** Part of `_summary=true`. */
  readonly inSummary: boolean;
  /** Changes the meaning of what it stands in (`isModifier`). */
  readonly modifies: boolean;
  /** All codes allowed, where a required binding lists them. */
  readonly codes?: readonly string[];
  /** Names of the JSON members that may hold it, `_status` and the like included. */
  readonly members: readonly string[];
}

/** One JSON member that a type may have. */
export interface MemberDefinition {
  readonly name: string;
  readonly element: ElementDefinition;
  /** `Quantity`, `code`, `Observation.component`, `Resource`; `Element` for `_status`. */
  readonly type: string;
  /** Set where the value is a JSON primitive. */
  readonly test?: PrimitiveTest;
  /** For a primitive that may carry id and extensions in a member beside it (`_status`), and for that member: the name of the other. */
  readonly sibling?: string;
}

export interface TypeDefinition {
  readonly name: string;
  readonly isResource: boolean;
  readonly elements: readonly ElementDefinition[];
  readonly members: ReadonlyMap<string, MemberDefinition>;
  readonly required: readonly ElementDefinition[];
}

/** `[types joined by |, min, max (0 = any number), index into codes, flags]`, see scripts/compile-definitions.mjs. */
type CompiledElement = [types: string, min: number, max: number, codes?: number | null, flags?: number];

const IN_SUMMARY = 1;
const MODIFIES = 2;

interface CompiledDefinitions {
  codes: string[][];
  types: Record<string, { resource?: true; elements: Record<string, CompiledElement> }>;
}

/** The types of FHIR R4B. What is asked for is made ready at the first question: most of the 141 resource types are never used. */
export class Definitions {
  readonly resourceTypes: readonly string[];
  private readonly resourceTypeNames: ReadonlySet<string>;
  private readonly ready = new Map<string, TypeDefinition>();

  constructor(private readonly compiled: CompiledDefinitions) {
    this.resourceTypes = Object.keys(compiled.types).filter((name) => compiled.types[name]!.resource === true);
    this.resourceTypeNames = new Set(this.resourceTypes);
  }

  isResourceType(name: unknown): name is string {
    return this.resourceTypeNames.has(name as string);
  }

  /** A complex type, resource type or path of a nested element (`Bundle.entry`); undefined for primitives and unknown names. */
  type(name: string): TypeDefinition | undefined {
    let type = this.ready.get(name);
    if (type === undefined && Object.hasOwn(this.compiled.types, name)) {
      type = this.prepare(name);
      this.ready.set(name, type);
    }
    return type;
  }

  private prepare(name: string): TypeDefinition {
    const { resource, elements: compiled } = this.compiled.types[name]!;
    const members = new Map<string, MemberDefinition>();
    const elements = Object.entries(compiled).map(([elementName, element]) => this.prepareElement(elementName, element, members));
    return { name, isResource: resource === true, elements, members, required: elements.filter(({ min }) => min > 0) };
  }

  private prepareElement(name: string, compiled: CompiledElement, members: Map<string, MemberDefinition>): ElementDefinition {
    const [typeNames, min, max, codes, flags = 0] = compiled;
    const types = typeNames.split('|');
    const memberNames: string[] = [];
    const element: ElementDefinition = {
      name,
      types,
      min,
      list: max !== 1,
      inSummary: (flags & IN_SUMMARY) !== 0,
      modifies: (flags & MODIFIES) !== 0,
      ...(codes == null ? {} : { codes: this.compiled.codes[codes]! }),
      members: memberNames,
    };
    for (const type of types) {
      const memberName = name.endsWith('[x]') ? name.slice(0, -3) + type.charAt(0).toUpperCase() + type.slice(1) : name;
      const test = PRIMITIVE_TESTS[type];
      const sibling = test !== undefined && mayHaveExtensions(name, type) ? `_${memberName}` : undefined;
      members.set(memberName, { name: memberName, element, type, test, sibling });
      memberNames.push(memberName);
      if (sibling === undefined) continue;
      members.set(sibling, { name: sibling, element, type: 'Element', sibling: memberName });
      memberNames.push(sibling);
    }
    return element;
  }
}

/** `id` and `Extension.url` are of FHIRPath's system types and `div` is XHTML: none of them has extensions. */
function mayHaveExtensions(elementName: string, type: string): boolean {
  return type !== 'xhtml' && elementName !== 'id';
}

const COMPILED = new URL('../../dist/definitions/elements.json', import.meta.url);
let loaded: Definitions | undefined;

/** The definitions of this process, read at the first call (`npm run build` makes the file). */
export function definitions(): Definitions {
  return (loaded ??= new Definitions(JSON.parse(readFileSync(COMPILED, 'utf8')) as CompiledDefinitions));
}
