import {
  type Definitions,
  type ElementDefinition,
  type MemberDefinition,
  type TypeDefinition,
  definitions,
} from './definitions.js';
import type { Issue, IssueCode } from './fhir-error.js';
import { isJsonObject, type JsonObject } from './json-object.js';

/** Enough to mend a resource in one go; a hostile one must not cost a megabyte of answer. */
const MAX_ISSUES = 20;
/** Types the hub itself acts on: it must understand all that changes their meaning, and it knows no modifier extension. */
const ACTED_ON: ReadonlySet<string> = new Set(['Subscription', 'SubscriptionTopic', 'Endpoint']);

/**
 * What is wrong with a resource by the official structure definitions, the first `most` findings; empty for a valid one.
 * Contained resources and those in a Bundle or Parameters are held to their own types.
 * @param value from `parseJson`: its depth is bounded and its names are safe
 */
export function validateResource(value: unknown, known: Definitions = definitions(), most = MAX_ISSUES): Issue[] {
  const validation = new Validation(known, most);
  validation.resource(value);
  return validation.issues;
}

/**
 * Walks the value beside its type's members. A JSON schema validator was measured too (ajv with the official schema: 1.4 µs for an
 * Observation, 100 ms for the first type, 1 s and 16 MB for all; this walk: 2.2 µs, 0.1 ms, 8 ms and 5 MB), but the schema does not know
 * which primitives are mandatory, which codes are allowed or that one choice excludes another, and its errors name no remedy. It stays the
 * oracle of the tests: whatever it refuses is refused here (official-schema.property.test.ts).
 */
class Validation {
  readonly issues: Issue[] = [];
  /** Names and list places that lead to where the walk stands. */
  private readonly path: (string | number)[] = [];
  private actedOn = false;

  constructor(
    private readonly known: Definitions,
    private readonly most: number,
  ) {}

  resource(value: unknown): void {
    if (!isJsonObject(value))
      return this.issue('structure', `must be a resource, an object in braces, but is ${described(value)}`);
    const type = this.typeOf(value);
    if (type === undefined) return;
    const outside = this.actedOn;
    this.actedOn ||= ACTED_ON.has(type.name);
    if (this.path.length > 0) this.object(value, type);
    else {
      this.path.push(type.name);
      this.object(value, type);
      this.path.pop();
    }
    this.actedOn = outside;
  }

  private typeOf(resource: JsonObject): TypeDefinition | undefined {
    const name = resource['resourceType'];
    if (this.known.isResourceType(name)) return this.known.type(name);
    this.path.push('resourceType');
    if (name === undefined)
      this.issue('structure', 'is missing: every resource names its type, for example "resourceType":"Patient"');
    else if (typeof name !== 'string') this.issue('structure', `must be the name of a resource type but is ${described(name)}`);
    else
      this.issue('structure', `${quoted(name)} is not a resource type of FHIR R4B${suggestion(name, this.known.resourceTypes)}`);
    this.path.pop();
    return undefined;
  }

  private object(value: JsonObject, type: TypeDefinition): void {
    let chosen: MemberDefinition[] | undefined;
    let empty = true;
    for (const name in value) {
      if (this.issues.length >= this.most) return;
      empty = false;
      const member = type.members.get(name);
      if (member === undefined) {
        if (name !== 'resourceType' || !type.isResource) this.unknown(name, type);
        continue;
      }
      this.path.push(name);
      if (member.element.types.length > 1) this.onlyChoice(member, (chosen ??= []));
      if (this.actedOn && name === 'modifierExtension') {
        this.issue(
          'business-rule',
          'changes the meaning of the resource in a way this hub does not know; send the resource without it',
        );
      }
      this.member(value, value[name], member);
      this.path.pop();
    }
    if (empty) return this.issue('structure', 'must not be an empty object; leave it out');
    for (const element of type.required) if (!isPresent(value, element)) this.missing(element, type);
  }

  private member(owner: JsonObject, value: unknown, member: MemberDefinition): void {
    if (!member.element.list) {
      if (Array.isArray(value)) this.issue('structure', 'must be a single value, not a list in brackets');
      else this.item(value, member);
    } else if (!Array.isArray(value)) {
      this.issue('structure', 'must be a list in brackets, also with one value');
    } else if (value.length === 0) {
      this.issue('structure', 'must not be an empty list; leave it out');
    } else {
      this.list(owner, value, member);
    }
  }

  private list(owner: JsonObject, items: readonly unknown[], member: MemberDefinition): void {
    for (let index = 0; index < items.length; index++) {
      if (this.issues.length >= this.most) return;
      const item = items[index];
      if (item === null && this.hasBeside(owner, member, index)) continue;
      this.path.push(index);
      this.item(item, member);
      this.path.pop();
    }
  }

  /** `null` keeps a place in a list of primitives whose other half is in the list beside it: https://hl7.org/fhir/R4B/json.html#primitive */
  private hasBeside(owner: JsonObject, member: MemberDefinition, index: number): boolean {
    const beside = member.sibling === undefined ? undefined : owner[member.sibling];
    return Array.isArray(beside) && beside[index] !== null && beside[index] !== undefined;
  }

  private item(value: unknown, member: MemberDefinition): void {
    if (value === null) return this.issue('structure', 'must not be null; leave it out where there is no value');
    if (member.test !== undefined) return this.primitive(value, member);
    if (member.type === 'Resource') return this.resource(value);
    if (isJsonObject(value)) return this.object(value, this.known.type(member.type)!);
    this.issue('structure', `must be an object in braces (${member.type}) but is ${described(value)}`);
  }

  private primitive(value: unknown, member: MemberDefinition): void {
    const problem = member.test!(value);
    if (problem !== undefined)
      return this.issue('value', this.mayBeSecret() ? problem : `${problem}, but is ${described(value)}`);
    const { codes } = member.element;
    if (codes !== undefined && !codes.includes(value as string)) {
      this.issue('code-invalid', `${quoted(value as string)} is not one of its codes${allowed(value as string, codes)}`);
    }
  }

  /** What stands in headers and in extensions of a channel may be a secret, which no refusal repeats. */
  private mayBeSecret(): boolean {
    const names = this.path.filter((step) => typeof step === 'string');
    return names.includes('header') || names.join('.').includes('channel.extension');
  }

  private onlyChoice(member: MemberDefinition, chosen: MemberDefinition[]): void {
    const other = chosen.find(({ element }) => element === member.element);
    if (other === undefined) chosen.push(member);
    else if (other.name !== member.name && other.name !== member.sibling) {
      this.issue('structure', `may not stand beside ${other.name}: only one type of ${member.element.name} at a time`);
    }
  }

  private unknown(name: string, type: TypeDefinition): void {
    this.path.push(name);
    const choice = type.elements.find((element) => element.name === `${name}[x]`);
    const where =
      choice === undefined ? suggestion(name, [...type.members.keys()]) : `; write ${listed(choice.members.filter(notBeside))}`;
    this.issue('structure', `is not an element of ${type.name}${where}`);
    this.path.pop();
  }

  private missing(element: ElementDefinition, type: TypeDefinition): void {
    if (this.issues.length >= this.most) return;
    const names = element.members.filter(notBeside);
    this.path.push(names.length > 1 ? element.name.slice(0, -3) : names[0]!);
    this.issue('required', `is missing: ${type.name} must have ${names.length > 1 ? `one of ${listed(names)}` : `it`}`);
    this.path.pop();
  }

  private issue(code: IssueCode, problem: string): void {
    const expression = expressionOf(this.path);
    this.issues.push({
      code,
      diagnostics: `${expression === '' ? 'The body' : expression} ${problem}.`,
      expression: expression || undefined,
    });
  }
}

function isPresent(value: JsonObject, element: ElementDefinition): boolean {
  for (const name of element.members) if (value[name] !== undefined) return true;
  return false;
}

function notBeside(name: string): boolean {
  return !name.startsWith('_');
}

/** `Observation.component[1].valueQuantity.value`: as the sender wrote it, which tells more than FHIRPath's `value`. */
export function expressionOf(path: readonly (string | number)[]): string {
  let expression = '';
  for (const step of path) {
    if (typeof step === 'number') expression += `[${step}]`;
    else expression += `${expression === '' ? '' : '.'}${identifier(step)}`;
  }
  return expression;
}

/** Extensions of a primitive are found under its own name in FHIRPath; a name from a hostile body is delimited and cut. */
function identifier(name: string): string {
  const plain = name.startsWith('_') ? name.slice(1) : name;
  return /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(plain) ? plain : `\`${shortened(name).replace(/[\\`]/g, '')}\``;
}

function described(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return value === '' ? 'empty' : quoted(value);
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}

function shortened(text: string): string {
  const most = 60;
  return text.length > most ? `${text.slice(0, most).toWellFormed()}…` : text;
}

function allowed(written: string, codes: readonly string[]): string {
  return codes.length <= 30 ? `: ${codes.join(', ')}` : suggestion(written, codes);
}

function listed(names: readonly string[]): string {
  return names.length <= 15 ? names.join(', ') : `${names.slice(0, 15).join(', ')} …`;
}

/** Names that differ by letter case or by at most two letters. */
function suggestion(written: string, names: readonly string[]): string {
  const near = names.filter((name) => written.length <= 60 && isNear(written.toLowerCase(), name.toLowerCase()));
  return near.length === 0 ? '' : `; did you mean ${listed(near.slice(0, 3))}?`;
}

/** Whether at most two letters were added, lost or changed (Levenshtein, cut off by length). */
function isNear(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 2 || b.length < 4) return a === b;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]! <= 2;
}
