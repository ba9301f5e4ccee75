import { isExactNumber } from '../../fhir/exact-json.js';

/**
 * Equal as JSON Patch's `test` means it: numbers by their value (`1.0` equals `1.00` and `1e0`), however many digits they have; members in
 * any order. https://www.rfc-editor.org/rfc/rfc6902#section-4.6
 */
export function equalByValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const [left, right] = [digitsOf(a), digitsOf(b)];
  if (left !== undefined || right !== undefined) return left === right;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, at) => equalByValue(item, b[at]));
  }
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const names = Object.keys(x);
  return (
    names.length === Object.keys(y).length && names.every((name) => Object.hasOwn(y, name) && equalByValue(x[name], y[name]))
  );
}

/** A number in one form for each value: `-125e-2`. */
function digitsOf(value: unknown): string | undefined {
  const source = typeof value === 'number' ? String(value) : isExactNumber(value) ? value.rawJSON : undefined;
  if (source === undefined) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(source) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const power = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${sign}${significant}e${String(power)}`;
}
