import type { Change } from '../fhir/change.js';
import { type Definitions, definitions, type ElementDefinition, type TypeDefinition } from '../fhir/definitions.js';
import { itemsOf, type MemberSpan, membersOf } from '../fhir/json-members.js';
import type { Subset } from '../search/query.js';

/** The tag of a resource that is not shown whole. https://hl7.org/fhir/R4B/search.html#summary */
const SUBSETTED = '{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}';

/**
 * The part of a stored text that was asked for, tagged SUBSETTED: members are cut out, what stays is the text as it was stored, so no
 * digit changes. Always kept: `id`, `meta` and what is mandatory.
 * @param text minified, as `parseJson` returns it
 */
export function subsetResource(text: string, subset: Subset, known: Definitions = definitions()): string {
  const members = membersOf(text);
  const type = known.type(typeNameOf(text, members));
  if (type === undefined) return text;
  const keeps = keeperOf(subset);
  const kept: string[] = [];
  let hasMeta = false;
  for (const member of members) {
    if (member.name === 'meta') {
      kept.push(`"meta":${tagged(text.slice(member.valueStart, member.end))}`);
      hasMeta = true;
      continue;
    }
    if (ALWAYS.has(member.name)) {
      kept.push(text.slice(member.start, member.end));
      continue;
    }
    const definition = type.members.get(member.name);
    if (definition === undefined || !keeps(definition.element)) continue;
    const part = subset.kind === 'summary' ? summaryOfMember(text, member, type, known) : text.slice(member.start, member.end);
    if (part !== undefined) kept.push(part);
  }
  if (!hasMeta) kept.push(`"meta":{"tag":[${SUBSETTED}]}`);
  return `{${kept.join(',')}}`;
}

/** A stored version with no more of its text than was asked for. */
export function subsetChange<T extends { body: Change['body'] }>(change: T, subset: Subset | undefined): T {
  return subset === undefined || change.body === null ? change : { ...change, body: subsetResource(change.body, subset) };
}

/** What goes along with matches is of other types: a list of elements says nothing of it. */
export function ofIncluded(subset: Subset | undefined): Subset | undefined {
  return subset?.kind === 'elements' ? undefined : subset;
}

/** Names of `_elements` that no element of the type bears, `value` and `valueQuantity` alike meaning `value[x]`. */
export function unknownElements(type: string, names: readonly string[], known: Definitions = definitions()): string[] {
  const elements = known.type(type)?.elements ?? [];
  return names.filter((name) => !elements.some((element) => isNamed(element, name)));
}

const ALWAYS = new Set(['resourceType', 'id']);

function typeNameOf(text: string, members: readonly MemberSpan[]): string {
  const member = members.find(({ name }) => name === 'resourceType');
  return member === undefined ? '' : text.slice(member.valueStart + 1, member.end - 1);
}

function keeperOf(subset: Subset): (element: ElementDefinition) => boolean {
  switch (subset.kind) {
    case 'summary':
      return isOfSummary;
    case 'text':
      return ({ name, min }) => name === 'text' || min > 0;
    case 'data':
      return ({ name }) => name !== 'text';
    case 'elements':
      return (element) => element.min > 0 || element.modifies || subset.names.some((name) => isNamed(element, name));
  }
}

/** What changes the meaning of the rest stays, marked as a part of summaries or not. */
function isOfSummary({ inSummary, min, modifies }: ElementDefinition): boolean {
  return inSummary || min > 0 || modifies;
}

function isNamed({ name, members }: ElementDefinition, asked: string): boolean {
  return name === asked || name === `${asked}[x]` || members.includes(asked);
}

/**
 * A member with all that is not of the summary cut out of it too. What would be left with nothing goes, unless it is mandatory: then it
 * stays as it is (a mandatory element may consist of an extension that tells why it is absent).
 */
function summaryOfMember(text: string, member: MemberSpan, type: TypeDefinition, known: Definitions): string | undefined {
  const definition = type.members.get(member.name);
  const nested = definition === undefined || definition.type === 'Element' ? undefined : known.type(definition.type);
  if (definition === undefined || nested === undefined || isWhole(nested)) return text.slice(member.start, member.end);
  const whole = (start: number, end: number) => (definition.element.min > 0 ? text.slice(start, end) : undefined);
  const name = text.slice(member.start, member.valueStart);
  if (text[member.valueStart] !== '[') {
    const value = summaryOfObject(text, member.valueStart, nested, known) ?? whole(member.valueStart, member.end);
    return value === undefined ? undefined : name + value;
  }
  const items = itemsOf(text, member.valueStart).flatMap(
    ({ start, end }) => summaryOfObject(text, start, nested, known) ?? whole(start, end) ?? [],
  );
  return items.length === 0 ? undefined : `${name}[${items.join(',')}]`;
}

/** A resource in a Bundle has a summary of its own, which nobody asked for; of an extension the value is no part that could go. */
function isWhole({ isResource, name }: TypeDefinition): boolean {
  return isResource || name === 'Extension';
}

function summaryOfObject(text: string, start: number, type: TypeDefinition, known: Definitions): string | undefined {
  const kept: string[] = [];
  for (const member of membersOf(text, start)) {
    const element = type.members.get(member.name)?.element;
    if (element === undefined || !isOfSummary(element)) continue;
    const part = summaryOfMember(text, member, type, known);
    if (part !== undefined) kept.push(part);
  }
  return kept.length === 0 ? undefined : `{${kept.join(',')}}`;
}

/** The `meta` with the tag added, its own tags first. */
function tagged(meta: string): string {
  const tag = membersOf(meta).find(({ name }) => name === 'tag');
  if (tag === undefined) return `${meta.slice(0, -1)}${meta === '{}' ? '' : ','}"tag":[${SUBSETTED}]}`;
  const tags = meta.slice(tag.valueStart, tag.end);
  if (isTagged(tags)) return meta;
  return `${meta.slice(0, tag.end - 1)}${tags === '[]' ? '' : ','}${SUBSETTED}${meta.slice(tag.end - 1)}`;
}

function isTagged(tags: string): boolean {
  return (JSON.parse(tags) as { system?: string; code?: string }[]).some(
    ({ system, code }) => code === 'SUBSETTED' && system === 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  );
}
