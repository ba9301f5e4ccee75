/**
 * The primitive types of https://hl7.org/fhir/R4B/datatypes.html#primitive, each as a test of one JSON value: what is wrong with it, or
 * undefined. Every test takes time linear in the text. White space is JSON's and XML's; a no-break space is an ordinary character, unlike
 * in JavaScript's `\s`, because official examples use it.
 */
export type PrimitiveTest = (value: unknown) => string | undefined;

const CODE = /^[^ \t\r\n]+(?:[ \t\r\n][^ \t\r\n]+)*$/;
const URI = /^[^ \t\r\n]+$/;
const OID = /^urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+$/;
const UUID = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ID = /^[A-Za-z0-9\-.]{1,64}$/;
const DATE = /^([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?$/;
const DATE_TIME = /^([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T(.*))?)?)?$/;
const INSTANT = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T(.*)$/;
const TIME = /^(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?$/;
const TIME_WITH_ZONE =
  /^(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))$/;
const XHTML = /^\s*<div[\s>/]/;
const MAX_INTEGER = 2_147_483_647;

export const PRIMITIVE_TESTS: Readonly<Record<string, PrimitiveTest>> = {
  boolean: (value) => (typeof value === 'boolean' ? undefined : 'must be true or false, without quotes'),
  integer: (value) => integerProblem(value, -MAX_INTEGER - 1),
  unsignedInt: (value) => integerProblem(value, 0),
  positiveInt: (value) => integerProblem(value, 1),
  decimal: (value) => (typeof value === 'number' ? undefined : 'must be a number, without quotes'),
  string: stringProblem,
  markdown: stringProblem,
  code: matching(CODE, 'must be a code: no space at its ends, single spaces inside'),
  id: matching(ID, 'must be an id: 1 to 64 of A-Z, a-z, 0-9, hyphen and point'),
  uri: matching(URI, 'must be a URI, without spaces'),
  url: matching(URI, 'must be a URL, without spaces'),
  canonical: matching(URI, 'must be a canonical URL, without spaces'),
  oid: matching(OID, 'must be an OID such as urn:oid:1.2.3.4'),
  uuid: matching(UUID, 'must be a UUID such as urn:uuid:c757873d-ec9a-4326-a141-556f43239520, in lower case'),
  date: (value) => stringProblem(value) ?? dateProblem(DATE.exec(value as string), 'must be a date: YYYY, YYYY-MM or YYYY-MM-DD'),
  dateTime: (value) => stringProblem(value) ?? dateTimeProblem(value as string),
  instant: (value) => stringProblem(value) ?? instantProblem(value as string),
  time: matching(TIME, 'must be a time: hh:mm:ss, without zone'),
  base64Binary: (value) => stringProblem(value) ?? base64Problem(value as string),
  xhtml: matching(XHTML, 'must be XHTML text that begins with <div'),
};

function stringProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be a text in quotes';
  return value.length === 0 ? 'must not be empty; leave it out where there is no value' : undefined;
}

function matching(pattern: RegExp, problem: string): PrimitiveTest {
  return (value) => stringProblem(value) ?? (pattern.test(value as string) ? undefined : problem);
}

function integerProblem(value: unknown, least: number): string | undefined {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= MAX_INTEGER) return undefined;
  return `must be a whole number from ${least} to ${MAX_INTEGER}, without quotes`;
}

function dateTimeProblem(text: string): string | undefined {
  const parts = DATE_TIME.exec(text);
  const problem = dateProblem(parts, 'must be a date or time: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz');
  if (problem !== undefined || parts![4] === undefined) return problem;
  return TIME_WITH_ZONE.test(parts![4]) ? undefined : 'must have its time as hh:mm:ss with a zone (Z or +hh:mm)';
}

function instantProblem(text: string): string | undefined {
  const parts = INSTANT.exec(text);
  const problem = dateProblem(parts, 'must be an instant: YYYY-MM-DDThh:mm:ss.sss+zz:zz');
  if (problem !== undefined) return problem;
  return TIME_WITH_ZONE.test(parts![4]!) ? undefined : 'must have its time as hh:mm:ss with a zone (Z or +hh:mm)';
}

function dateProblem(parts: RegExpExecArray | null, problem: string): string | undefined {
  if (parts === null || parts[1] === '0000') return problem;
  const [, year, month, day] = parts;
  if (month !== undefined && (month < '01' || month > '12')) return 'has a month that does not exist';
  if (day !== undefined && (day < '01' || Number(day) > daysIn(Number(year), Number(month))))
    return 'is a day that does not exist';
  return undefined;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Groups of four characters, white space anywhere. The official pattern backtracks without end on a long text; this is one pass. */
function base64Problem(text: string): string | undefined {
  const problem = 'must be base64: groups of four of A-Z, a-z, 0-9, + and /, filled up with =';
  let characters = 0;
  let padding = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) continue;
    characters++;
    if (code === 0x3d) padding++;
    else if (padding > 0 || !isBase64(code)) return problem;
  }
  return characters > 0 && characters % 4 === 0 && padding <= 2 ? undefined : problem;
}

function isBase64(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2b ||
    code === 0x2f
  );
}
