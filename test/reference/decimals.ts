/** A decimal as people write it: `digits` × 10^-`scale`, compared without any rounding. */
export interface Decimal {
  digits: bigint;
  scale: number;
}

const WRITTEN = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

export function decimal(text: string): Decimal | undefined {
  const match = WRITTEN.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  return { digits: BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction}`), scale: fraction.length - Number(power) };
}

export function compare(a: Decimal, b: Decimal): number {
  const [left, right] = alike(a, b);
  return left < right ? -1 : left > right ? 1 : 0;
}

export function plus(a: Decimal, b: Decimal): Decimal {
  const [left, right] = alike(a, b);
  return { digits: left + right, scale: Math.max(a.scale, b.scale) };
}

export const negative = ({ digits, scale }: Decimal): Decimal => ({ digits: -digits, scale });

export const times = (a: Decimal, b: Decimal): Decimal => ({ digits: a.digits * b.digits, scale: a.scale + b.scale });

/** A tenth of its size. */
export const tenth = ({ digits, scale }: Decimal): Decimal => ({ digits: digits < 0n ? -digits : digits, scale: scale + 1 });

/** Half of the last place: what `100` leaves open is 0.5. Of a number with an exponent one decimal counts at least: `1e2` is [95, 105). */
export function halfOfLastPlace(text: string): Decimal {
  const { scale } = decimal(text) as Decimal;
  return { digits: 5n, scale: scale + (/^[^.]*[eE]/.test(text) ? 2 : 1) };
}

function alike(a: Decimal, b: Decimal): [bigint, bigint] {
  const scale = Math.max(a.scale, b.scale);
  return [a.digits * 10n ** BigInt(scale - a.scale), b.digits * 10n ** BigInt(scale - b.scale)];
}
