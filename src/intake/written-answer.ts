import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Face } from '../fhir/change.js';
import type { ReplyType } from '../http/media-types.js';
import { returnPreference } from '../http/prefer.js';
import { sendWritten, versionUrl } from '../http/resource-reply.js';
import type { WriteOutcome } from './change-store.js';
import type { ClientWrites } from './client-writes.js';

/** What an update or a patch is answered: 201 with its address where it created the resource, else 200. */
export async function sendPut(
  request: FastifyRequest,
  reply: FastifyReply,
  outcome: WriteOutcome,
  writes: ClientWrites,
  as: { face: Face; type: ReplyType; publicUrl: string; verb: 'Updated' | 'Patched' },
): Promise<void> {
  if (outcome.kind === 'absent') throw new Error('An update came to nothing');
  const { change } = outcome;
  const created = outcome.kind === 'stored' && change.interaction === 'create';
  const done = outcome.kind === 'unchanged' ? 'Nothing to change in' : created ? 'Created' : as.verb;
  const prefer = returnPreference(request.headers.prefer);
  sendWritten(reply, {
    status: created ? 201 : 200,
    change,
    location: created ? versionUrl(as.publicUrl, as.face, change) : undefined,
    prefer,
    type: as.type,
    remarks: await writes.remarks(change, prefer),
    done: { code: 'informational', diagnostics: `${done} ${change.type}/${change.id}` },
  });
}
