import { clientErrorHandler, frameworkErrors } from './raw-refusals.js';

/**
 * Options of Fastify that belong to the FHIR edge. Parameters of the path may be longer than any id, so that a long id is refused for its
 * length and not as an unknown address. Node looks for requests that take too long only twice a minute unless told otherwise. A base or a type written with
 * a slash behind it is the same place: many clients join addresses that way.
 */
export const EDGE_OPTIONS = {
  frameworkErrors,
  clientErrorHandler,
  routerOptions: { maxParamLength: 2048, ignoreTrailingSlash: true },
  // Four times what Node allows, so that a search too long for an address is told so, and to use POST.
  http: { connectionsCheckingInterval: 1000, maxHeaderSize: 64 * 1024 },
};
