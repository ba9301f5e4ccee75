import type { NumberValue } from './values.js';

const NUMBER = /^([+-]?)(\d{1,60})(?:\.(\d{1,60}))?(?:[eE]([+-]?\d{1,3}))?$/;

/**
 * A number as written in a query, with the range that its digits leave open: `100` is [99.5, 100.5), `100.0` is [99.95, 100.05). Of a
 * number with an exponent at least one decimal counts, as the specification's example has it (`1e2` is [95, 105)). The limits are worked
 * out in decimal, so that 5.35 is in the range of 5.4. https://hl7.org/fhir/R4B/search.html#number
 */
export function numberRange(text: string): { value: number; range: NumberValue } | undefined {
  const match = NUMBER.exec(text);
  if (!match) return undefined;
  const [, sign, whole, written = '', power] = match as unknown as [string, string, string, string?, string?];
  const decimals = power !== undefined && written === '' ? '0' : written;
  const scaled = BigInt(sign === '-' ? '-' + whole + decimals : whole + decimals) * 10n;
  const exponent = Number(power ?? 0) - decimals.length - 1;
  const value = Number(text);
  const range = { low: Number(`${scaled - 5n}e${exponent}`), high: Number(`${scaled + 5n}e${exponent}`) };
  if (!Number.isFinite(range.low) || !Number.isFinite(range.high)) return undefined;
  // More digits than a double has: the range closes up, and must still hold the number itself.
  if (range.high === value) range.high = nextAbove(value);
  return { value, range };
}

/** The least number that is greater. */
export function nextAbove(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigInt64(0, view.getBigInt64(0) + (value > 0 ? 1n : -1n));
  return view.getFloat64(0);
}
