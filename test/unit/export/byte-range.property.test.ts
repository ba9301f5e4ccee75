import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byteRange } from '../../../src/export/byte-range.js';

test('every part lies within the file and is the one asked for', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.nat(1200), fc.option(fc.nat(1200)), (size, from, last) => {
      const range = byteRange(`bytes=${String(from)}-${last === null ? '' : String(last)}`, size);
      if (last !== null && last < from) return expect(range).toBeUndefined();
      if (from >= size) return expect(range).toBe('none');
      expect(range).toEqual({ from, to: Math.min(last ?? size - 1, size - 1) });
    }),
  );
});

test('the last bytes are counted from the end', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.nat(1200), (size, length) => {
      const range = byteRange(`bytes=-${String(length)}`, size);
      expect(range).toEqual(length === 0 ? 'none' : { from: Math.max(0, size - length), to: size - 1 });
    }),
  );
});

test.each([undefined, '', 'bytes=', 'bytes=-', 'bytes=0-1,4-5', 'lines=0-1', 'bytes=a-b', 'bytes=0-1x'])(
  '%j asks for the whole file',
  (header) => {
    expect(byteRange(header, 10)).toBeUndefined();
  },
);
