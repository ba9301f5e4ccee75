import { type Definitions, type MemberDefinition, type TypeDefinition, definitions } from '../fhir/definitions.js';
import type { Issue } from '../fhir/fhir-error.js';
import { isJsonObject, type JsonObject } from '../fhir/json-object.js';
import { rewriteReferences } from '../fhir/references.js';
import { expressionOf } from '../fhir/validate-resource.js';
import { typeOfReference } from '../search/reference-type.js';
import { type Terminology, officialTerminology } from '../search/terminology.js';
import type { InvariantTest, Scope } from './invariant-tests.js';
import { type ElementRules, type Invariant, type Rules, officialRules } from './rules.js';

/**
 * Holds a resource to what the definitions of its types ask beyond structure: invariants, the types that references may lead to, required
 * value sets of coded elements. Contained resources and those in a Bundle or Parameters are held to their own.
 * @param value from `parseJson`; what does not have the structure of its type is passed over
 * @param found is called for each finding as it is made; what it throws ends the check
 */
export function checkRules(
  value: unknown,
  test: InvariantTest,
  found: (issue: Issue) => void,
  known: { definitions: Definitions; rules: Rules; terminology: Terminology } = official(),
): void {
  new RuleCheck(test, found, known).resource(value, undefined);
}

function official() {
  return { definitions: definitions(), rules: officialRules(), terminology: officialTerminology() };
}

interface Place extends Scope {
  /** Ids of the root's contained resources. */
  contained: ReadonlySet<unknown>;
}

class RuleCheck {
  private readonly path: (string | number)[] = [];
  private readonly members = new Map<string, ReadonlySet<string> | undefined>();

  constructor(
    private readonly test: InvariantTest,
    private readonly found: (issue: Issue) => void,
    private readonly known: { definitions: Definitions; rules: Rules; terminology: Terminology },
  ) {}

  /** @param container the place of the resource that contains this one */
  resource(value: unknown, container: Place | undefined): void {
    if (!isJsonObject(value) || !this.known.definitions.isResourceType(value['resourceType'])) return;
    const type = this.known.definitions.type(value['resourceType'])!;
    const place: Place =
      container === undefined
        ? { resource: value, root: value, contained: idsOf(value['contained']) }
        : { ...container, resource: value };
    const isFirst = this.path.length === 0;
    if (isFirst) this.path.push(type.name);
    for (const invariant of this.known.rules.of(type.name).invariants) {
      // What is contained is told by the narrative of its container.
      if (invariant.key === 'dom-6' && container !== undefined) continue;
      if (invariant.key === 'dom-3') this.containedAreReferredTo(value, type, invariant);
      else this.invariant(invariant, value, undefined, place);
    }
    this.elements(value, type, place);
    if (isFirst) this.path.pop();
  }

  private object(value: JsonObject, type: TypeDefinition, place: Place, isBesidePrimitive: boolean): void {
    if (!isBesidePrimitive && isEmptyElement(value)) this.broken(ELE_1);
    for (const invariant of this.known.rules.of(type.name).invariants) {
      if (invariant.key !== 'ref-1') this.invariant(invariant, value, type.name, place);
      else if (!leadsSomewhere(value, place)) this.broken(invariant);
    }
    this.elements(value, type, place);
  }

  private elements(value: JsonObject, type: TypeDefinition, place: Place): void {
    const { elements } = this.known.rules.of(type.name);
    for (const name in value) {
      const member = type.members.get(name);
      if (member === undefined) continue;
      const held = value[name];
      const rules = name.startsWith('_') ? undefined : elements.get(member.element.name);
      this.path.push(name);
      if (Array.isArray(held)) {
        for (let index = 0; index < held.length; index++) {
          this.path.push(index);
          this.item(value, held[index], member, rules, place, index);
          this.path.pop();
        }
      } else this.item(value, held, member, rules, place);
      this.path.pop();
    }
  }

  private item(
    owner: JsonObject,
    value: unknown,
    member: MemberDefinition,
    rules: ElementRules | undefined,
    place: Place,
    index?: number,
  ): void {
    if (value === null || value === undefined) return;
    for (const invariant of rules?.invariants ?? []) {
      // Both rules of a narrative have one expression.
      if (invariant.key === 'txt-1' && !hasContent(value)) continue;
      if (invariant.key === 'txt-2') {
        if (!hasContent(value)) this.broken(invariant);
      } else this.invariant(invariant, value, member.type === 'Resource' ? undefined : member.type, place);
    }
    if (member.test !== undefined) return;
    if (member.type === 'Resource') {
      return this.resource(value, member.name === 'contained' ? place : undefined);
    }
    if (!isJsonObject(value)) return;
    if (rules?.targets !== undefined) this.target(value, member, rules.targets, place);
    if (rules?.valueSet !== undefined) this.coded(value, member, rules.valueSet);
    this.object(value, this.known.definitions.type(member.type)!, place, hasValueBeside(owner, member, index));
  }

  private invariant(invariant: Invariant, value: unknown, type: string | undefined, scope: Scope): void {
    let holds: boolean;
    try {
      holds = this.test(invariant, value, type, scope);
    } catch {
      const where = expressionOf(this.path);
      return this.found({
        severity: 'information',
        code: 'informational',
        diagnostics: `Whether ${where} keeps the rule ${invariant.key} (${invariant.human}) could not be told.`,
        expression: where,
      });
    }
    if (!holds) this.broken(invariant);
  }

  private broken({ key, severity, human }: Pick<Invariant, 'key' | 'severity' | 'human'>): void {
    const where = expressionOf(this.path);
    this.found({
      severity,
      code: 'invariant',
      diagnostics: `${where} breaks the rule ${key}: ${human}`,
      expression: where,
    });
  }

  /**
   * dom-3, by one walk over the resource: its expression looks through everything once for each contained resource.
   * https://hl7.org/fhir/R4B/domainresource-definitions.html#DomainResource.contained
   */
  private containedAreReferredTo(resource: JsonObject, type: TypeDefinition, invariant: Invariant): void {
    const { contained } = resource;
    if (!Array.isArray(contained) || contained.length === 0) return;
    const referred = fragmentsIn(resource, type.name, this.known.definitions);
    contained.forEach((one: unknown, index) => {
      if (!isJsonObject(one) || referred.has(`#${String(one['id'])}`)) return;
      const name = one['resourceType'];
      if (typeof name === 'string' && fragmentsIn(one, name, this.known.definitions).has('#')) return;
      this.path.push('contained', index);
      this.broken(invariant);
      this.path.splice(-2);
    });
  }

  /** A reference whose target cannot be told from what it says is let through. */
  private target(value: JsonObject, member: MemberDefinition, targets: readonly string[], place: Place): void {
    const reference = member.type === 'CodeableReference' ? value['reference'] : value;
    if (!isJsonObject(reference)) return;
    const type = typeOfReference(reference, place.root);
    if (type === undefined || targets.includes(type) || !this.known.definitions.isResourceType(type)) return;
    const where = expressionOf(this.path) + (reference === value ? '' : '.reference');
    this.found({
      severity: 'error',
      code: 'structure',
      diagnostics: `${where} leads to a ${type}; it may lead to ${targets.join(', ')}.`,
      expression: where,
    });
  }

  /** One coding from the value set is enough; a value set that cannot be listed here decides nothing. */
  private coded(value: JsonObject, member: MemberDefinition, url: string): void {
    const concept = member.type === 'CodeableReference' ? value['concept'] : value;
    if (!isJsonObject(concept)) return;
    const codes = this.codesOf(url);
    if (codes === undefined) return;
    const codings = member.type === 'Coding' ? [concept] : Array.isArray(concept['coding']) ? concept['coding'] : [];
    if (
      codings.some(
        (coding: unknown) => isJsonObject(coding) && codes.has(`${String(coding['system'])}\n${String(coding['code'])}`),
      )
    )
      return;
    const where = expressionOf(this.path);
    this.found({
      severity: 'error',
      code: 'code-invalid',
      diagnostics: `${where} has no code of the value set that it must be coded by, ${url}.`,
      expression: where,
    });
  }

  private codesOf(url: string): ReadonlySet<string> | undefined {
    if (!this.members.has(url)) this.members.set(url, listed(this.known.terminology, url));
    return this.members.get(url);
  }
}

const ELE_1 = { key: 'ele-1', severity: 'error', human: 'All FHIR elements must have a @value or children' } as const;

/** ele-1: an id alone is no content. */
function isEmptyElement(value: JsonObject): boolean {
  for (const name in value) if (name !== 'id') return false;
  return true;
}

function hasValueBeside(owner: JsonObject, member: MemberDefinition, index: number | undefined): boolean {
  if (member.sibling === undefined) return false;
  const beside = owner[member.sibling];
  return (index === undefined ? beside : Array.isArray(beside) ? beside[index] : undefined) != null;
}

/** txt-2: an image, or more than white space between the tags. */
function hasContent(div: unknown): boolean {
  if (typeof div !== 'string') return true;
  return /<img[\s/]/.test(div) || /[^\s\u00a0]/.test(div.replace(/<[^<>]*>|&(nbsp|#160|#xa0);/gi, ''));
}

/** ref-1: a fragment names a contained resource, or from within one what contains it. */
function leadsSomewhere({ reference }: JsonObject, { resource, root, contained }: Place): boolean {
  if (typeof reference !== 'string' || !reference.startsWith('#')) return true;
  return reference === '#' ? resource !== root : contained.has(reference.slice(1));
}

function idsOf(contained: unknown): ReadonlySet<unknown> {
  return new Set(Array.isArray(contained) ? contained.map((one: unknown) => (isJsonObject(one) ? one['id'] : undefined)) : []);
}

/** All `#…` in references, canonicals and uris of a resource, its contained ones included. */
function fragmentsIn(resource: JsonObject, type: string, known: Definitions): Set<string> {
  const found = new Set<string>();
  rewriteReferences(
    resource,
    type,
    (kind, text) => {
      if (kind !== 'xhtml' && text.startsWith('#')) found.add(text);
      return undefined;
    },
    known,
  );
  return found;
}

function listed(terminology: Terminology, url: string): ReadonlySet<string> | undefined {
  try {
    return terminology.expand(url);
  } catch {
    return undefined;
  }
}
