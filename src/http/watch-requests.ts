import type { FastifyInstance } from 'fastify';
import type { RequestRecorder } from '../telemetry/request-recorder.js';
import { interactionOf } from './interaction-of.js';

/** Has every FHIR request counted and timed once its answer has gone. */
export function watchRequests(fastify: FastifyInstance, recorder: RequestRecorder): void {
  // Routes are few, and each is taken apart once.
  const known = new Map<string, string | undefined>();
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url;
    const key = `${request.method} ${route}`;
    let interaction = known.get(key);
    if (interaction === undefined && !known.has(key)) {
      interaction = interactionOf(request.method, route);
      known.set(key, interaction);
    }
    if (interaction !== undefined) recorder.answered(interaction, reply.statusCode, reply.elapsedTime);
    done();
  });
}
