import type { FastifyInstance } from 'fastify';
import { FhirError } from '../fhir/fhir-error.js';
import { type HostPolicy, isOwnHost } from './hosts.js';
import { sendOutcome } from './resource-reply.js';

/** Answers 421 at every address to who asks for a host that is not this hub. https://www.rfc-editor.org/rfc/rfc9110#section-15.5.20 */
export function refuseHosts(fastify: FastifyInstance, policy: HostPolicy): void {
  fastify.addHook('onRequest', async (request, reply) => {
    const { host } = request.headers;
    if (isOwnHost(policy, host)) return;
    const named = String(host)
      .replace(/[^\w.:[\]-]/g, '?')
      .slice(0, 100);
    const text = `This hub is not ${named}; ALLOWED_HOSTS lists the names that it answers to beside its own`;
    const refusal = new FhirError('forbidden', text, 'Host');
    sendOutcome(reply.status(421), refusal.issues);
    return reply;
  });
}
