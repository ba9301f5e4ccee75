import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AnswerBody } from '../../../src/outbound/answer-body.js';
import { brotliWindowBits, decodeBody } from '../../../src/outbound/decode-body.js';

describe('a compressed body', () => {
  test('comes back as it was, up to its bound; of brotli all or nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 5000 }),
        fc.nat(6000),
        fc.constantFrom('gzip', 'br'),
        async (bytes, most, encoding) => {
          const whole = Buffer.from(bytes);
          const sent = encoding === 'gzip' ? gzipSync(whole) : brotliCompressSync(whole);
          const { body, complete } = await decodeBody(sent, encoding, most);
          const isTooLong = whole.length > most;
          expect(body.equals(isTooLong && encoding === 'br' ? Buffer.alloc(0) : whole.subarray(0, most))).toBe(true);
          expect(complete).toBe(!isTooLong);
        },
      ),
      { numRuns: 50 },
    );
  });

  test.each([10, 14, 16, 17, 18, 20, 22, 24])('of brotli tells its window of 2^%i bytes', (bits) => {
    // Long enough that the encoder has a use for the window.
    const sent = brotliCompressSync(Buffer.alloc(2 ** 24 + 1), {
      params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: bits },
    });
    const told = brotliWindowBits(sent[0]!);
    expect(told).toBeGreaterThanOrEqual(bits);
    expect(told).toBeLessThanOrEqual(Math.max(bits, 18));
  });

  test.each(['zstd', 'compress', 'gzip, br', 'gzip,gzip', 'nonsense'])('in %j is not read', async (encoding) => {
    expect(await decodeBody(gzipSync('x'), encoding, 100)).toEqual({ body: Buffer.alloc(0), complete: false });
  });

  test('of brotli with a window far beyond what would be read is not read', async () => {
    const sent = brotliCompressSync(Buffer.alloc(2 ** 24 + 1), {
      params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 24 },
    });
    expect(await decodeBody(sent, 'br', 64 * 1024)).toEqual({ body: Buffer.alloc(0), complete: false });
    expect((await decodeBody(sent, 'br', 2 ** 25)).body.length).toBe(2 ** 24 + 1);
  });

  test('that is cut in the middle is read as far as it goes', async () => {
    const whole = Buffer.from('0123456789'.repeat(10_000));
    const { body, complete } = await decodeBody(gzipSync(whole, { level: 0 }).subarray(0, 50_000), 'gzip', 100_000);
    expect(complete).toBe(false);
    expect(body.length).toBeGreaterThan(0);
    expect(whole.subarray(0, body.length).equals(body)).toBe(true);
  });
});

test('an answer is collected chunk by chunk up to its bound, and chunks are not held on to', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 40 }), fc.nat(1000), (chunks, most) => {
      const body = new AnswerBody(most);
      let size = 0;
      for (const chunk of chunks) {
        const sent = Buffer.from(chunk);
        expect(body.add(sent)).toBe(size + sent.length <= most || sent.length === 0);
        size = Math.min(most, size + sent.length);
        sent.fill(0);
      }
      expect(body.bytes.equals(Buffer.concat(chunks).subarray(0, most))).toBe(true);
    }),
  );
});
