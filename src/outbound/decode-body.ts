import { brotliDecompressSync, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { AnswerBody } from './answer-body.js';

export interface DecodedBody {
  body: Buffer;
  /** False: it was cut off at the bound, broken, or coded in a way the hub does not read. */
  complete: boolean;
}

/**
 * The body behind a `Content-Encoding`, up to `most` bytes. The hub never asks for a compressed answer; one that comes anyway is read as
 * far as the bound, so that what inflates to a gigabyte costs no more than what is short. One coding at a time is read: a pile of
 * them serves nobody but an attacker.
 */
export async function decodeBody(sent: Buffer, encoding: string, most: number): Promise<DecodedBody> {
  const coding = encoding.trim().toLowerCase();
  if (coding === 'br' && most <= SHORT_BYTES) return decodeShortBrotli(sent, most);
  const decoder = decoderOf(coding, sent);
  if (decoder === undefined) return UNREAD;
  const body = new AnswerBody(most);
  let complete = false;
  return new Promise((resolve) => {
    decoder.on('data', (chunk: Buffer) => {
      if (!body.add(chunk)) decoder.destroy();
    });
    decoder.once('end', () => (complete = true));
    decoder.on('error', () => undefined);
    // Only now its memory is free again.
    decoder.once('close', () => resolve({ body: body.bytes, complete }));
    decoder.end(sent);
  });
}

export function isCoded(encoding: string): boolean {
  return !['', 'identity'].includes(encoding.trim().toLowerCase());
}

function decoderOf(encoding: string, sent: Buffer) {
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip();
  if (encoding === 'br') return createBrotliDecompress();
  // By the standard it is wrapped by zlib, which begins with 8; some senders leave the wrap out.
  if (encoding === 'deflate') return (sent[0] ?? 8) % 16 === 8 ? createInflate() : createInflateRaw();
  return undefined;
}

const UNREAD: DecodedBody = { body: Buffer.alloc(0), complete: false };

/** Up to here decoding takes less time than handing it to another thread is worth. */
const SHORT_BYTES = 1024 * 1024;
/** 4 MiB, what encoders use unless told otherwise. */
const MOST_WINDOW_BITS = 22;

/**
 * A brotli decoder holds its whole window before it gives a byte, and each of four threads would keep that memory: so short bodies are
 * decoded here and now, and one that is too long, or has a larger window than is usual, is not read at all.
 */
function decodeShortBrotli(sent: Buffer, most: number): DecodedBody {
  if (brotliWindowBits(sent[0] ?? 0) > MOST_WINDOW_BITS) return UNREAD;
  try {
    return { body: brotliDecompressSync(sent, { maxOutputLength: Math.max(1, most) }).subarray(0, most), complete: true };
  } catch {
    return UNREAD;
  }
}

/** The size of the window, as a power of two, that a brotli stream begins with: https://www.rfc-editor.org/rfc/rfc7932#section-9.1 */
export function brotliWindowBits(first: number): number {
  if ((first & 1) === 0) return 16;
  const middle = (first >> 1) & 7;
  if (middle !== 0) return 17 + middle;
  const last = (first >> 4) & 7;
  return last === 0 ? 17 : last === 1 ? Infinity : 8 + last;
}
