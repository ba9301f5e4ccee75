import type { JsonObject } from '../fhir/json-object.js';
import { nextAbove } from './number-range.js';
import type { NumberValue, QuantityValue } from './values.js';

export type ReadNumber = (node: unknown, sink: NumberValue[]) => void;
export type ReadQuantity = (node: unknown, sink: QuantityValue[]) => void;

const CURRENCIES = 'urn:iso:std:iso:4217';

/** How nodes of a type become numbers; undefined where the type has none. https://hl7.org/fhir/R4B/search.html#number */
export function numberReader(type: string): ReadNumber | undefined {
  switch (type) {
    case 'integer':
    case 'decimal':
    case 'positiveInt':
    case 'unsignedInt':
      return (node, sink) => {
        if (typeof node === 'number') sink.push({ low: node, high: node });
      };
    case 'Range':
      return (node, sink) => {
        const range = rangeQuantity(node);
        if (range) sink.push({ low: range.low, high: range.high });
      };
    default:
      return undefined;
  }
}

/** How nodes of a type become quantities; undefined where the type has none. https://hl7.org/fhir/R4B/search.html#quantity */
export function quantityReader(type: string): ReadQuantity | undefined {
  switch (type) {
    case 'Quantity':
    case 'SimpleQuantity':
    case 'Age':
    case 'Count':
    case 'Distance':
    case 'Duration':
      return (node, sink) => push(sink, quantity(node));
    case 'Money':
      return (node, sink) => {
        const { value, currency } = node as JsonObject;
        if (typeof value !== 'number') return;
        sink.push({ low: value, high: value, ...(typeof currency === 'string' ? { system: CURRENCIES, code: currency } : {}) });
      };
    case 'Range':
      return (node, sink) => push(sink, rangeQuantity(node));
    case 'SampledData':
      return (node, sink) => push(sink, sampledQuantity(node));
    default:
      return undefined;
  }
}

function push(sink: QuantityValue[], value: QuantityValue | undefined): void {
  if (value) sink.push(value);
}

/** `< 5` is everything up to 5, which is no part of it; `<= 5` has it, too. */
function quantity(node: unknown): QuantityValue | undefined {
  const { value, comparator, system, code, unit } = node as JsonObject;
  if (typeof value !== 'number') return undefined;
  return {
    ...limits(value, comparator),
    system: typeof system === 'string' ? system : undefined,
    code: typeof code === 'string' ? code : undefined,
    unit: typeof unit === 'string' ? unit : undefined,
  };
}

function limits(value: number, comparator: unknown): NumberValue {
  switch (comparator) {
    case '<':
      return { low: -Infinity, high: -nextAbove(-value) };
    case '<=':
      return { low: -Infinity, high: value };
    case '>':
      return { low: nextAbove(value), high: Infinity };
    case '>=':
      return { low: value, high: Infinity };
    default:
      return { low: value, high: value };
  }
}

/** Ends that were swapped are its limits all the same. */
function rangeQuantity(node: unknown): QuantityValue | undefined {
  const { low, high } = node as JsonObject;
  const from = typeof low === 'object' && low !== null ? quantity(low) : undefined;
  const to = typeof high === 'object' && high !== null ? quantity(high) : undefined;
  const unit = from ?? to;
  if (from && to && from.low > to.high) return { ...from, low: to.low, high: from.high };
  return unit && { ...unit, low: from?.low ?? -Infinity, high: to?.high ?? Infinity };
}

/** From the lowest to the highest sample; E, L and U (error, below and above the limits) are no numbers. */
function sampledQuantity(node: unknown): QuantityValue | undefined {
  const { origin, factor, data } = node as JsonObject;
  if (typeof origin !== 'object' || origin === null || typeof data !== 'string') return undefined;
  const zero = quantity(origin);
  if (!zero) return undefined;
  let low = Infinity;
  let high = -Infinity;
  for (const sample of data.split(' ')) {
    const value = zero.low + Number(sample || NaN) * (typeof factor === 'number' ? factor : 1);
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? { ...zero, low: rounded(low), high: rounded(high) } : undefined;
}

/** To the digits that a double holds for certain: 2048 + 1880 × 1.612 is 5078.56 and not a trifle beside it. */
const rounded = (value: number) => Number(value.toPrecision(15));
