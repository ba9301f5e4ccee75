import { type Definitions, type TypeDefinition, definitions } from './definitions.js';

const ID = /^[A-Za-z0-9\-.]{1,64}$/;

/** Whether a text is a FHIR id: https://hl7.org/fhir/R4B/datatypes.html#id */
export function isFhirId(text: unknown): text is string {
  return typeof text === 'string' && ID.test(text);
}

/** What a reference points to: https://hl7.org/fhir/R4B/references.html#literal */
export type ParsedReference =
  /** A resource of this hub: relative, or absolute under one of its bases. */
  | { kind: 'local'; type: string; id: string; version?: string }
  /** A resource inside the same resource; `id` is '' for the container itself (`#`). */
  | { kind: 'contained'; id: string }
  /** `Patient?identifier=…`, for transactions. */
  | { kind: 'conditional'; type: string; query: string }
  /** `urn:uuid:…` and `urn:oid:…`. */
  | { kind: 'urn'; urn: string }
  /** Any other absolute URL. */
  | { kind: 'foreign'; url: string }
  /** Nothing that FHIR knows. */
  | { kind: 'other'; text: string };

/** @param bases of this hub, without a slash at the end: `http://127.0.0.1:8080/fhir/r4b` */
export function parseReference(text: string, bases: readonly string[] = [], known: Definitions = definitions()): ParsedReference {
  if (text.startsWith('#')) return { kind: 'contained', id: text.slice(1) };
  if (text.startsWith('urn:')) return { kind: 'urn', urn: text };
  const base = bases.find((candidate) => text.startsWith(candidate) && text[candidate.length] === '/');
  const relative = base === undefined ? text : text.slice(base.length + 1);
  return (
    parseRelative(relative, known) ??
    (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(text) ? { kind: 'foreign', url: text } : { kind: 'other', text })
  );
}

function parseRelative(text: string, known: Definitions): ParsedReference | undefined {
  const question = text.indexOf('?');
  if (question > 0 && known.isResourceType(text.slice(0, question))) {
    return { kind: 'conditional', type: text.slice(0, question), query: text.slice(question + 1) };
  }
  const [type, id, history, version, ...more] = text.split('/');
  if (!known.isResourceType(type) || !isFhirId(id) || more.length > 0) return undefined;
  if (history === undefined) return { kind: 'local', type, id };
  return history === '_history' && isFhirId(version) ? { kind: 'local', type, id, version } : undefined;
}

/** Elements that may hold an address of a resource; `xhtml` is one `href` or `src` of a narrative. */
export type AddressKind = 'reference' | 'uri' | 'url' | 'canonical' | 'oid' | 'uuid' | 'xhtml';

/** The new text, or undefined to leave it as it is. */
export type AddressMap = (kind: AddressKind, text: string) => string | undefined;

const ADDRESS_TYPES: ReadonlySet<string> = new Set(['uri', 'url', 'canonical', 'oid', 'uuid']);

/**
 * Puts other addresses into a resource, in place: in every element of one of the kinds, wherever it stands (extensions, contained
 * resources, narrative), and nowhere else. A string that merely looks like an address, such as `Identifier.value`, stays.
 * https://hl7.org/fhir/R4B/http.html#trules
 * @param resource from `parseExact` or `parseJson`, already valid
 * @returns whether anything changed
 */
export function rewriteReferences(
  resource: unknown,
  typeName: string,
  map: AddressMap,
  known: Definitions = definitions(),
): boolean {
  const type = known.type(typeName);
  return type !== undefined && rewriteObject(resource, type, map, known);
}

function rewriteObject(value: unknown, type: TypeDefinition, map: AddressMap, known: Definitions): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const owner = value as Record<string, unknown>;
  let changed = false;
  for (const name in owner) {
    const member = type.members.get(name);
    if (member === undefined) continue;
    const kind = member.test === undefined ? undefined : addressKind(type.name, name, member.type);
    if (member.test !== undefined && kind === undefined) continue;
    const held = owner[name];
    const items = Array.isArray(held) ? (held as unknown[]) : undefined;
    const count = items?.length ?? 1;
    for (let index = 0; index < count; index++) {
      const item = items === undefined ? held : items[index];
      if (kind === undefined) {
        const itemType = member.type === 'Resource' ? typeOfResource(item, known) : known.type(member.type);
        if (itemType !== undefined) changed = rewriteObject(item, itemType, map, known) || changed;
      } else if (typeof item === 'string') {
        const next = kind === 'xhtml' ? rewriteNarrative(item, map) : map(kind, item);
        if (next === undefined || next === item) continue;
        if (items === undefined) owner[name] = next;
        else items[index] = next;
        changed = true;
      }
    }
  }
  return changed;
}

function typeOfResource(value: unknown, known: Definitions): TypeDefinition | undefined {
  const name = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)['resourceType'] : undefined;
  return known.isResourceType(name) ? known.type(name) : undefined;
}

function addressKind(typeName: string, memberName: string, primitive: string): AddressKind | undefined {
  if (typeName === 'Reference' && memberName === 'reference') return 'reference';
  if (primitive === 'xhtml') return 'xhtml';
  return ADDRESS_TYPES.has(primitive) ? (primitive as AddressKind) : undefined;
}

const LINK = /href|src/i;
const QUOTE_OR_TAG_END = /["'>]/g;
const LINK_BEFORE_QUOTE = /\s(?:href|src)\s*=\s*$/i;

/** One pass from tag to tag: whatever stands between tags or in other attributes is not an address. */
function rewriteNarrative(xhtml: string, map: AddressMap): string {
  if (!LINK.test(xhtml)) return xhtml;
  let rewritten = '';
  let copied = 0;
  let at = xhtml.indexOf('<');
  while (at !== -1) {
    QUOTE_OR_TAG_END.lastIndex = at;
    const mark = QUOTE_OR_TAG_END.exec(xhtml);
    if (mark === null) break;
    if (mark[0] === '>') {
      at = xhtml.indexOf('<', mark.index);
      continue;
    }
    const start = mark.index + 1;
    const end = xhtml.indexOf(mark[0], start);
    if (end === -1) break;
    const next = LINK_BEFORE_QUOTE.test(xhtml.slice(at, mark.index))
      ? map('xhtml', unescaped(xhtml.slice(start, end)))
      : undefined;
    if (next !== undefined) {
      rewritten += xhtml.slice(copied, start) + escaped(next);
      copied = end;
    }
    at = end + 1;
  }
  return rewritten + xhtml.slice(copied);
}

const CHARACTER_OF: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  '#39': "'",
  '#34': '"',
};

function unescaped(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos|#39|#34);/g, (_, name: string) => CHARACTER_OF[name]!);
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;').replace(/'/g, '&#39;');
}
