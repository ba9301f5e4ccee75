/**
 * Equality keys: 53-bit hashes of (resource type, parameter, form, value), so that one number stands for "has this value" both as a
 * bigint in Postgres and as a number in memory. They are stored: changing anything here needs a reindex, and a test holds golden values.
 */

const SEPARATOR = 0xffff;

/** Hash state after a common beginning; reused for every key that begins so. */
export interface KeyPrefix {
  readonly a: number;
  readonly b: number;
}

const START: KeyPrefix = { a: 0x243f6a88, b: 0x1b873593 };

/** The state after one more part; parts are kept apart, so ('ab', 'c') and ('a', 'bc') differ. */
export function extendKey(prefix: KeyPrefix, part: string): KeyPrefix {
  let { a, b } = prefix;
  for (let i = 0; i < part.length; i++) {
    const unit = part.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x85ebca6b);
    a = (a << 13) | (a >>> 19);
    b = Math.imul(b ^ unit, 0xc2b2ae35);
    b = (b << 17) | (b >>> 15);
  }
  a = Math.imul(a ^ SEPARATOR, 0x85ebca6b);
  b = Math.imul(b ^ SEPARATOR, 0xc2b2ae35);
  return { a: (a << 13) | (a >>> 19), b: (b << 17) | (b >>> 15) };
}

/** The state after two more numbers. */
export function extendByNumbers({ a, b }: KeyPrefix, first: number, second: number): KeyPrefix {
  const mixedA = Math.imul(a ^ first, 0x85ebca6b);
  const mixedB = Math.imul(b ^ second, 0xc2b2ae35);
  return { a: (mixedA << 13) | (mixedA >>> 19), b: (mixedB << 17) | (mixedB >>> 15) };
}

/** `finishKey` of `extendKey` of each part, in one go and without making objects: some fifty of these for each resource taken in. */
export function keyAfter(prefix: KeyPrefix, first: string, second?: string, third?: string): number {
  let { a, b } = prefix;
  let part: string | undefined = first;
  for (let position = 1; part !== undefined && position <= 3; position++) {
    for (let i = 0; i < part.length; i++) {
      const unit = part.charCodeAt(i);
      a = Math.imul(a ^ unit, 0x85ebca6b);
      a = (a << 13) | (a >>> 19);
      b = Math.imul(b ^ unit, 0xc2b2ae35);
      b = (b << 17) | (b >>> 15);
    }
    a = Math.imul(a ^ SEPARATOR, 0x85ebca6b);
    a = (a << 13) | (a >>> 19);
    b = Math.imul(b ^ SEPARATOR, 0xc2b2ae35);
    b = (b << 17) | (b >>> 15);
    part = position === 1 ? second : third;
  }
  return finish(a, b);
}

/** Finishes a state into a safe integer of 53 bits. */
export function finishKey({ a, b }: KeyPrefix): number {
  return finish(a, b);
}

function finish(a: number, b: number): number {
  const x = scramble(a ^ Math.imul(b, 0x9e3779b1));
  const y = scramble(b ^ Math.imul(a, 0x27d4eb2f));
  return (y & 0x1fffff) * 0x1_0000_0000 + (x >>> 0);
}

function scramble(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/**
 * What a key says of a parameter:
 * `present` it has a value; token: `system-code`, `code` (in whatever system), `no-system` (code without system), `system` (any code of it);
 * `of-type` system, code, value of a typed identifier; `local` a reference to (type, id), `local-version` to (type, id, version);
 * `url` a reference elsewhere or canonical, `url-alone` one that names no version, `url-version` one that does, `url-below` a version it lies
 * at or under; `uri` exact, `below` a path (or a version) the uri lies at or under;
 * `identifier-…` the token forms of Reference.identifier; `composite` forms and values of all its parts.
 */
export type KeyForm =
  | 'present'
  | 'system-code'
  | 'code'
  | 'no-system'
  | 'system'
  | 'of-type'
  | 'local'
  | 'local-version'
  | 'url'
  | 'url-alone'
  | 'url-version'
  | 'url-below'
  | 'uri'
  | 'below'
  | 'identifier-system-code'
  | 'identifier-code'
  | 'identifier-no-system'
  | 'identifier-system'
  | 'composite';

export function keyPrefix(type: string, code: string, form: KeyForm): KeyPrefix {
  return extendKey(extendKey(extendKey(START, type), code), form);
}

/** The key of one value; `parts` as {@link KeyForm} names them. Hot paths keep the {@link keyPrefix} of a parameter instead. */
export function equalityKey(type: string, code: string, form: KeyForm, ...parts: string[]): number {
  return finishKey(parts.reduce(extendKey, keyPrefix(type, code, form)));
}

/** Has the parameter any value at all: what `:missing` asks. */
export function presenceKey(type: string, code: string): number {
  return equalityKey(type, code, 'present');
}

/** 32-bit signed number of a parameter for the narrow tables; `parts` tell the rows of a composite apart. */
export function parameterId(type: string, code: string, ...parts: string[]): number {
  return finishKey(parts.reduce(extendKey, extendKey(extendKey(START, type), code))) | 0;
}

/** Units of a quantity: with a system the code in it, without one the code or unit as such. The row's `param` says whose unit it is. */
export function unitKey(system: string | undefined, code: string): number {
  return system === undefined ? finishKey(extendKey(UNIT, code)) : finishKey(extendKey(extendKey(UNIT_IN_SYSTEM, system), code));
}

const UNIT = extendKey(START, 'unit');
const UNIT_IN_SYSTEM = extendKey(START, 'unit-in-system');
