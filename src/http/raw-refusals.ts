import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FhirError, operationOutcome } from '../fhir/fhir-error.js';
import { malformedUrl } from './outcome.filter.js';
import { sendOutcome } from './resource-reply.js';

/** For Fastify's option of the same name: refusals made before any route is known, such as broken percent-encoding. */
export function frameworkErrors(_error: unknown, _request: FastifyRequest, reply: FastifyReply): void {
  const refusal = malformedUrl();
  sendOutcome(reply.status(refusal.status), refusal.issues);
}

/** For Fastify's option of the same name: what is no HTTP at all, headers that are too large, requests that come too slowly. */
export function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, phrase, refusal } = refusalOf(error.code);
  const body = JSON.stringify(operationOutcome(refusal.issues));
  socket.end(
    `HTTP/1.1 ${status} ${phrase}\r\nContent-Type: application/fhir+json; charset=utf-8\r\nConnection: close\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function refusalOf(code: string | undefined): { status: number; phrase: string; refusal: FhirError } {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return {
      status: 431,
      phrase: 'Request Header Fields Too Large',
      refusal: new FhirError('too-long', 'The address or the headers are too long'),
    };
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { status: 408, phrase: 'Request Timeout', refusal: new FhirError('timeout', 'The request took too long to arrive') };
  }
  return { status: 400, phrase: 'Bad Request', refusal: new FhirError('invalid', 'This is not a well-formed HTTP request') };
}
