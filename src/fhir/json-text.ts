import { isUtf8 } from 'node:buffer';
import { elementAt } from './element-at.js';
import { FhirError, type IssueCode } from './fhir-error.js';

/** Deepest nesting taken. The deepest official example has 21 levels; the limit lets every walk over a resource be recursive. */
const MAX_DEPTH = 64;
/** FHIR asks for 18 significant digits of a decimal; the longest number of the official examples has 26 characters. */
const MAX_NUMBER_LENGTH = 64;
/** The largest of the official examples (Observation-decimal). Together with the length it keeps every number finite in JavaScript. */
const MAX_EXPONENT = 245;

export interface ParsedJson {
  /** The text without the white space between its tokens; everything else is as received. */
  text: string;
  /** The same, parsed: an object. Numbers are JavaScript's, for reading only. */
  value: Record<string, unknown>;
}

/**
 * Strict JSON for input that may be hostile: one object, valid UTF-8, no member twice in an object, bounded depth and numbers, no
 * control characters that FHIR's strings do not have, no half surrogate pairs, no `__proto__`.
 * @throws FhirError saying at which line and column what has to be mended
 */
export function parseJson(input: Buffer | string): ParsedJson {
  return parse(new Scan(utf8Of(input)));
}

/**
 * The same for a body that is one list: a JSON Patch.
 * @throws FhirError saying at which line and column what has to be mended
 */
export function parseJsonList(input: Buffer | string): { text: string; value: unknown[] } {
  const { text, value } = parse(new Scan(utf8Of(input), { list: true }));
  return { text, value: value as unknown as unknown[] };
}

/** A Bundle, and beside it the exact text of each entry's resource; undefined for an entry without one. */
export interface ParsedBundle extends ParsedJson {
  resourceTexts: readonly (string | undefined)[];
}

/**
 * Like {@link parseJson}. The one pass over the bytes also notes where resources begin and end, which costs nothing, while looking for
 * them in the text again takes 11 µs for each.
 */
export function parseBundle(input: Buffer | string): ParsedBundle {
  const scan = new Scan(utf8Of(input), { resources: [] });
  const parsed = parse(scan);
  const { entry } = parsed.value;
  const texts = scan.resourceTexts().values();
  const textOf = (item: unknown) => (isObject(item) && Object.hasOwn(item, 'resource') ? texts.next().value : undefined);
  return { ...parsed, resourceTexts: Array.isArray(entry) ? entry.map(textOf) : [] };
}

function isObject(item: unknown): item is object {
  return typeof item === 'object' && item !== null;
}

function parse(scan: Scan): ParsedJson {
  const text = scan.minified();
  const value = JSON.parse(text) as Record<string, unknown>;
  if (countMembers(value) !== scan.members) new Scan(scan.bytes, { names: [], list: scan.list }).minified();
  return { text, value };
}

function utf8Of(input: Buffer | string): Buffer {
  const bytes = typeof input === 'string' ? bytesOf(input) : input;
  if (!isUtf8(bytes)) throw new FhirError('invalid', 'The body is not valid UTF-8. Send JSON encoded in UTF-8.');
  return bytes;
}

function bytesOf(text: string): Buffer {
  if (!text.isWellFormed())
    throw new FhirError('invalid', 'The text holds half a surrogate pair. Send whole Unicode characters.');
  return Buffer.from(text, 'utf8');
}

/**
 * Fewer members in the value than in the text: some name came twice, and a second scan finds it. Counting costs a tenth of remembering
 * every name.
 */
function countMembers(value: object): number {
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) if (typeof item === 'object' && item !== null) count += countMembers(item);
    return count;
  }
  for (const name in value) {
    count++;
    const member = (value as Record<string, unknown>)[name];
    if (typeof member === 'object' && member !== null) count += countMembers(member);
  }
  return count;
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const UNDERSCORE = 0x5f;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const OBJECT = 1;
const ARRAY = 2;
/** A Bundle's resources are members of the objects in the list `entry` of the root. */
const RESOURCE_DEPTH = 3;

/** One pass over the bytes: checks the grammar, counts the members and drops the white space. All syntax of JSON is ASCII. */
class Scan {
  members = 0;
  private at = 0;
  /** Receives the minified text once there is something to drop. */
  private copy: Buffer | undefined;
  private copied = 0;
  /** Start of the stretch not yet copied. */
  private from = 0;
  /** Where the minified text begins, if there was nothing to drop in it. */
  private start = 0;
  /** The names seen in each open object; where given, the scan stops at the second of two equal ones. */
  private readonly names: Set<string>[] | undefined;
  /** Where resources of a Bundle's entries begin and end in the minified bytes, by turns; noted where given. */
  private readonly resources: number[] | undefined;
  private inEntries = false;
  /** The root is a list. */
  readonly list: boolean;

  constructor(
    readonly bytes: Buffer,
    notes: { names?: Set<string>[]; resources?: number[]; list?: boolean } = {},
  ) {
    this.list = notes.list === true;
    this.names = notes.names;
    this.resources = notes.resources;
  }

  minified(): string {
    const { bytes } = this;
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.at = this.from = 3;
    this.skipSpace();
    if (this.at >= bytes.length) throw this.failure('invalid', 'The body is empty; send one JSON object');
    if (!this.list && bytes[this.at] !== OPEN_BRACE)
      throw this.failure('structure', 'The body must be one JSON object that begins with {');
    if (this.list && bytes[this.at] !== OPEN_BRACKET)
      throw this.failure('structure', 'The body must be one JSON list that begins with [');
    this.start = this.from;
    this.value();
    if (this.copy !== undefined) this.flush(this.at);
    const text = this.copy?.toString('utf8', 0, this.copied) ?? bytes.toString('utf8', this.from, this.at);
    this.from = this.at;
    this.skipSpace();
    if (this.at < bytes.length) throw this.failure('invalid', `There is more behind the end of the object: ${this.found()}`);
    return text;
  }

  /** After {@link minified}: the resources in it. */
  resourceTexts(): string[] {
    const [from, offset] = this.copy === undefined ? [this.bytes, this.start] : [this.copy, 0];
    const texts: string[] = [];
    for (let at = 0; at < (this.resources?.length ?? 0); at += 2) {
      texts.push(from.toString('utf8', offset + this.resources![at]!, offset + this.resources![at + 1]!));
    }
    return texts;
  }

  /** The root value with everything in it; containers are kept on a small stack of their own. */
  private value(): void {
    const { bytes } = this;
    const containers = new Uint8Array(MAX_DEPTH + 1);
    let depth = 0;
    for (;;) {
      // Here a value begins.
      const code = bytes[this.at];
      if (code === QUOTE) {
        this.string();
      } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
        if (depth === MAX_DEPTH) {
          throw this.failure('structure', `Objects and lists are nested more than ${MAX_DEPTH} deep; send a flatter resource`);
        }
        this.at++;
        this.skipSpace();
        if (code === OPEN_BRACE) {
          if (bytes[this.at] === CLOSE_BRACE) this.at++;
          else {
            containers[depth++] = OBJECT;
            this.names?.push(new Set());
            this.name(depth);
            continue;
          }
        } else if (bytes[this.at] === CLOSE_BRACKET) this.at++;
        else {
          containers[depth++] = ARRAY;
          continue;
        }
      } else {
        this.literal(code);
      }
      // Here a value has ended.
      for (;;) {
        if (depth === 0) return;
        if (depth === RESOURCE_DEPTH && this.resources !== undefined && this.resources.length % 2 === 1) this.note();
        this.skipSpace();
        const next = bytes[this.at];
        const container = containers[depth - 1];
        if (next === COMMA) {
          this.at++;
          this.skipSpace();
          if (container === OBJECT) this.name(depth);
          break;
        }
        if (next !== (container === OBJECT ? CLOSE_BRACE : CLOSE_BRACKET)) {
          throw this.failure('invalid', `Expected a comma or ${container === OBJECT ? '}' : ']'} but found ${this.found()}`);
        }
        this.at++;
        depth--;
        if (container === OBJECT) this.names?.pop();
      }
    }
  }

  /** A member's name and its colon, up to the value. */
  private name(depth: number): void {
    const { bytes } = this;
    if (bytes[this.at] !== QUOTE)
      throw this.failure('invalid', `Expected a member name in double quotes but found ${this.found()}`);
    const start = this.at;
    this.string();
    const end = this.at;
    this.members++;
    if (bytes[start + 1] === UNDERSCORE || bytes[start + 1] === BACKSLASH) this.refuseProto(start);
    if (this.names !== undefined) this.refuseSecond(start, this.names.at(-1)!);
    this.skipSpace();
    if (bytes[this.at] !== COLON)
      throw this.failure('invalid', `Expected a colon behind the member name but found ${this.found()}`);
    this.at++;
    this.skipSpace();
    if (this.resources !== undefined && depth <= RESOURCE_DEPTH) this.noteResource(depth, start, end);
  }

  /** The value of a Bundle's `entry` is about to begin or was left, or that of an entry's `resource` is about to begin. */
  private noteResource(depth: number, start: number, end: number): void {
    if (depth === 1) this.inEntries = this.nameIs('entry', start, end);
    else if (depth === RESOURCE_DEPTH && this.inEntries && this.nameIs('resource', start, end)) this.note();
  }

  private note(): void {
    this.resources!.push(this.copied + this.at - (this.copy === undefined ? this.start : this.from));
  }

  /** Names may be written with escapes. */
  private nameIs(name: string, start: number, end: number): boolean {
    const written = this.bytes.toString('utf8', start, end);
    return written.includes('\\') ? JSON.parse(written) === name : written === `"${name}"`;
  }

  private refuseProto(start: number): void {
    if (JSON.parse(this.bytes.toString('utf8', start, this.at)) !== '__proto__') return;
    this.at = start;
    throw this.failure('structure', 'A member named __proto__ is not part of any resource; leave it out');
  }

  private refuseSecond(start: number, seen: Set<string>): void {
    const name = JSON.parse(this.bytes.toString('utf8', start, this.at)) as string;
    if (!seen.has(name)) {
      seen.add(name);
      return;
    }
    this.at = start;
    throw this.failure('structure', `The member ${JSON.stringify(name)} stands twice in one object; keep one of them`);
  }

  private string(): void {
    const { bytes } = this;
    const { length } = bytes;
    let at = this.at + 1;
    for (; at < length; at++) {
      const code = bytes[at]!;
      if (code === QUOTE) {
        this.at = at + 1;
        return;
      }
      if (code < SPACE) {
        this.at = at;
        throw this.failure(
          'invalid',
          `A control character (${hex(code)}) stands in a string; write tab as \\t, line ends as \\n`,
        );
      }
      if (code === BACKSLASH) {
        this.at = at;
        this.escape();
        at = this.at;
      }
    }
    this.at = length;
    throw this.failure('invalid', 'The body ends inside a string; close it with "');
  }

  /** Leaves `at` on the last character of the escape. */
  private escape(): void {
    switch (this.bytes[this.at + 1]) {
      case LOWER_U:
        return this.unicodeEscape();
      case QUOTE:
      case BACKSLASH:
      case 0x2f: // slash
      case 0x6e: // n
      case 0x72: // r
      case 0x74: // t
        this.at++;
        return;
      case 0x62: // b
      case 0x66: // f
        throw this.failure('invalid', 'FHIR strings hold no control characters besides tab and line ends; leave \\b and \\f out');
      default:
        throw this.failure('invalid', 'Unknown escape in a string; JSON has \\" \\\\ \\/ \\n \\r \\t and \\uXXXX');
    }
  }

  private unicodeEscape(): void {
    const code = this.hexDigits(this.at + 2);
    if (code < SPACE && code !== TAB && code !== LINE_FEED && code !== CARRIAGE_RETURN) {
      throw this.failure(
        'invalid',
        `FHIR strings hold no control characters besides tab and line ends; leave ${code === 0 ? 'NUL (\\u0000)' : hex(code)} out`,
      );
    }
    if (code >= 0xd800 && code <= 0xdfff) {
      const follows =
        this.bytes[this.at + 6] === BACKSLASH && this.bytes[this.at + 7] === LOWER_U ? this.hexDigits(this.at + 8) : 0;
      if (code >= 0xdc00 || follows < 0xdc00 || follows > 0xdfff) {
        throw this.failure('invalid', `Half a surrogate pair (${hex(code)}); write the whole character or both of its halves`);
      }
      this.at += 6;
    }
    this.at += 5;
  }

  private hexDigits(from: number): number {
    let value = 0;
    for (let at = from; at < from + 4; at++) {
      const digit = hexDigit(this.bytes[at] ?? 0);
      if (digit === -1) throw this.failure('invalid', 'Expected four hexadecimal digits behind \\u');
      value = value * 16 + digit;
    }
    return value;
  }

  private literal(code: number | undefined): void {
    if (code === MINUS || (code !== undefined && code >= ZERO && code <= NINE)) return this.number();
    if (code === 0x74 && this.word('true')) return;
    if (code === 0x66 && this.word('false')) return;
    if (code === 0x6e && this.word('null')) return;
    throw this.failure('invalid', `Expected a value but found ${this.found()}`);
  }

  private word(word: string): boolean {
    for (let i = 1; i < word.length; i++) if (this.bytes[this.at + i] !== word.charCodeAt(i)) return false;
    this.at += word.length;
    return true;
  }

  /** `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?` within bounds. */
  private number(): void {
    const { bytes } = this;
    const start = this.at;
    let at = bytes[start] === MINUS ? start + 1 : start;
    if (bytes[at] === ZERO) at++;
    else at = this.digits(at, start);
    if (bytes[at] === DOT) at = this.digits(at + 1, start);
    if (bytes[at] === LOWER_E || bytes[at] === UPPER_E) {
      at++;
      if (bytes[at] === PLUS || bytes[at] === MINUS) at++;
      const exponentStart = at;
      at = this.digits(at, start);
      const exponent = at - exponentStart > MAX_NUMBER_LENGTH ? Infinity : Number(bytes.toString('latin1', exponentStart, at));
      if (exponent > MAX_EXPONENT)
        throw this.failure('invalid', `A number has an exponent beyond ±${MAX_EXPONENT}; send a smaller one`);
    }
    if (at - start > MAX_NUMBER_LENGTH) {
      throw this.failure('invalid', `A number is longer than ${MAX_NUMBER_LENGTH} characters; send fewer digits`);
    }
    this.at = at;
  }

  /** One digit or more from `from`. */
  private digits(from: number, start: number): number {
    let at = from;
    while (at < this.bytes.length && this.bytes[at]! >= ZERO && this.bytes[at]! <= NINE) at++;
    if (at > from) return at;
    this.at = start;
    throw this.failure(
      'invalid',
      'A number is not written as JSON asks: digits before and behind the point, no leading zero or plus',
    );
  }

  private skipSpace(): void {
    const { bytes } = this;
    const start = this.at;
    let at = start;
    for (; at < bytes.length; at++) {
      const code = bytes[at];
      if (code !== SPACE && code !== LINE_FEED && code !== CARRIAGE_RETURN && code !== TAB) break;
    }
    if (at === start) return;
    if (start > this.from) this.flush(start);
    this.from = this.at = at;
  }

  /** Copies the stretch that ends before `end`. Byte by byte: the stretches are short, a native call costs more than it saves. */
  private flush(end: number): void {
    const { bytes } = this;
    const copy = (this.copy ??= Buffer.allocUnsafe(bytes.length));
    let to = this.copied;
    for (let at = this.from; at < end; at++) copy[to++] = bytes[at]!;
    this.copied = to;
  }

  private found(): string {
    if (this.at >= this.bytes.length) return 'the end of the body';
    const start = this.bytes.toString('utf8', this.at, this.at + 16);
    return JSON.stringify([...start][0]);
  }

  private failure(code: IssueCode, message: string): FhirError {
    const before = this.bytes.toString('utf8', 0, this.at).length;
    const expression = elementAt(this.bytes.toString('utf8'), before);
    return new FhirError(code, `${message} (${lineAndColumn(this.bytes, this.at)}).`, expression);
  }
}

function hexDigit(code: number): number {
  if (code >= ZERO && code <= NINE) return code - ZERO;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function hex(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Lines and columns counted from 1, columns in characters as an editor shows them. */
function lineAndColumn(bytes: Buffer, at: number): string {
  const before = bytes.toString('utf8', 0, at).replace(/^\uFEFF/, '');
  const lineStart = before.lastIndexOf('\n') + 1;
  const line = before.split('\n').length;
  return `line ${line}, column ${[...before.slice(lineStart)].length + 1}`;
}
