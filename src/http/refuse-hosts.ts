import type { FastifyInstance } from 'fastify';
import { type HostPolicy, refusedHost } from './hosts.js';
import { sendOutcome } from './resource-reply.js';

/** Answers 421 at every address to who asks for a host that is not this hub, and 400 where it is not clear which one is asked for. */
export function refuseHosts(fastify: FastifyInstance, policy: HostPolicy): void {
  fastify.addHook('onRequest', async (request, reply) => {
    const refusal = refusedHost(policy, request.raw);
    if (refusal === undefined) return;
    sendOutcome(reply.status(refusal.status), refusal.issues);
    return reply;
  });
}
