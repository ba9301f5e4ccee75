import { Readable, type Transform } from 'node:stream';
import { promisify } from 'node:util';
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { addVary } from './add-vary.js';
import { chooseCoding, type Coding, isPackable, LEAST_PACKED_BYTES } from './content-encoding.js';
import { prettyJson } from './pretty-json.js';

/** Of 1,450 official examples, 9 kB in the mean: 127 µs each and 18.8 % of the size left, gzip 116 µs and 19.1 % (November 2026). */
const BROTLI_QUALITY = 4;
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } };

const packWhole: Readonly<Record<Coding, (text: string | Buffer) => Promise<Buffer>>> = {
  br: (text) => promisify(brotliCompress)(text, BROTLI),
  gzip: (text) => promisify(gzip)(text),
};
const packer: Readonly<Record<Coding, () => Transform>> = {
  br: () => createBrotliCompress(BROTLI),
  gzip: () => createGzip(),
};

/**
 * Gives every answer below /fhir the form its client asked for, whoever made it: broken into lines for `_pretty=true`, packed for
 * `Accept-Encoding`. Metrics and health are short, and their readers on this machine.
 */
export function shapeAnswers(fastify: FastifyInstance): void {
  fastify.addHook('onSend', async (request, reply, payload) => {
    if (!request.url.startsWith('/fhir/')) return payload;
    return packed(request, reply, broken(request, reply, payload));
  });
}

function broken(request: FastifyRequest, reply: FastifyReply, payload: unknown): unknown {
  if (!request.url.includes('_pretty=true') || typeof payload !== 'string' || payload === '') return payload;
  if (!String(reply.getHeader('content-type')).includes('json')) return payload;
  // The reading side also heeds `_pretty` in the body of a search, so its text may be broken already.
  if (payload.startsWith('{\n')) return payload;
  reply.removeHeader('content-length');
  return prettyJson(payload);
}

async function packed(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  const isStream = payload instanceof Readable;
  const isText = typeof payload === 'string' || Buffer.isBuffer(payload);
  if (!isStream && !(isText && payload.length >= LEAST_PACKED_BYTES)) return payload;
  if (reply.hasHeader('content-encoding') || !isPackable(reply.getHeader('content-type')?.toString())) return payload;
  addVary(reply, 'Accept-Encoding');
  const coding = chooseCoding(request.headers['accept-encoding']?.toString());
  if (coding === undefined) return payload;
  reply.removeHeader('content-length').header('content-encoding', coding);
  if (isText) return packWhole[coding](payload);
  const pack = packer[coding]();
  // An end before its time has to reach the client as one: a stream that was cut must not look whole.
  payload.once('error', (error: Error) => pack.destroy(error));
  pack.once('close', () => payload.destroy());
  return payload.pipe(pack);
}
