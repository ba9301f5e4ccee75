import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
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
  const decoder = decoderOf(encoding.trim().toLowerCase(), sent);
  if (decoder === undefined) return { body: Buffer.alloc(0), complete: false };
  const body = new AnswerBody(most);
  return new Promise((resolve) => {
    const end = (complete: boolean) => {
      decoder.destroy();
      resolve({ body: body.bytes, complete });
    };
    decoder.on('data', (chunk: Buffer) => {
      if (!body.add(chunk)) end(false);
    });
    decoder.once('end', () => end(true));
    decoder.on('error', () => end(false));
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
