/**
 * Arrays as parameters in PostgreSQL's binary format: the server takes them as they are, where text has to be split and read number by
 * number. For 100 Observations with their keys that is 15 µs less of the server's time for each (68 → 53) and 30 % fewer bytes.
 * https://www.postgresql.org/docs/18/protocol-overview.html#PROTOCOL-FORMAT-CODES (layout: array_send of the server)
 */
const OID = { int4: 23, int8: 20, float8: 701, text: 25 } as const;

const HEADER_BYTES = 20;
const EMPTY_BYTES = 12;
const WORD = 0x1_0000_0000;

/** `bigint[]` of safe integers: all numbers of the lists, one list behind the other. */
export function keysParameter(lists: readonly (readonly number[])[]): Buffer {
  let count = 0;
  for (const list of lists) count += list.length;
  const { buffer, view } = arrayOf('int8', count, 12);
  let at = HEADER_BYTES;
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      const value = list[i]!;
      view.setInt32(at, 8);
      view.setInt32(at + 4, Math.floor(value / WORD));
      view.setInt32(at + 8, value);
      at += 12;
    }
  }
  return buffer;
}

/** `bigint[]` */
export function bigintsParameter(values: readonly bigint[]): Buffer {
  const { buffer, view } = arrayOf('int8', values.length, 12);
  let at = HEADER_BYTES;
  for (let i = 0; i < values.length; i++, at += 12) {
    view.setInt32(at, 8);
    view.setBigInt64(at + 4, values[i]!);
  }
  return buffer;
}

/** `integer[]` */
export function integersParameter(values: readonly number[]): Buffer {
  const { buffer, view } = arrayOf('int4', values.length, 8);
  let at = HEADER_BYTES;
  for (let i = 0; i < values.length; i++, at += 8) {
    view.setInt32(at, 4);
    view.setInt32(at + 4, values[i]!);
  }
  return buffer;
}

/** `double precision[]`, infinities included. */
export function doublesParameter(values: readonly number[]): Buffer {
  const { buffer, view } = arrayOf('float8', values.length, 12);
  let at = HEADER_BYTES;
  for (let i = 0; i < values.length; i++, at += 12) {
    view.setInt32(at, 8);
    view.setFloat64(at + 4, values[i]!);
  }
  return buffer;
}

/** `text[]` */
export function textsParameter(values: readonly (string | null)[]): Buffer {
  let bytes = 0;
  for (const value of values) bytes += value === null ? 0 : Buffer.byteLength(value);
  const { buffer, view } = arrayOf('text', values.length, 4, bytes);
  let at = HEADER_BYTES;
  for (const value of values) {
    const length = value === null ? -1 : buffer.write(value, at + 4, 'utf8');
    view.setInt32(at, length);
    at += 4 + Math.max(0, length);
    if (value === null) view.setInt32(4, 1);
  }
  return buffer;
}

/** One dimension, numbered from 1; no elements are no dimension. */
function arrayOf(type: keyof typeof OID, count: number, bytesEach: number, more = 0): { buffer: Buffer; view: DataView } {
  const buffer = Buffer.allocUnsafe(count === 0 ? EMPTY_BYTES : HEADER_BYTES + count * bytesEach + more);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  view.setInt32(0, count === 0 ? 0 : 1);
  view.setInt32(4, 0);
  view.setInt32(8, OID[type]);
  if (count === 0) return { buffer, view };
  view.setInt32(12, count);
  view.setInt32(16, 1);
  return { buffer, view };
}
