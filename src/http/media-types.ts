import type { Face } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import { FHIR_VERSION_OF_FACE } from './face.js';

/** What is sent: `application/json` only to those who accept nothing closer to FHIR. */
export type ReplyType = 'application/fhir+json; charset=utf-8' | 'application/json; charset=utf-8';

const FHIR_JSON = 'application/fhir+json; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';
const READABLE = new Set(['application/fhir+json', 'application/json', 'text/json', 'application/json+fhir']);

interface MediaType {
  name: string;
  parameters: Map<string, string>;
}

/** `application/json` of `Application/JSON; charset=utf-8`. */
export function mediaTypeName(header: string | undefined): string {
  return parseMediaType(header ?? '').name;
}

/**
 * Refuses a body that is not JSON in UTF-8 of the face's FHIR version.
 * @param readable names of the media types read here, where they are others than those of resources
 * @throws FhirError 415
 */
export function checkContentType(header: string | undefined, face: Face, readable?: readonly string[]): void {
  if (readable === undefined && (header === 'application/fhir+json' || header === 'application/json')) return;
  const type = parseMediaType(header ?? '');
  if (!(readable?.includes(type.name) ?? READABLE.has(type.name))) {
    const found =
      header === undefined || header === ''
        ? 'The request names no Content-Type'
        : `Content-Type ${printable(header)} is not read here`;
    throw unsupported(`${found}${noXml(type.name)}; send ${readable?.join(' or ') ?? 'application/fhir+json'}`);
  }
  const charset = type.parameters.get('charset')?.toLowerCase();
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') {
    throw unsupported(`The charset ${printable(charset)} is not read here; send UTF-8`);
  }
  const version = type.parameters.get('fhirversion');
  if (version !== undefined && !speaks(face, version)) {
    throw unsupported(`fhirVersion ${printable(version)} is not spoken at this base, which speaks ${FHIR_VERSION_OF_FACE[face]}`);
  }
}

/**
 * The media type of the answer. `_format` overrides `Accept`. https://hl7.org/fhir/R4B/http.html#mime-type
 * @throws FhirError 406
 */
export function negotiate(accept: string | undefined, format: string | undefined, face: Face): ReplyType {
  if (format !== undefined && format !== '') return replyTypeOfFormat(format, face);
  if (accept === undefined || accept === '' || accept === '*/*' || accept === 'application/fhir+json') return FHIR_JSON;
  const named = splitOutsideQuotes(accept, ',').map((part) => parseMediaType(part));
  const isRefused = (range: MediaType) => Number(range.parameters.get('q') ?? '1') === 0;
  const refused = new Set(named.filter(isRefused).map(({ name }) => name));
  const ranges = named.filter((range) => range.name !== '' && !isRefused(range)).sort((a, b) => quality(b) - quality(a));
  let wrongVersion: string | undefined;
  for (const range of ranges) {
    const reply = replyTypeOfRange(range.name, refused);
    if (reply === undefined) continue;
    const version = range.parameters.get('fhirversion');
    if (version === undefined || speaks(face, version)) return reply;
    wrongVersion = version;
  }
  if (wrongVersion !== undefined) throw versionNotAcceptable(face, wrongVersion, 'Accept');
  throw notAcceptable(`Nothing that Accept ${printable(accept)} asks for is made here${noXml(accept)}`, 'Accept');
}

function replyTypeOfFormat(format: string, face: Face): ReplyType {
  // A plus sign in a query that was not percent-encoded arrives as a space.
  const type = parseMediaType(format.replace('application/fhir json', 'application/fhir+json'));
  const version = type.parameters.get('fhirversion');
  if (version !== undefined && !speaks(face, version)) throw versionNotAcceptable(face, version, '_format');
  if (type.name === 'json' || type.name === 'application/fhir+json' || type.name === '*/*') return FHIR_JSON;
  if (READABLE.has(type.name)) return JSON_TYPE;
  throw notAcceptable(`The format ${printable(format)} is not made here${noXml(format)}`, '_format');
}

/** @param refused what a wildcard does not stand for */
function replyTypeOfRange(name: string, refused: ReadonlySet<string>): ReplyType | undefined {
  if (name === 'application/fhir+json' || name === 'application/json+fhir') return FHIR_JSON;
  if (name === '*/*' || name === 'application/*') {
    if (!refused.has('application/fhir+json')) return FHIR_JSON;
    return refused.has('application/json') ? undefined : JSON_TYPE;
  }
  if (name === 'application/json' || name === 'text/json' || name === 'text/*') return JSON_TYPE;
  return undefined;
}

function speaks(face: Face, version: string): boolean {
  const own = FHIR_VERSION_OF_FACE[face];
  return version === own || version.startsWith(`${own}.`);
}

function quality(range: MediaType): number {
  const q = Number(range.parameters.get('q') ?? '1');
  return Number.isNaN(q) ? 0 : q;
}

/** Parameter names in lower case, values without their quotes. Whatever is malformed simply equals nothing we know. */
function parseMediaType(text: string): MediaType {
  const [name = '', ...rest] = splitOutsideQuotes(text, ';');
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const at = part.indexOf('=');
    if (at === -1) continue;
    const value = part.slice(at + 1).trim();
    parameters.set(part.slice(0, at).trim().toLowerCase(), value.replace(/^"(.*)"$/, '$1'));
  }
  return { name: name.trim().toLowerCase(), parameters };
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  if (!text.includes('"')) return text.split(separator);
  const parts: string[] = [];
  let quoted = false;
  let start = 0;
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === '"') quoted = !quoted;
    else if (text[i] === separator && !quoted) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)];
}

/** Said to those who come with XML or Turtle, so that they need not try other spellings. */
function noXml(text: string): string {
  return /xml|ttl|turtle/i.test(text) ? ': of the formats of FHIR this hub speaks JSON' : '';
}

/** What a client sent, fit to be told back: short and on one line. */
function printable(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length > 100 ? `${clean.slice(0, 100)}…` : clean;
}

function unsupported(text: string): FhirError {
  return new FhirError('not-supported', text, 'Content-Type', { status: 415 });
}

function notAcceptable(text: string, where: string): FhirError {
  return new FhirError('not-supported', `${text}; ask for application/fhir+json`, where, { status: 406 });
}

function versionNotAcceptable(face: Face, version: string, where: string): FhirError {
  return notAcceptable(
    `fhirVersion ${printable(version)} is not spoken at this base, which speaks ${FHIR_VERSION_OF_FACE[face]}`,
    where,
  );
}
