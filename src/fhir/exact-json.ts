/**
 * JSON for edits that must not change a digit: `1.00`, `1e3` and `12345678901234567890` come back as they were written. A number that
 * JavaScript would print differently is kept as an {@link ExactNumber}; every other one is a plain number.
 */

/** A number as it was written; `JSON.stringify` prints `rawJSON` as it stands. */
export interface ExactNumber {
  readonly rawJSON: string;
}

type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;

/** The parts of Node 24's JSON that TypeScript does not describe yet: https://github.com/tc39/proposal-json-parse-with-source */
const exactJson = JSON as unknown as {
  parse(text: string, reviver: Reviver): unknown;
  rawJSON(text: string): ExactNumber;
  isRawJSON(value: unknown): value is ExactNumber;
};

/** Members named like array indexes ("1") would change places; FHIR has none. */
export function parseExact(text: string): unknown {
  return exactJson.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? exactJson.rawJSON(source) : value,
  );
}

export function stringifyExact(value: unknown): string {
  return JSON.stringify(value);
}

export function isExactNumber(value: unknown): value is ExactNumber {
  return exactJson.isRawJSON(value);
}

/** Equal as JSON, member order aside; numbers are equal when their digits are (`1.0` is not `1.00`). */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (isExactNumber(a) || isExactNumber(b)) return isExactNumber(a) && isExactNumber(b) && a.rawJSON === b.rawJSON;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && sameJson(left[name], right[name]))
  );
}
