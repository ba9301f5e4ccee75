import type { FastifyInstance } from 'fastify';
import { addVary } from './add-vary.js';
import { refusedPage } from './callers.js';
import { ALLOWED_HEADERS, ALLOWED_METHODS, allowedOrigin, type CorsPolicy, EXPOSED_HEADERS, PREFLIGHT_SECONDS } from './cors.js';
import { sendOutcome } from './resource-reply.js';

/**
 * Tells browsers which pages may read resources and the files of exports, and answers their preflights. What other pages send is refused unless it only
 * reads, which their browser keeps to itself: a POST without a body has no preflight and would be done before anybody looked at its answer.
 * https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function answerCors(fastify: FastifyInstance, policy: CorsPolicy): void {
  fastify.addHook('onRequest', async (request, reply) => {
    if (!SERVED.test(request.url)) return;
    if (!policy.all) addVary(reply, 'Origin');
    const { origin } = request.headers;
    if (origin === undefined) return;
    const allowed = allowedOrigin(policy, origin);
    const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
    if (allowed === undefined) {
      if (!isPreflight && READS.has(request.method) && request.headers.upgrade === undefined) return;
      sendOutcome(reply.status(403), refusedPage().issues);
      return reply;
    }
    void reply.header('Access-Control-Allow-Origin', allowed);
    if (!isPreflight) {
      void reply.header('Access-Control-Expose-Headers', EXPOSED_HEADERS);
      return;
    }
    return reply
      .status(204)
      .header('Access-Control-Allow-Methods', ALLOWED_METHODS)
      .header('Access-Control-Allow-Headers', ALLOWED_HEADERS)
      .header('Access-Control-Max-Age', String(PREFLIGHT_SECONDS))
      .send();
  });
}

/** Resources, files of exports, and sockets that were not opened. */
const SERVED = /^\/(fhir|bulk|ws|socket\.io)\b/;
const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
