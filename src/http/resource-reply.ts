import type { FastifyReply } from 'fastify';
import type { Change, Face } from '../fhir/change.js';
import { operationOutcome, type Issue } from '../fhir/fhir-error.js';
import { baseOf } from './face.js';
import type { ReplyType } from './media-types.js';
import { etagOf } from './preconditions.js';
import type { ReturnPreference } from './prefer.js';

/** Absolute address of one version: what `Location` says. */
export function versionUrl(publicUrl: string, face: Face, change: { type: string; id: string; version: number }): string {
  return `${baseOf(publicUrl, face)}/${change.type}/${change.id}/_history/${change.version}`;
}

/** The headers that speak of one version: `ETag` and `Last-Modified`. */
export function versionHeaders(reply: FastifyReply, change: { version: number; at: Date }): FastifyReply {
  return reply.header('ETag', etagOf(change.version)).header('Last-Modified', change.at.toUTCString());
}

/** What a write answers besides its status: the resource, an OperationOutcome or nothing, as the client prefers. */
export function sendWritten(
  reply: FastifyReply,
  answer: {
    status: number;
    change: Change;
    location?: string;
    prefer?: ReturnPreference;
    type: ReplyType;
    done: Issue;
    remarks?: readonly Issue[];
  },
): void {
  const { status, change, location, prefer, type, done, remarks = [] } = answer;
  versionHeaders(reply.status(status), change);
  if (location !== undefined) reply.header('Location', location);
  if (prefer === 'minimal') void reply.send();
  else if (prefer === 'OperationOutcome') sendOutcome(reply, [done, ...remarks], type);
  else void reply.header('Content-Type', type).send(change.body ?? '');
}

/** An OperationOutcome under the status already set. */
export function sendOutcome(
  reply: FastifyReply,
  issues: readonly Issue[],
  type: ReplyType = 'application/fhir+json; charset=utf-8',
): void {
  void reply.header('Content-Type', type).send(JSON.stringify(operationOutcome(issues)));
}
