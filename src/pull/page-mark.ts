import { createHash } from 'node:crypto';

import { FhirError } from '../fhir/fhir-error.js';
import type { PageMark } from './resource-reader.js';

/** Name of the query parameter that carries the mark in `next` links; its value is opaque to clients. */
export const PAGE_PARAMETER = '_page';

const SUM_BYTES = 9;

/**
 * A page mark as text for a link. `walk` names what is being walked (type, conditions, order); the text carries a checksum of both, so that a
 * mark that was altered, cut or moved to another query is refused rather than read as some other place. It is no secret and guards none.
 */
export function encodePageMark(mark: PageMark, walk: string): string {
  const payload = Buffer.from(JSON.stringify([mark.tie, ...mark.keys]), 'utf8');
  return Buffer.concat([sumOf(payload, walk), payload]).toString('base64url');
}

/** @throws FhirError 400 naming the parameter */
export function decodePageMark(text: string, walk: string): PageMark {
  const bytes = Buffer.from(text, 'base64url');
  const payload = bytes.subarray(SUM_BYTES);
  if (bytes.toString('base64url') !== text || !bytes.subarray(0, SUM_BYTES).equals(sumOf(payload, walk))) {
    throw new FhirError(
      'value',
      `The value of ${PAGE_PARAMETER} is not one that this server made for this query; follow the links of a Bundle as they are`,
      PAGE_PARAMETER,
    );
  }
  const [tie, ...keys] = JSON.parse(payload.toString('utf8')) as [string, ...(string | number | null)[]];
  return { tie, keys };
}

function sumOf(payload: Buffer, walk: string): Buffer {
  return createHash('sha256').update(walk).update('\0').update(payload).digest().subarray(0, SUM_BYTES);
}
